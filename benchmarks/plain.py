"""The plain method: what a user would write. Per kernel a file, an import, the codegen calls.

Run as ``python benchmarks/plain.py CONFIG COUNT``: compiles the first COUNT kernels of a config
and prints the number of characters it got.
"""

from __future__ import annotations

import importlib.util
import inspect
import os
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from generators import Argument, generate

SEED = 0


def load(python: str, imports: str, number: int, folder: Path):
    path = folder / f"kernel_{number}.py"
    path.write_text(f"{imports}\n{python}")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def warp_texts(kernel, number: int, folder: Path) -> list[str]:
    from warp._src.context import ModuleBuilder, ModuleHasher

    module = load(kernel.python, "import warp as wp", number, folder)
    found = getattr(module, kernel.name).module
    found.options["strip_hash"] = True
    options = found.resolve_options(__import__("warp").config) | {"output_arch": None}
    hasher = ModuleHasher(found._get_live_kernels(), options)
    builder = ModuleBuilder(found, options, hasher=hasher)
    return [builder.codegen("cpu"), builder.codegen("cuda")]


def jax_texts(kernel, number: int, folder: Path, show=lambda made: made.as_text()) -> list[str]:
    import jax
    import jax.numpy as jnp

    wide = any("64" in a.dtype for a in kernel.arguments)
    with jax.enable_x64(wide):
        module = load(kernel.python, "import jax\nimport jax.numpy as jnp", number, folder)
        f = getattr(module, kernel.name)
        arguments = [jax.ShapeDtypeStruct(a.shape, a.dtype) for a in kernel.arguments]
        floats = [i for i, a in enumerate(kernel.arguments) if a.dtype.startswith("float")]
        lowered = jax.jit(f).lower(*arguments)

        def total(*values):
            leaves = jax.tree.leaves(f(*values))
            first, *rest = [jnp.sum(v) for v in leaves if jnp.issubdtype(v.dtype, jnp.floating)]
            return sum(rest, start=first)

        total.__name__ = f"{kernel.name}_grad"
        total.__signature__ = inspect.signature(f)
        gradient = jax.jit(jax.grad(total, argnums=tuple(floats))).lower(*arguments)
        return [
            lowered.as_text(dialect="hlo"),
            gradient.as_text(dialect="hlo"),
            show(lowered.compile()),
        ]


def stablehlo_texts(
    kernel, number: int, folder: Path, show=lambda made: made.as_text()
) -> list[str]:
    import jax

    wide = any("64" in a.dtype for a in kernel.arguments)
    with jax.enable_x64(wide):
        module = load(kernel.python, "import jax\nimport jax.numpy as jnp", number, folder)
        arguments = [jax.ShapeDtypeStruct(a.shape, a.dtype) for a in kernel.arguments]
        lowered = getattr(module, kernel.name).lower(*arguments)
        return [lowered.as_text(), show(lowered.compile())]


def unplaced(executable) -> str:
    """The text of an executable without metadata, to compare: where in a file each line stood."""
    from jax._src.lib import hlo

    options = hlo.HloPrintOptions()
    options.print_metadata = False
    options.print_large_constants = True
    (module,) = executable.runtime_executable().hlo_modules()
    return module.to_string(options)


def paired_texts(kernel, number: int, folder: Path) -> list[str]:
    arguments = [Argument("", "input", dtype, shape, 0, 0) for dtype, shape in kernel.inputs()]
    twin = replace(kernel, python=kernel.twin, arguments=tuple(arguments))
    return warp_texts(kernel, number, folder) + jax_texts(twin, 10**6 + number, folder)


METHODS = {
    "warp": warp_texts,
    "jax": jax_texts,
    "stablehlo": stablehlo_texts,
    "paired": paired_texts,
}


def main() -> None:
    config, count = sys.argv[1], int(sys.argv[2])
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    with tempfile.TemporaryDirectory() as folder:
        total = 0
        for index in range(count):
            kernel = generate(config, SEED, index)
            total += sum(map(len, METHODS[config](kernel, index, Path(folder))))
    print(total)


if __name__ == "__main__":
    main()
