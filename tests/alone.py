"""Runs operations alone: each spelled by itself in a language, beside its NumPy reference.

``python tests/alone.py warp matrices`` tries every row of `generators/tables/matrices.py` that Warp
spells: numbers against the reference, and the gradient against central differences of it. It does
not use the writers, so that a mistake of theirs cannot hide one of a table.
"""

from __future__ import annotations

import importlib
import importlib.util
import re
import sys
import tempfile
from pathlib import Path

import numpy as np

from generators import intervals as iv
from generators.operations import Operation
from generators.spellings import Spelling

POINTS = 12  # threads, or elements of an elementwise operation
EXTENTS = {"": (3,), "n": 4, "d": 8, "k": 4, "m": 4, "h": 2, "b": 2, "c": 4, "y": 8, "z": 8}
USUAL = (-2.0, 2.0)
COMPONENTS = {"v": (3,), "m": (3, 3), "q": (4,), "t": (7,), "s": (6,), "S": (6, 6)}
WARP_TYPES = {
    "f": "wp.float64", "i": "wp.int32", "u": "wp.uint32", "b": "wp.bool", "v": "wp.vec3d",
    "m": "wp.mat33d", "q": "wp.quatd", "t": "wp.transformd", "s": "wp.spatial_vectord",
    "S": "wp.spatial_matrixd", "k": "wp.int32",
}  # fmt: skip
NUMPY = {"f": "float64", "i": "int32", "u": "uint32", "b": "bool", "c": "complex128", "k": "int32"}


def extents_of(row: Operation, width: int = 3) -> dict[str, int]:
    """Return an extent for each axis that the row names."""
    letters = set(re.findall("[a-z]", row.dims))
    found = {a: EXTENTS.get(a, 4) for a in letters}
    main = row.dims.partition("->")[0].split(",")[0].replace("...", "")
    if main and main[-1].isalpha():
        found[main[-1]] = -(-found[main[-1]] // row.multiple) * row.multiple
    return found


def shape_of(row: Operation, place: int, extents: dict[str, int]) -> tuple[int, ...]:
    """Return the shape of an argument."""
    if not row.dims:
        return () if row.args[place] == "k" else (POINTS, *COMPONENTS.get(row.args[place], ()))
    spec = row.dims.partition("->")[0].split(",")[place]
    shape = EXTENTS[""] if spec.startswith("...") else ()
    return shape + tuple(extents[a] if a.isalpha() else int(a) for a in spec.replace("...", ""))


def interval_of(row: Operation, place: int) -> tuple[float, float]:
    """Return what an argument is drawn from: its domain where it is not too wide for numbers."""
    side = row.sides[place - 1] if place and place <= len(row.sides) else None
    if side is not None:
        return side.interval
    low, high = row.domains[place]
    if row.args[place] == "u":
        return (0, 2**32 - 1)
    if row.args[place] == "k":
        return (0, 1000)
    if row.args[place] in "i":
        return (max(low, -100), min(high, 100))
    narrow = (max(low, USUAL[0]), min(high, USUAL[1]))
    return narrow if narrow[0] < narrow[1] else (low, min(high, low + 4))


def drawn(row: Operation, place: int, shape: tuple[int, ...], rng) -> np.ndarray:
    """Draw an argument from its interval."""
    low, high = interval_of(row, place)
    kind = row.args[place]
    if kind == "p":
        half = rng.uniform(-1, 1, shape)
        return half @ np.swapaxes(half, -1, -2) / shape[-1] + np.eye(shape[-1])
    if kind == "b":
        return rng.random(shape) < 0.5
    if kind in "iuk":
        return rng.integers(int(low), int(high), shape, endpoint=True).astype(NUMPY[kind])
    values = rng.uniform(low, high, shape)
    return values + 1j * rng.uniform(low, high, shape) if kind == "c" else values


def literals_of(row: Operation, rng) -> list[float]:
    """Draw the literals."""
    return [
        int(rng.integers(a, b, endpoint=True)) if isinstance(a, int) and isinstance(b, int)
        else round(float(rng.uniform(a, b)), 3)
        for a, b in row.literals
    ]  # fmt: skip


def fill(spelling: Spelling, names: list[str], literals, more: dict[str, str], number=repr) -> dict:
    """Return the spelling's lines, value and helper with the slots filled."""
    slots = {f"t{n}": f"local{n}" for n in range(9)} | {f"h{n}": f"helper{n}" for n in range(9)}
    slots |= more

    def slot(match: re.Match) -> str:
        name = match.group(1)
        if name.startswith("#"):
            value = literals[int(name[1:])]
            return number(value) if isinstance(value, float) else repr(value)
        return names[int(name)] if name.isdigit() else slots[name]

    def filled(text: str) -> str:
        return re.sub(r"\{(#?\d|@\w|[a-z]\w*)!{0,2}\}", slot, text)

    return {
        "lines": [filled(line) for line in spelling.lines],
        "value": filled(spelling.template),
        "helper": [filled(line) for line in spelling.helper],
    }


def reference(row: Operation, values, literals):
    """Return what the reference says, in float64."""
    wide = [v if row.args[n] in "iubk" else v.astype("complex128" if row.args[n] == "c" else float)
            for n, v in enumerate(values)]  # fmt: skip
    more = [np.arange(POINTS)] if row.indexed else []
    return np.asarray(row.reference(*wide, *literals, *more))


def check_range(row: Operation, values, literals, found, extents) -> str:
    """Return what is wrong with the row's range or width of result, or nothing."""
    intervals = [interval_of(row, n) for n in range(len(values))]
    size = extents if row.dims else row.width or 3
    low, high = row.range_of(size, *intervals, *((v, v) for v in literals))
    if row.result in "ck":
        return ""
    slack = 1e-6 * max(1.0, iv.magnitude((low, high)))
    if found.min() < low - slack or found.max() > high + slack:
        return f"range ({low:.4g}, {high:.4g}) but [{found.min():.4g}, {found.max():.4g}]"
    return "" if np.isfinite(found).all() else "reference is not finite"


def slope(row: Operation, values, literals, directions, cotangent, step: float = 1e-5) -> float:
    """Return the reference's derivative along a direction, by central differences."""
    ends = []
    for sign in (1, -1):
        moved = [v if d is None else v + sign * step * d
                 for v, d in zip(values, directions, strict=True)]  # fmt: skip
        ends.append(float(np.sum(np.real(reference(row, moved, literals) * cotangent))))
    return (ends[0] - ends[1]) / (2 * step)


def judge(row, values, literals, found, gradients, directions, cotangent, extents) -> str:
    """Return what is wrong with an operation's numbers or gradient, or nothing."""
    wanted = reference(row, values, literals)
    wrong = check_range(row, values, literals, wanted, extents)
    if wrong:
        return wrong
    if found.shape != wanted.shape:
        return f"shape {found.shape}, reference {wanted.shape}"
    if wanted.dtype.kind in "biu":
        found, wanted = found.astype(float), wanted.astype(float)
    apart = np.max(np.abs(found - wanted)) / max(1.0, float(np.max(np.abs(wanted))))
    if not apart <= 1e-5:  # float32 constants inside library functions
        return f"numbers differ by {apart:.2e}"
    if gradients is None:
        return ""
    along = sum(
        float(np.sum(np.real(g * d)))
        for g, d in zip(gradients, directions, strict=True) if d is not None
    )  # fmt: skip
    expected = slope(row, values, literals, directions, cotangent)
    close = abs(along - expected) <= 1e-3 * max(1.0, abs(expected), abs(along))
    if row.differentiable and not close:
        return f"gradient {along:.6g}, by differences {expected:.6g}"
    return ""


def _directions(row: Operation, values, rng) -> list:
    found = []
    for n, v in enumerate(values):
        way = rng.uniform(-1, 1, v.shape) if row.args[n] in "fvmqtsScp" else None
        if row.args[n] == "p":  # symmetric matrices stay symmetric
            way = way + np.swapaxes(way, -1, -2)
        found.append(way + 1j * rng.uniform(-1, 1, v.shape) if row.args[n] == "c" else way)
    return found


def try_jax(row: Operation, spelling: Spelling) -> str:
    """Return what is wrong with an operation in JAX, or nothing."""
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    rng = np.random.default_rng(7)
    extents = extents_of(row)
    values = [drawn(row, n, shape_of(row, n, extents), rng) for n in range(len(row.args))]
    literals = literals_of(row, rng)
    names = [f"x{n}" for n in range(len(values))]
    more = {f"@{a}": str(n) for a, n in extents.items()}
    more |= {"one": "1.0", "zero": "0.0", "float": "jnp.float64"}
    more |= {"int": f"jnp.{NUMPY['i']}", "uint": f"jnp.{NUMPY['u']}"}
    parts = fill(spelling, names, literals, more)
    body = [*parts["lines"], f"return {parts['value']}"]
    source = "\n".join(
        [*parts["helper"], f"def kernel({', '.join(names)}):", *("    " + b for b in body)]
    )
    scope = {"jax": jax, "jnp": jnp}
    try:
        exec(source, scope)
        function = scope["kernel"]
        given = [jnp.asarray(v) for v in values]
        found = np.asarray(jax.jit(function)(*given))
        directions = _directions(row, values, rng)
        cotangent = rng.uniform(-1, 1, found.shape)
        gradients = None
        moved = tuple(n for n, d in enumerate(directions) if d is not None)
        if moved and row.differentiable and row.result in "fcp":
            total = lambda *a: jnp.sum(jnp.real(function(*a) * cotangent))  # noqa: E731
            taken = iter(jax.jit(jax.grad(total, argnums=moved))(*given))
            gradients = [None if d is None else np.asarray(next(taken)) for d in directions]
        return judge(row, values, literals, found, gradients, directions, cotangent, extents)
    except Exception as error:  # noqa: BLE001  whatever JAX has to say of the row
        return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}\n{source}"


def warp_type(row: Operation, kind: str) -> str:
    """Return what Warp calls a type."""
    name = WARP_TYPES[kind].removeprefix("wp.")
    if row.width and kind in "vm":
        name = f"vec{row.width}d" if kind == "v" else f"mat{row.width}{row.width}d"
    if row.single:
        name = "float32" if name == "float64" else name.removesuffix("d")
    return name


def warp_source(name: str, row: Operation, spelling: Spelling, literals) -> str:
    """Return an operation alone as the text of a Warp kernel."""

    def type_of(kind: str) -> str:
        return f"wp.{warp_type(row, kind)}"

    def number(value: float) -> str:
        return repr(value) if row.single else f"wp.float64({value!r})"

    names = [f"x{n}" if k == "k" else f"x{n}[i]" for n, k in enumerate(row.args)]
    more = {"one": number(1.0), "zero": number(0.0), "tid": "i", "width": str(row.width or 3)}
    letters = {"float": "f", "int": "i", "uint": "u"}
    letters |= {"vec": "v", "mat": "m", "quat": "q", "transform": "t", "svec": "s", "smat": "S"}
    more |= {slot: type_of(kind) for slot, kind in letters.items()}
    parts = fill(spelling, names, literals, more, number)
    header = [
        f"x{n}: {type_of(k)}" if k == "k" else f"x{n}: wp.array(dtype={type_of(k)})"
        for n, k in enumerate(row.args)
    ]
    lines = [*parts["lines"], f"out[i] = {parts['value']}"]
    header.append(f"out: wp.array(dtype={type_of(row.result)})")
    helper = "\n".join(parts["helper"]).replace("helper", f"{name}_helper")
    body = "\n".join(f"    {line}" for line in ["i = wp.tid()", *lines])
    body = body.replace("helper", f"{name}_helper") if helper else body
    return f"{helper}\n@wp.kernel\ndef {name}({', '.join(header)}):\n{body}\n"


def try_warp(rows: dict[str, tuple[Operation, Spelling]]) -> dict[str, str]:
    """Return what is wrong with each of some thread-level operations in Warp, or nothing."""
    import warp as wp

    rng = np.random.default_rng(7)
    literals = {name: literals_of(row, rng) for name, (row, _) in rows.items()}
    with tempfile.TemporaryDirectory() as folder:
        wp.config.kernel_cache_dir, wp.config.quiet = folder, True
        wp.config.optimization_level = 0
        text = "\n".join(
            warp_source(name, row, spelling, literals[name])
            for name, (row, spelling) in rows.items()
        )
        path = Path(folder) / "alone_kernels.py"
        path.write_text("import warp as wp\n" + text)
        spec = importlib.util.spec_from_file_location(path.stem, path)
        module = importlib.util.module_from_spec(spec)  # pyright: ignore
        sys.modules[path.stem] = module
        spec.loader.exec_module(module)  # pyright: ignore
        return {
            name: _run_warp(wp, getattr(module, name), row, literals[name], rng)
            for name, (row, _) in rows.items()
        }


def _run_warp(wp, kernel, row: Operation, literals, rng) -> str:
    def element(kind: str):
        return getattr(wp, warp_type(row, kind))

    def shape(place: int) -> tuple[int, ...]:
        found = shape_of(row, place, {})
        return (
            (found[0], *(row.width for _ in found[1:]))
            if row.width and found[1:] and (row.args[place] in "vm")
            else found
        )

    try:
        values = [drawn(row, n, shape(n), rng) for n in range(len(row.args))]
        given = [
            int(v) if k == "k" else wp.array(v, dtype=element(k), requires_grad=k in "fvmqtsS",
                                             device="cpu")
            for v, k in zip(values, row.args, strict=True)
        ]  # fmt: skip
        out = wp.zeros(POINTS, dtype=element(row.result), requires_grad=True, device="cpu")
        tape = wp.Tape()
        with tape:
            wp.launch(kernel, dim=POINTS, inputs=[*given, out], device="cpu")
        found = out.numpy()
        directions = _directions(row, values, rng)
        cotangent = rng.uniform(-1, 1, found.shape)
        gradients = None
        if row.result in "fvmqtsS" and any(d is not None for d in directions):
            tape.backward(grads={out: wp.array(cotangent, dtype=element(row.result), device="cpu")})
            gradients = [
                None if d is None else a.grad.numpy()
                for a, d in zip(given, directions, strict=True)
            ]
        return judge(row, values, literals, found, gradients, directions, cotangent, {})
    except Exception as error:  # noqa: BLE001  whatever Warp has to say of the row
        return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"


def main() -> None:
    """Try the rows of the named tables, print what is wrong."""
    language, *names = sys.argv[1:]
    for name in names:
        table = importlib.import_module(f"generators.tables.{name}")
        spelled = table.WARP if language == "warp" else table.JAX
        rows = {r.name: (r, spelled[r.name]) for r in table.ROWS if r.name in spelled}
        if language == "warp":
            rows = {n: pair for n, pair in rows.items() if not pair[0].dims}
            results = try_warp(rows)
        else:
            plain = {n: pair for n, pair in rows.items() if "{shape}" not in pair[1].template}
            rows = {n: p for n, p in plain.items() if not set(p[0].args) & set("vmqtsS")}
            results = {n: try_jax(*pair) for n, pair in rows.items()}
        for row, wrong in results.items():
            if wrong:
                print(f"{name}.{row}: {wrong}")
        held = sum(not wrong for wrong in results.values())
        print(f"{name}: {held} of {len(results)} rows hold in {language}")


if __name__ == "__main__":
    main()
