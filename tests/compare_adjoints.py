"""Compares the adjoints of Warp kernels with central differences of the kernels themselves.

All kernels that are asked for stand in one module and are compiled once. Run as a script, it
compares the kernels of `wrong_adjoints.ENTRIES` and prints one JSON line for each.
"""

from __future__ import annotations

import importlib.util
import json
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

# Step of the differences, and how far apart still counts as equal, relative to the largest.
PRECISION = {"float64": (1e-5, 1e-6), "float32": (2e-3, 5e-3)}


@dataclass(frozen=True)
class Case:
    """A kernel: its text without the decorator, and the values of its arguments.

    ``inputs`` has an entry for each argument in order: a number for a scalar, numbers for an array.
    Arguments whose name starts with ``out`` are what it computes; their value is the shape.
    ``of`` names the arguments whose gradient is compared: all arrays of floats if empty.
    """

    name: str
    text: str
    inputs: dict[str, Any]
    of: tuple[str, ...] = ()
    tiled: bool = False
    precision: str = "float64"
    step: float = 0.0  # of the differences, where that of the precision does not do
    helper: str = ""

    @property
    def kernel(self) -> str:
        """The name of the kernel: several cases may share one text."""
        return self.text.partition("def ")[2].partition("(")[0]

    @property
    def source(self) -> str:
        """The text of the module's part."""
        helper = f"{self.helper}\n\n" if self.helper else ""
        return f"{helper}@wp.kernel\n{self.text.strip()}\n\n\n"


@dataclass(frozen=True)
class Compared:
    """What came out: the adjoint and the differences of each argument, or why nothing did."""

    adjoint: dict[str, list[float]] = field(default_factory=dict)
    differences: dict[str, list[float]] = field(default_factory=dict)
    values: list[float] = field(default_factory=list)  # of all outputs
    failed: str = ""

    def apart(self, argument: str) -> float:
        """Return the largest distance, relative to the largest derivative or 1e-2."""
        found, wanted = np.array(self.adjoint[argument]), np.array(self.differences[argument])
        scale = max(1e-2, float(np.abs(wanted).max(initial=0.0)))
        return float(np.nan_to_num(np.abs(found - wanted) / scale, nan=np.inf).max(initial=0.0))


def load(text: str, folder: str, name: str = "compared_kernels") -> ModuleType:
    """Return the text imported as a module, from a file since Warp reads the source again."""
    path = Path(folder) / f"{name}.py"
    path.write_text("import warp as wp\n\n\n" + text)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)  # pyright: ignore
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)  # pyright: ignore
    return module


def compare(cases: list[Case]) -> dict[str, Compared]:
    """Compare each case; Warp compiles all in one module, into a temporary folder."""
    import warp as wp

    with tempfile.TemporaryDirectory() as folder:
        wp.config.kernel_cache_dir, wp.config.quiet = folder, True
        wp.config.optimization_level = 0
        sources = {case.kernel: case.source for case in cases}
        module = load("".join(sources.values()), folder)
        return {case.name: _compare(wp, getattr(module, case.kernel), case) for case in cases}


def _compare(wp, kernel, case: Case) -> Compared:
    types = {argument.label: argument.type for argument in kernel.adj.args}
    values = {
        name: np.asarray(value, "float64")
        if isinstance(types[name], wp.array) and not name.startswith("out") else value
        for name, value in case.inputs.items()
    }  # fmt: skip

    def launch(given: dict) -> tuple[dict, dict]:
        """Launch it, return its inputs and its outputs."""
        arrays = {}
        for name, value in given.items():
            if not isinstance(types[name], wp.array):
                arrays[name] = value
                continue
            new = {"dtype": types[name].dtype, "requires_grad": True, "device": "cpu"}
            if name.startswith("out"):
                arrays[name] = wp.zeros(value, **new)
            else:
                arrays[name] = wp.array(value, **new)
        more = {"block_dim": 1} if case.tiled else {}
        start = wp.launch_tiled if case.tiled else wp.launch
        dim = [1] if case.tiled else 1
        start(kernel, dim=dim, inputs=list(arrays.values()), device="cpu", **more)
        return arrays, {n: a for n, a in arrays.items() if n.startswith("out")}

    try:
        tape = wp.Tape()
        with tape:
            arrays, outputs = launch(values)
        rng = np.random.default_rng(5)
        weights = {n: rng.uniform(0.5, 1.5, a.numpy().shape) for n, a in outputs.items()}
        tape.backward(
            grads={
                a: wp.array(weights[n], dtype=types[n].dtype, device="cpu")
                for n, a in outputs.items()
            }
        )
        moved = case.of or [
            n for n, t in types.items()
            if isinstance(t, wp.array) and n not in outputs and "int" not in str(t.dtype)
        ]  # fmt: skip
        adjoint = {n: arrays[n].grad.numpy().astype("float64").ravel().tolist() for n in moved}
        step = case.step or PRECISION[case.precision][0]

        def total(name: str, place: int, way: float) -> float:
            changed = values[name].copy()
            changed.reshape(-1)[place] += way
            _, found = launch(values | {name: changed})
            return sum(float((a.numpy() * weights[n]).sum()) for n, a in found.items())

        differences = {
            n: [
                (total(n, k, step) - total(n, k, -step)) / (2 * step)
                for k in range(values[n].size)
            ]
            for n in moved
        }  # fmt: skip
    except Exception as error:  # noqa: BLE001  whatever Warp has to say of the kernel
        return Compared(failed=f"{type(error).__name__}: {' '.join(str(error).split())[:300]}")
    numbers = [float(v) for a in outputs.values() for v in a.numpy().ravel()]
    return Compared(adjoint, differences, numbers)


def main() -> None:
    """Compare the listed kernels, print what came out."""
    from wrong_adjoints import cases

    for name, found in compare(cases()).items():
        print(json.dumps({"name": name, **vars(found)}))


if __name__ == "__main__":
    main()
