"""Runs whole kernels of the families, straight chains of typed operations, beside the reference.

``python tests/run_families.py CACHE LANGUAGE FIRST COUNT [CATEGORY ...]`` prints one JSON line a
kernel: how far its numbers and, where it says that it has one, its gradient along a random
direction are from those of `generators.reference` in float64, and whether anything is not finite,
comes out constant, or has another shape or dtype than the program says. LANGUAGE is "jax" or
"warp"; what is compared there are functions of whole arrays, and kernels of threads and of tiles.
A process of its own: one that has used JAX must not be forked from, and the test suite forks.
"""

from __future__ import annotations

import importlib.util
import itertools
import json
import os
import re
import sys
from pathlib import Path

os.environ.setdefault("JAX_PLATFORMS", "cpu")

import numpy as np
from beside import DRAWS, away, drawn, judge, slope, steepness, weights_of, wide

from generators import categories
from generators.builders import sample
from generators.jax_source import JaxWriter
from generators.program import Param, Program
from generators.reference import run
from generators.tile_source import TileWriter
from generators.warp_source import WarpWriter

SEED = 5
WIDE = {"float64", "int64", "uint64", "complex128"}
THREADED = (
    "matrix", "quaternion", "transform", "spatial", "special", "integer", "geometry", "random",
)  # fmt: skip
COMPONENTS = {"q": (4,), "t": (7,), "s": (6,), "S": (6, 6)}


def families(language: str) -> list[str]:
    """Return the categories of a language that are compared here."""
    if language == "warp":
        return [*THREADED, "tile"]
    names = categories("jax", extended=True)[10:]
    return [name for name in names if name not in ("stencil", "gather", "scatter")]


# -- functions of whole arrays in JAX --------------------------------------------------------------


def try_jax(category: str, index: int) -> dict:
    """Compare a JAX function with the reference."""
    import jax
    import jax.numpy as jnp

    program, draw = sample("jax", category, SEED, "train", index, 0)
    writer = JaxWriter(program, draw("text"), draw("names"))
    source, arguments = writer.kernel()
    rng = np.random.default_rng(index)
    scope = {"jax": jax, "jnp": jnp}
    exec(source, scope)
    function = scope[writer.names.kernel]

    def inputs() -> list:
        return [
            drawn(p, a.shape, a.dtype, rng) for p, a in zip(program.params, arguments, strict=True)
        ]

    with np.errstate(all="ignore"), jax.enable_x64(any(a.dtype in WIDE for a in arguments)):
        given = inputs()
        values = [jnp.asarray(v) for v in given]
        wanted = run(program, exact := [wide(v) for v in given])
        others = [run(program, [wide(v) for v in inputs()]) for _ in range(DRAWS)]
        found = [np.asarray(leaf) for leaf in jax.tree.leaves(jax.jit(function)(*values))]
        dtypes = [writer.dtypes[writer.types[id_][0]] for id_ in program.outputs]
        result = judge(program, found, wanted, others, dtypes)
        ways, weights = [away(v, rng) for v in given], weights_of(wanted, rng)
        places = tuple(n for n, w in enumerate(ways) if w is not None)
        if not (program.differentiable and places and any(w is not None for w in weights)):
            return result

        def total(*given):
            leaves = jax.tree.leaves(function(*given))
            pairs = zip(leaves, weights, strict=True)
            return sum(jnp.sum(jnp.real(leaf * w)) for leaf, w in pairs if w is not None)

        taken = iter(jax.jit(jax.grad(total, argnums=places))(*values))
        gradients = [None if w is None else np.asarray(next(taken)) for w in ways]
        wanted = slope(lambda moved: run(program, moved), exact, ways, weights)
        return result | {"gradient": steepness(gradients, ways, wanted)}


# -- kernels of threads and of tiles in Warp -------------------------------------------------------


def apart(source: str, mark: str) -> str:
    """Return a kernel's text with a mark on all that it defines, so that many stand together."""
    names = re.findall(r"^(?:def|class) (\w+)|^(\w+) = ", source, re.MULTILINE)
    every = "|".join({name for pair in names for name in pair if name})
    return re.sub(rf"(?<![.\w])({every})\b(?!=)", rf"\1_{mark}", source)


def order(program: Program, writer: WarpWriter) -> list[Param]:
    """Return the parameters in the order of the arguments: fields of a struct stand first."""
    fields = writer.struct.fields if writer.struct else {}
    return sorted(program.params, key=lambda p: p.id not in fields)


def blockwise(program: Program, arguments: tuple, grid: tuple[int, ...], inputs: list) -> list:
    """Return what the reference says of all blocks of a kernel on tiles, each on its own tile."""
    out = next(a for a in arguments if a.role == "output")
    shape = dict(program.shapes)[program.outputs[0]]
    found: np.ndarray | None = None
    for block in itertools.product(*map(range, grid)):

        def place(shape, block=block):
            at = (*block, *(0 for _ in shape))
            return tuple(slice(i * n, (i + 1) * n) for i, n in zip(at, shape, strict=False))

        tiles = [
            v if v.shape == p.shape else v[place(p.shape)]
            for p, v in zip(program.params, inputs, strict=True)
        ]
        [value] = run(program, tiles)
        if found is None:
            found = np.zeros(out.shape, value.dtype)
        if out.shape == shape:
            found += value
        else:
            found[place(shape)] = value
    return [found]


class Launch:
    """A Warp kernel with arguments of its own."""

    def __init__(self, kernel, program: Program, writer: WarpWriter, arguments: tuple, rng):
        import warp as wp

        self.wp, self.kernel, self.program, self.writer = wp, kernel, program, writer
        self.arguments, self.params = arguments, order(program, writer)
        self.values = {
            p.id: drawn(p, a.shape + self.components(p.type), self.plain(p.type), rng)
            for p, a in zip(self.params, arguments, strict=False)
        }

    def components(self, type_: str) -> tuple[int, ...]:
        """Return the shape of one value of a type."""
        w = self.program.width
        return ({"v": (w,), "m": (w, w)} | COMPONENTS).get(type_[0], ())

    def plain(self, type_: str) -> str:
        """Return the NumPy name of the numbers that a type is made of."""
        p = self.program
        names = {"i": p.signed, "u": p.unsigned, "b": "bool", "k": "int32"}
        return names.get(type_[0], p.dtype)

    def element(self, type_: str):
        """Return a type as Warp has it."""
        name = self.writer.element(type_[0])[1]
        return getattr(self.wp, name)

    def inputs(self) -> list:
        """Return the inputs in float64, in the order of the program."""
        return [wide(self.values[p.id]) for p in self.program.params]

    def told(self, inputs: list) -> list:
        """Return what the reference says."""
        if self.program.space:
            return run(self.program, inputs)
        return blockwise(self.program, self.arguments, self.writer.launch, inputs)

    def given(self) -> tuple[list, dict]:
        """Return what the kernel is launched with, and how the gradient of each input is read."""
        wp, struct, launched, readers = self.wp, self.writer.struct, [], {}
        if struct:
            type_ = self.kernel.adj.args[0].type
            if struct.element:
                count = len(next(iter(self.values[id_] for id_ in struct.fields)))
                rows = np.zeros(count, type_.dtype.numpy_dtype())
                for id_, name in struct.fields.items():
                    rows[name] = self.values[id_]
                held = wp.array(rows, dtype=type_.dtype, requires_grad=True, device="cpu")
                readers = {
                    id_: lambda name=name, held=held: held.grad.numpy()[name]
                    for id_, name in struct.fields.items()
                }
            else:
                held = type_()
                for id_, name in struct.fields.items():
                    setattr(held, name, self.values[id_].item())
            launched.append(held)
        for p in self.params:
            value = self.values[p.id]
            if struct and p.id in struct.fields:
                continue
            if not (p.axes or p.shape):
                launched.append(value.item())
                continue
            real = value.dtype.kind == "f"
            type_ = self.element(p.type)
            held = wp.array(value, dtype=type_, requires_grad=real, device="cpu")
            launched.append(held)
            if real:
                readers[p.id] = lambda held=held: held.grad.numpy()
        rest = self.arguments[len(self.params) :]
        launched += [int(a.low) for a in rest if a.role == "input"]  # how often loops go round
        return launched, readers

    def launch(self, launched: list, outputs: list) -> None:
        """Launch it."""
        given = [*launched, *outputs]
        if self.program.space:
            self.wp.launch(self.kernel, dim=self.writer.launch, inputs=given, device="cpu")
        else:
            self.wp.launch_tiled(
                self.kernel, dim=self.writer.launch, inputs=given,
                block_dim=self.writer.block_dim, device="cpu",
            )  # fmt: skip

    def compare(self, rng) -> dict:
        """Compare numbers and gradient with the reference."""
        wp, program = self.wp, self.program
        types = [self.writer.types[id_] for id_ in program.outputs]
        given = [a for a in self.arguments if a.role == "output"]
        outputs = []
        for argument, kind in zip(given, types, strict=True):
            out = wp.zeros(
                argument.shape, dtype=self.element(kind), requires_grad=kind[0] not in "iub",
                device="cpu",
            )  # fmt: skip
            if argument.low:
                out.fill_(int(argument.low) if kind[0] in "iu" else argument.low)
            outputs.append(out)
        launched, readers = self.given()
        tape = wp.Tape()
        with tape:
            self.launch(launched, outputs)
        found = [out.numpy() for out in outputs]
        exact = self.inputs()
        told = self.told(exact)
        others = []
        for _ in range(1 if self.program.space else DRAWS):
            again = [
                wide(drawn(p, self.values[p.id].shape, self.plain(p.type), rng))
                for p in program.params
            ]
            others.append(self.told(again))
        result = judge(program, found, told, others, [self.plain(t) for t in types])
        weights = weights_of(told, rng)
        if not (program.differentiable and readers and any(w is not None for w in weights)):
            return result
        grads = {
            out: wp.array(w, dtype=out.dtype, device="cpu")
            for out, w in zip(outputs, weights, strict=True)
            if w is not None
        }
        tape.backward(grads=grads)
        ways = [
            away(v, rng) if p.id in readers else None
            for p, v in zip(program.params, exact, strict=True)
        ]
        gradients = [readers[p.id]() if p.id in readers else None for p in program.params]
        wanted = slope(self.told, exact, ways, weights)
        return result | {"gradient": steepness(gradients, ways, wanted)}


def try_warp(kernel, program: Program, writer: WarpWriter, arguments: tuple) -> dict:
    """Compare a Warp kernel with the reference."""
    rng = np.random.default_rng(1)
    with np.errstate(all="ignore"):
        return Launch(kernel, program, writer, arguments, rng).compare(rng)


def written(category: str, index: int) -> dict:
    """Return a Warp kernel's text, its names marked, and all that is known of it."""
    program, draw = sample("warp", category, SEED, "train", index, 0)
    kind = WarpWriter if program.space else TileWriter
    writer = kind(program, draw("text"), draw("names"))
    source, arguments = writer.kernel()
    mark = f"{category}_{index}"
    return {
        "name": mark,
        "source": apart(source, mark),
        "kernel": f"{writer.names.kernel}_{mark}",
        "made": (program, writer, arguments),
    }


def compiled(cache: str, kernels: list[dict]):
    """Compile kernels as one module and yield each; where Warp does not take it, as two of half.

    Of a single one that it does not take there is only what Warp says of it.
    """
    import warp as wp

    stem = f"families_{os.getpid()}_{kernels[0]['name']}_{len(kernels)}"
    path = Path(cache) / f"{stem}.py"
    path.write_text("import warp as wp\n\n\n" + "\n\n".join(k["source"] for k in kernels))
    spec = importlib.util.spec_from_file_location(stem, path)
    module = sys.modules[stem] = importlib.util.module_from_spec(spec)  # pyright: ignore
    try:
        spec.loader.exec_module(module)  # pyright: ignore
        wp.load_module(stem, device="cpu", block_dim=1)
    except Exception as error:  # noqa: BLE001  whatever Warp has to say of a kernel
        half = len(kernels) // 2
        if half:
            yield from compiled(cache, kernels[:half])
            yield from compiled(cache, kernels[half:])
        else:
            yield kernels[0]["name"], None, said(error)
        return
    for kernel in kernels:
        yield kernel["name"], getattr(module, kernel["kernel"]), kernel["made"]


def main() -> None:
    """Compare what the command line asks for."""
    cache, language, first, count = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    names = sys.argv[5:] or families(language)
    asked = [(name, index) for name in names for index in range(first, first + count)]
    if language == "jax":
        for category, index in asked:
            print(json.dumps({"name": f"{category}_{index}"} | attempt(try_jax, category, index)))
        return
    import warp as wp

    wp.config.kernel_cache_dir, wp.config.quiet = cache, True
    wp.config.optimization_level = 0  # a third of the time, the same numbers
    for name, kernel, made in compiled(cache, [written(*one) for one in asked]):
        found = made if kernel is None else attempt(try_warp, kernel, *made)
        print(json.dumps({"name": name} | found), flush=True)


def attempt(compare, *arguments) -> dict:
    """Return what a comparison says, or with what it failed."""
    try:
        return compare(*arguments)
    except Exception as error:  # noqa: BLE001  whatever a compiler has to say of the kernel
        return said(error)


def said(error: Exception) -> dict:
    """Return an error as a line's entry."""
    return {"error": f"{type(error).__name__}: {' '.join(str(error).split())[:400]}"}


if __name__ == "__main__":
    main()
