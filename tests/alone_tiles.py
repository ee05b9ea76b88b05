"""Runs the operations of tile kernels alone, each in a kernel of its own on the CPU.

``python tests/alone_tiles.py`` tries every row of `generators/tables/tiles.py`: numbers against the
reference, the gradient against central differences of it, C++ and CUDA text from the extractor. Two
blocks are launched, each with a tile of its own, first with one thread a block, as Warp does on the
CPU, then with 8 that take turns, as on a GPU. Names of rows as arguments restrict it to these.
"""

from __future__ import annotations

import importlib.util
import re
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from alone import drawn, fill, judge, literals_of

from extractors.jobs import Job
from extractors.outcomes import Extracted
from extractors.warp_codegen import extract_warp
from generators.operations import Operation
from generators.spellings import Spelling
from generators.tables import tiles

BLOCKS = 2
EXTENTS = {"": 8, "m": 8, "n": 16, "d": 8, "k": 8}
SQUARE = {"n": 8, "k": 16}
RANKS = {"f": "wp.float64", "i": "wp.int32", "p": "wp.float64"}
NUMPY = {"f": np.float64, "i": np.int32, "p": np.float64}

Case = tuple[Operation, Spelling, tuple[float, ...], int]


def extents_of(row: Operation, leading: int) -> dict[str, int]:
    """Return an extent for each axis; the leading ones count under the empty name."""
    letters = set(re.findall("[a-z]", row.dims))
    square = SQUARE if "nn" in row.dims else {}
    found = {a: square.get(a, EXTENTS[a]) for a in letters}
    return found | ({"": EXTENTS[""]} if leading else {})


def shapes_of(row: Operation, leading: int) -> list[tuple[int, ...]]:
    """Return the shape of each argument's tile, then that of the result."""
    extents = extents_of(row, leading)
    left, _, right = row.dims.partition("->")
    return [
        ((EXTENTS[""],) * leading if spec.startswith("...") else ())
        + tuple(extents[a] if a.isalpha() else int(a) for a in spec.replace("...", ""))
        for spec in (*left.split(","), right)
    ]


def _array(kind: str, rank: int) -> str:
    return f"wp.array(dtype={kind}, ndim={rank})" if rank > 1 else f"wp.array(dtype={kind})"


def _place(shape: tuple[int, ...]) -> str:
    rest = ", 0" * (len(shape) - 1)
    return f"({', '.join(map(str, shape))},), offset=(i * {shape[0]}{rest or ','})"


def source_of(name: str, case: Case) -> str:
    """Return an operation alone as the text of a tile kernel."""
    row, spelling, literals, leading = case
    single = row.name in tiles.SINGLE
    kinds = {k: "wp.float32" if single and k != "i" else v for k, v in RANKS.items()}
    real = kinds["f"]
    *shapes, out = shapes_of(row, leading)
    more = {"one": f"{real}(1.0)", "zero": f"{real}(0.0)", "float": real, "lane": "lane"}
    more |= {f"@{a}": str(n) for a, n in extents_of(row, leading).items()}
    names = [f"a{n}" for n in range(len(row.args))]
    parts = fill(spelling, names, literals, more, number=lambda v: f"{real}({v!r})")
    header = [
        f"x{n}: {_array(kinds[k], len(shape))}"
        for n, (k, shape) in enumerate(zip(row.args, shapes, strict=True))
    ]
    header.append(f"out: {_array(kinds[row.result], len(out))}")
    lines = ["i, lane = wp.tid()"]
    lines += [f"a{n} = wp.tile_load(x{n}, shape={_place(s)})" for n, s in enumerate(shapes)]
    lines += [*parts["lines"], f"result = {parts['value']}"]
    place = _place(out).partition("offset=")[2]
    lines.append(f"wp.tile_store(out, result, offset={place})")
    body = "\n".join(f"    {line}" for line in lines).replace("helper", f"{name}_helper")
    helper = "\n".join(parts["helper"]).replace("helper", f"{name}_helper")
    return f"{helper}\n\n@wp.kernel\ndef {name}({', '.join(header)}):\n{body}\n"


def blockwise(row: Operation) -> Operation:
    """Return the row with a reference that treats the blocks along the first axis apart."""

    def reference(*given):
        count = len(row.args)
        parts = [np.split(value, BLOCKS) for value in given[:count]]
        found = [row.reference(*tiles_, *given[count:]) for tiles_ in zip(*parts, strict=True)]
        return np.concatenate(found)

    return replace(row, reference=reference)


def _directions(row: Operation, values, rng) -> list:
    """Draw a direction for each number; of a symmetric tile only one triangle is read."""
    found = []
    for kind, value in zip(row.args, values, strict=True):
        step = rng.uniform(-1, 1, value.shape)
        if kind == "p":
            keep = np.triu if row.name.endswith("upper") else np.tril
            step = np.concatenate([keep(part) for part in np.split(step, BLOCKS)])
        found.append(None if kind == "i" else step)
    return found


def run(wp, kernel, case: Case, threads: int, rng) -> str:
    """Return what is wrong with an operation's numbers or gradient, or nothing."""
    row, _, literals, leading = case
    *shapes, out_shape = shapes_of(row, leading)
    single = row.name in tiles.SINGLE

    def element(kind: str):
        name = RANKS[kind].removeprefix("wp.")
        return getattr(wp, "float32" if single and kind != "i" else name)

    values = [
        np.concatenate([drawn(row, n, shape, rng) for _ in range(BLOCKS)])
        for n, shape in enumerate(shapes)
    ]
    given = [
        wp.array(v, dtype=element(k), requires_grad=k != "i", device="cpu")
        for v, k in zip(values, row.args, strict=True)
    ]
    whole = (BLOCKS * out_shape[0], *out_shape[1:])
    out = wp.zeros(whole, dtype=element(row.result), requires_grad=row.result != "i", device="cpu")
    tape = wp.Tape()
    with tape:
        wp.launch_tiled(kernel, dim=[BLOCKS], inputs=[*given, out], block_dim=threads, device="cpu")
    found = out.numpy()
    directions = _directions(row, values, rng)
    cotangent = rng.uniform(-1, 1, found.shape)
    gradients = None
    if row.result != "i":
        tape.backward(grads={out: wp.array(cotangent, dtype=element(row.result), device="cpu")})
        gradients = [
            None if d is None else a.grad.numpy() for a, d in zip(given, directions, strict=True)
        ]
    extents = extents_of(row, leading)
    stacked = blockwise(row)
    wrong = judge(stacked, values, literals, found, gradients, directions, cotangent, extents)
    if not wrong and not row.differentiable and gradients is not None and "i" not in row.args:
        held = judge(
            replace(stacked, differentiable=True),
            values, literals, found, gradients, directions, cotangent, extents,
        )  # fmt: skip
        return "" if held else "note: its gradient is right, yet differentiable=False"
    return wrong


def extracted(name: str, source: str) -> str:
    """Return what the extractor has against a kernel's text, or nothing."""
    outcome = extract_warp(Job("warp", "import warp as wp\n" + source, name))
    if not isinstance(outcome, Extracted):
        return f"extraction: {outcome}"
    texts = outcome.texts
    return "" if texts["cpp"] and texts["cuda"] else "extraction: a text is empty"


def cases(names: set[str]) -> dict[str, Case]:
    """Return each row with its literals, those of any rank once as a line and once as a plane."""
    rng = np.random.default_rng(7)
    found = {}
    for row in tiles.ROWS:
        literals = tuple(literals_of(row, rng))
        for leading in (0, 1) if "..." in row.dims else (0,):
            if not names or row.name in names:
                case = (row, tiles.TILE[row.name], literals, leading)
                found[row.name + "_plane" * leading] = case
    return found


def try_tiles(chosen: dict[str, Case], threads: int, folder: str) -> dict[str, str]:
    """Return what is wrong with each case when blocks have this many threads, or nothing."""
    import warp as wp

    wp.config.kernel_cache_dir, wp.config.quiet = folder, True
    wp.config.optimization_level = 0
    wp.config.enable_cpu_blocks = threads > 1
    results = {}
    texts = {name: source_of(name, case) for name, case in chosen.items()}
    refused = {name: extracted(name, text) for name, text in texts.items()}
    results = {name: wrong for name, wrong in refused.items() if wrong}
    text = "\n".join(texts[name] for name in chosen if name not in results)
    path = Path(folder) / f"alone_tiles_{threads}.py"
    path.write_text("import warp as wp\n" + text)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)  # pyright: ignore
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)  # pyright: ignore
    rng = np.random.default_rng(11)
    for name, case in chosen.items():
        if name in results:
            continue
        try:
            results[name] = run(wp, getattr(module, name), case, threads, rng)
        except Exception as error:  # noqa: BLE001  whatever Warp has to say of the row
            results[name] = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
    return results


def storing_source(load: str, store: str) -> str:
    """Return a kernel that reads a tile in one way, doubles it, and writes it in another."""
    slots = {"shape": "(8, 16)", "offset": "(i * 8, 0)", "index": "order"}
    read = tiles.LOADS[load].format(array="x", **slots)
    write = tiles.STORES[store].format(array="out", tile="tile + tile", **slots)
    lines = [
        "i, lane = wp.tid()",
        "order = wp.tile_load(places, shape=(8,), offset=(i * 8,))",
        f"tile = {read}",
        write,
    ]
    header = "x: wp.array2d(dtype=float), places: wp.array(dtype=int), out: wp.array2d(dtype=float)"
    body = "\n".join(f"    {line}" for line in lines)
    return f"\n@wp.kernel\ndef {load}_{store}({header}):\n{body}\n"


def try_storing(threads: int, folder: str) -> dict[str, str]:
    """Return what is wrong with each way of reading and writing a tile, or nothing."""
    import warp as wp

    wp.config.kernel_cache_dir, wp.config.quiet = folder, True
    wp.config.enable_cpu_blocks = threads > 1
    pairs = [(a, b) for a in tiles.LOADS for b in tiles.STORES]
    texts = {pair: storing_source(*pair) for pair in pairs}
    results = {"_".join(pair): extracted("_".join(pair), text) for pair, text in texts.items()}
    path = Path(folder) / f"storing_{threads}.py"
    path.write_text("import warp as wp\n" + "\n".join(texts.values()))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)  # pyright: ignore
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)  # pyright: ignore
    rng = np.random.default_rng(3)
    for load, store in pairs:
        x, weight = rng.uniform(-1, 1, (2, BLOCKS * 8, 16)).astype(np.float32)
        places = np.concatenate([rng.permutation(8) for _ in range(BLOCKS)])
        rows = places + np.repeat(np.arange(BLOCKS) * 8, 8)
        loaded = x[rows] if load == "indexed" else x
        wanted, back = 2 * loaded, 2 * weight
        if "indexed" in store:
            wanted, back = np.zeros_like(x), 2 * weight[rows]
            wanted[rows] = 2 * loaded
        gradient = back
        if load == "indexed":
            gradient = np.zeros_like(x)
            gradient[rows] = back
        given = wp.array(x, requires_grad=True, device="cpu")
        order = wp.array(places, dtype=int, device="cpu")
        out = wp.zeros(x.shape, dtype=float, requires_grad=True, device="cpu")
        tape = wp.Tape()
        with tape:
            wp.launch_tiled(
                getattr(module, f"{load}_{store}"),
                dim=[BLOCKS], inputs=[given, order, out], block_dim=threads, device="cpu",
            )  # fmt: skip
        tape.backward(grads={out: wp.array(weight, device="cpu")})
        name = f"{load}_{store}"
        if not np.allclose(out.numpy(), wanted, atol=1e-5):
            results[name] += "numbers differ"
        if not np.allclose(given.grad.numpy(), gradient, atol=1e-5):
            results[name] += "gradient differs"
    return results


def main() -> None:
    """Try the rows, print what is wrong."""
    chosen = cases(set(sys.argv[1:]))
    with tempfile.TemporaryDirectory() as folder:
        for threads in (1, 8):
            results = try_tiles(chosen, threads, folder)
            for name, wrong in results.items():
                if wrong:
                    print(f"{name}: {wrong}")
            held = sum(not w or w.startswith("note") for w in results.values())
            print(f"{held} of {len(results)} cases hold with {threads} threads a block")
            if len(sys.argv) == 1:
                stored = try_storing(threads, folder)
                wrong = {name: text for name, text in stored.items() if text}
                print(f"{len(stored) - len(wrong)} of {len(stored)} ways to read and write", wrong)


if __name__ == "__main__":
    main()
