"""Runs kernels of one program written in both languages and compares numbers and gradients.

``python tests/run_both.py CACHE LANGUAGE FIRST COUNT`` prints one JSON line a kernel. A process of
its own: one that has used JAX must not be forked from, and the test suite forks.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from pathlib import Path

os.environ.setdefault("JAX_PLATFORMS", "cpu")

import jax
import jax.numpy as jnp
import numpy as np
import warp as wp

from generators import categories
from generators.builders import sample
from generators.jax_source import JaxWriter
from generators.warp_source import WarpWriter

SEED = 5


def written(language: str, first: int, count: int) -> list[tuple]:
    """Return (category, index, program, Warp kernel, JAX function) of the kernels asked for."""
    found = []
    for category in categories("warp"):
        for index in range(first, first + count):
            program, draw = sample(language, category, SEED, "train", index, 0)
            warp, function = (
                WarpWriter(program, draw("text"), draw("names")),
                JaxWriter(program, draw("twin"), draw("names")),
            )
            found.append((category, index, program, warp, function))
    return found


def array(argument, rng: np.random.Generator, dtype: str):
    """Return an argument's values as NumPy and as a Warp array, or a plain number twice."""
    if not argument.shape:
        whole = argument.dtype == "int32"
        value = int(argument.low) if whole else float(rng.uniform(argument.low, argument.high))
        return value, value
    vector = argument.dtype.startswith("vec")
    shape = argument.shape + ((int(argument.dtype[3]),) if vector else ())
    values = rng.uniform(argument.low, argument.high, shape).astype(dtype)
    element = getattr(wp, argument.dtype)
    return values, wp.array(values, dtype=element, requires_grad=True, device="cpu")


def distance(found: np.ndarray, wanted: np.ndarray) -> float:
    """Return the largest difference, relative to the largest wanted value."""
    found, wanted = np.asarray(found).reshape(-1), np.asarray(wanted).reshape(-1)
    return float(np.max(np.abs(found - wanted)) / max(float(np.max(np.abs(wanted))), 1e-3))


def compare(program, kernel, arguments, source: str, name: str) -> dict[str, float]:
    """Run a kernel and a function on the same inputs; return how far apart they are."""
    rng = np.random.default_rng(1)
    with jax.enable_x64(program.dtype == "float64"):
        pairs = [array(a, rng, program.dtype) for a in arguments]
        inputs = [
            (value, launched)
            for (value, launched), a in zip(pairs, arguments, strict=True)
            if a.role == "input" and a.dtype != "int32"
        ]
        outputs = [p[1] for p, a in zip(pairs, arguments, strict=True) if a.role == "output"]
        extents = dict(program.extents)
        tape = wp.Tape()
        with tape:
            space = tuple(extents[a] for a in program.space)
            wp.launch(kernel, dim=space, inputs=[p[1] for p in pairs], device="cpu")
        tape.backward(grads={out: wp.ones_like(out) for out in outputs})

        scope = {"jax": jax, "jnp": jnp}
        exec(source, scope)
        function = scope[name]
        values = [jnp.asarray(v, dtype=program.dtype) for v, _ in inputs]
        wanted = jax.tree.leaves(function(*values))
        total = lambda *a: sum(jnp.sum(leaf) for leaf in jax.tree.leaves(function(*a)))  # noqa: E731
        gradients = jax.grad(total, argnums=tuple(range(len(values))))(*values)
        value = max(distance(out.numpy(), w) for out, w in zip(outputs, wanted, strict=True))
        gradient = [
            distance(launched.grad.numpy(), g)
            for (_, launched), g in zip(inputs, gradients, strict=True)
            if isinstance(launched, wp.array)
        ]
        flat = any(np.ptp(np.asarray(w)) == 0 for w in wanted if w.size > 1)
        return {"value": value, "gradient": max(gradient), "flat": flat}


def main() -> None:
    """Compare what the command line asks for."""
    cache, language, first, count = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    wp.config.kernel_cache_dir = cache
    wp.config.optimization_level = 0  # a third of the time, the same numbers
    kernels = written(language, first, count)
    texts, found = ["import warp as wp\n"], []
    for category, index, program, warp, function in kernels:
        python, arguments = warp.kernel()
        name = f"{category}_{index}"
        texts.append(python.replace(f"def {warp.names.kernel}(", f"def {name}("))
        found.append((name, program, arguments, *function.kernel()[:1], function.names.kernel))
    path = Path(cache) / "both_kernels.py"  # one module: its compiling is shared
    path.write_text("\n".join(texts))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)  # pyright: ignore
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)  # pyright: ignore
    for name, program, arguments, source, called in found:
        result = compare(program, getattr(module, name), arguments, source, called)
        more = {"name": name, "dtype": program.dtype, "differentiable": program.differentiable}
        print(json.dumps(more | result), flush=True)


if __name__ == "__main__":
    main()
