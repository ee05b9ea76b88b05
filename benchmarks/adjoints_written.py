"""Kernels for `adjoints.py` of built-ins whose types are open: constructors, components, tiles.

A case is named after the built-in that Warp calls, then what is done.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from compare_adjoints import Case

TYPES = {
    "f": "float64", "v": "vec3d", "m": "mat33d", "q": "quatd", "t": "transformd",
    "s": "spatial_vectord", "M": "mat44d", "g": "float32", "V": "vec3f", "T": "transformf",
    "S": "spatial_vectorf", "Q": "quatf",
}  # fmt: skip
SHAPES = {"f": (), "v": (3,), "m": (3, 3), "q": (4,), "t": (7,), "s": (6,), "M": (4, 4)}
SHAPES |= {"g": (), "V": (3,), "T": (7,), "S": (6,), "Q": (4,)}
RNG = np.random.default_rng(17)


def _value(kind: str) -> np.ndarray:
    value = RNG.uniform(0.2, 0.9, (1, *SHAPES[kind]))
    if kind in "tTqQ":
        value[:, -4:] /= np.linalg.norm(value[:, -4:])
    return value


def thread(name: str, kinds: str, result: str, *lines: str, what: str = "") -> Case:
    """Return a case of one thread: ``{0}`` is the first value, the last line is the result."""
    label = f"try_{name}__{what or kinds}"
    header = [f"x{n}: wp.array(dtype=wp.{TYPES[k]})" for n, k in enumerate(kinds)]
    header.append(f"out: wp.array(dtype=wp.{TYPES[result]})")
    *first, last = (line.format(*(f"x{n}[0]" for n in range(len(kinds)))) for line in lines)
    body = "\n".join(f"    {line}" for line in [*first, f"out[0] = {last}"])
    values = {f"x{n}": _value(k) for n, k in enumerate(kinds)}
    single = set(kinds) & set("gVTSQ")
    return Case(
        label, f"def {label}({', '.join(header)}):\n{body}\n", values | {"out": 1},
        precision="float32" if single else "float64",
    )  # fmt: skip


def arrays(name: str, *lines: str, what: str = "", size: int = 4) -> Case:
    """Return a case with arrays x, y of ``size`` numbers and out; the lines do everything."""
    label = f"try_{name}__{what}"
    array = "wp.array(dtype=wp.float64)"
    body = "\n".join(f"    {line}" for line in lines)
    values = {"x": RNG.uniform(0.2, 0.9, size), "y": RNG.uniform(0.2, 0.9, size), "out": size}
    return Case(label, f"def {label}(x: {array}, y: {array}, out: {array}):\n{body}\n", values)


def tiled(name: str, shapes: str, result: str, *lines: str, what: str = "", helper: str = "",
          single: bool = False) -> Case:  # fmt: skip
    """Return a case on tiles: ``a0`` … are loaded, the last line is the tile that is stored.

    A shape is written as its extents, "44" for 4 by 4; "p" is a positive definite one.
    """
    label = f"try_{name}__{what or shapes.replace(' ', '_')}"
    header, first, values = [], [], {}
    real = "wp.float32" if single else "wp.float64"
    for n, text in enumerate(shapes.split()):
        shape = (4, 4) if text == "p" else tuple(map(int, text))
        header.append(f"x{n}: wp.array(dtype={real}, ndim={len(shape)})")
        first.append(f"a{n} = wp.tile_load(x{n}, shape={shape})")
        values[f"x{n}"] = RNG.uniform(0.2, 0.9, shape)
        if text == "p":
            values[f"x{n}"] = values[f"x{n}"] + values[f"x{n}"].T + 4 * np.eye(4)
    out = tuple(map(int, result))
    header.append(f"out: wp.array(dtype={real}, ndim={len(out)})")
    place = f"({', '.join('0' for _ in out)},)"
    *more, last = lines
    body = [*first, *more, f"result = {last}", f"wp.tile_store(out, result, offset={place})"]
    text = "\n".join(f"    {line}" for line in body)
    return Case(
        label, f"def {label}({', '.join(header)}):\n{text}\n", values | {"out": out}, tiled=True,
        helper=helper, precision="float32" if single else "float64",
    )  # fmt: skip


def _copy(name: str, of: str, *extents: int, dtype: str = "wp.float64") -> str:
    shape = ", ".join(map(str, extents))
    return f"{name} = wp.tile_zeros(shape=({shape},), dtype={dtype}); {name} += {of}"


SCALE = "@wp.func\ndef scale(a: wp.float64):\n    return a * a"
JOIN = "@wp.func\ndef join(a: wp.float64, b: wp.float64):\n    return a * b + a"

_MADE = [
    thread("vector", "fff", "v", "wp.vec3d({0}, {1}, {2})"),
    thread("vector", "f", "v", "wp.vec3d({0})"),
    thread("vector", "v", "v", "wp.vec3d({0})", what="copy"),
    thread(
        "vector",
        "fv",
        "s",
        "wp.vector({0}, {1}[0], {1}[1], {1}[2], {0}, {0}, length=6)",
        what="length",
    ),
    thread("matrix", "f" * 9, "m", f"wp.mat33d({', '.join(f'{{{n}}}' for n in range(9))})"),
    thread("matrix", "f", "m", "wp.mat33d({0})"),
    thread("matrix_from_cols", "vvv", "m", "wp.matrix_from_cols({0}, {1}, {2})"),
    thread("matrix_from_rows", "vvv", "m", "wp.matrix_from_rows({0}, {1}, {2})"),
    thread("quaternion", "ffff", "q", "wp.quatd({0}, {1}, {2}, {3})"),
    thread("quaternion", "vf", "q", "wp.quatd({0}, {1})"),
    thread("spatial_vector", "ffffff", "s", "wp.spatial_vectord({0}, {1}, {2}, {3}, {4}, {5})"),
    thread("transformation", "vq", "t", "wp.transformd({0}, {1})"),
    thread("transformation", "fffffff", "t", "wp.transformd({0}, {1}, {2}, {3}, {4}, {5}, {6})"),
    thread("transform_get_translation", "t", "v", "wp.transform_get_translation({0})"),
    thread("transform_get_rotation", "t", "q", "wp.transform_get_rotation({0})"),
    thread("transform_compose", "vqv", "M", "wp.transform_compose({0}, {1}, {2})"),
    thread(
        "transform_compose",
        "T",
        "T",
        "a = wp.transform_get_translation({0})",
        "b = wp.transform_get_rotation({0})",
        "p, q, s = wp.transform_decompose(wp.transform_compose(a, b, wp.vec3f(1.5, 2.0, 0.5)))",
        "wp.transformf(p, q)",
        what="decomposed",
    ),
    thread(
        "transform_decompose",
        "vqv",
        "v",
        "p, q, s = wp.transform_decompose(wp.transform_compose({0}, {1}, {2}))",
        "p + s",
    ),
    thread("transform_to_matrix", "t", "M", "wp.transform_to_matrix({0})"),
    thread(
        "transform_from_matrix", "t", "t", "wp.transform_from_matrix(wp.transform_to_matrix({0}))"
    ),
    thread("transform_twist", "TS", "S", "wp.transform_twist({0}, {1})"),
    thread("transform_wrench", "TS", "S", "wp.transform_wrench({0}, {1})"),
    thread("norm_l1", "V", "g", "wp.norm_l1({0})"),
    thread("norm_l2", "V", "g", "wp.norm_l2({0})"),
    thread("norm_huber", "Vg", "g", "wp.norm_huber({0}, {1})"),
    thread("norm_pseudo_huber", "Vg", "g", "wp.norm_pseudo_huber({0}, {1})"),
    thread("smooth_normalize", "Vg", "V", "wp.smooth_normalize({0}, {1})"),
    thread("where", "ff", "f", "wp.where({0} > wp.float64(0.0), {0} * {1}, {1})"),
    thread("where", "vv", "v", "wp.where({0}[0] < wp.float64(0.0), {0}, {1} * {1}[0])"),
    thread("copy", "v", "v", "a = wp.copy({0})", "a * a[0]"),
    thread("float32", "g", "g", "wp.float32(wp.float64({0}))", what="through"),
    thread("cast", "f", "f", "wp.cast({0}, wp.float64)"),
    thread("view", "v", "v", "{0} + {0}"),
]

_COMPONENTS = []
for kind, place, value in (
    ("v", "[1]", "f"), ("v", ".y", "f"), ("m", "[1, 2]", "f"), ("m", "[1]", "v"),
    ("q", "[1]", "f"), ("q", ".w", "f"), ("t", "[1]", "f"), ("t", "[5]", "f"), ("t", ".p", "v"),
    ("t", ".q", "q"), ("s", "[4]", "f"), ("v", "[:2]", ""), ("m", "[:2]", ""), ("m", "[:, 1]", "v"),
    ("t", "[:3]", "v"), ("s", "[3:6]", "v"), ("q", "[:3]", "v"),
):  # fmt: skip
    spelt = "".join({"[": "_at_", ".": "_of_", ":": "_to_"}.get(c, c) for c in place)
    tag = f"{kind}{''.join(c for c in spelt if c.isalnum() or c == '_')}"
    if value:
        _COMPONENTS += [
            thread("assign_inplace", kind + value, kind, "a = {0}", f"a{place} = {{1}}", "a",
                   what=f"{tag}_set"),
            thread("assign_inplace", kind + value, kind, "a = {0} * wp.float64(1.5)",
                   f"a{place} = {{1}}", "a", what=f"{tag}_set_product"),
            thread("add_inplace", kind + value, kind, "a = {0}", f"a{place} += {{1}}", "a",
                   what=f"{tag}_add"),
            thread("sub_inplace", kind + value, kind, "a = {0} * wp.float64(1.5)",
                   f"a{place} -= {{1}}", "a", what=f"{tag}_sub"),
        ]  # fmt: skip
        result = value
    else:
        result = "v" if kind == "v" else "m"
        place = "[:3]" if kind == "v" else "[0:3]"
    _COMPONENTS.append(thread("extract", kind, result, f"{{0}}{place} * wp.float64(2.0)", what=tag))
_COMPONENTS += [
    thread("assign_inplace", "vf", "v", "a = {0}", "a[1] *= {1}", "a", what="v_mul"),
    thread("assign_inplace", "vf", "v", "a = wp.vec3d()", "a[0] = {1}", "a[1] = {0}[2]", "a",
           what="v_fresh"),
    thread("assign_inplace", "vf", "v", "a = {0}", "for k in range(3):", "    a[k] = a[k] * {1}",
           "a", what="v_each"),
    thread("transform_set_translation", "tv", "t", "a = {0}",
           "wp.transform_set_translation(a, {1})", "a"),
    thread("transform_set_rotation", "tq", "t", "a = {0}", "wp.transform_set_rotation(a, {1})",
           "a"),
]  # fmt: skip

_ARRAYS = [
    arrays("array_store", "out[0] = x[0] * y[0]", "out[1] = x[1]", "out[0] = y[1] * y[1]",
           what="overwritten"),
    arrays("array_store", "out[0] = x[0] * y[0]", "out[1] = out[0] * x[1]", what="read_back"),
    arrays("array_store", "out[0] = x[0]", "out[0] += x[1] * y[0]", what="add"),
    arrays("array_store", "out[0] = x[0]", "out[0] *= y[1]", what="mul"),
    arrays("atomic_add", "wp.atomic_add(out, 0, x[0] * y[0])", "wp.atomic_add(out, 0, x[1])",
           what="plain"),
    arrays("atomic_add", "old = wp.atomic_add(out, 0, x[0] * y[0])", "out[1] = old * x[1]",
           "newer = wp.atomic_add(out, 0, x[2])", "out[2] = newer * x[1]", what="returned"),
    arrays("atomic_sub", "wp.atomic_sub(out, 0, x[0] * y[0])", what="plain"),
    arrays("atomic_max", "wp.atomic_max(out, 0, x[0] * y[0])", what="plain"),
    arrays("atomic_max", "wp.atomic_max(out, 0, x[0])", "wp.atomic_max(out, 0, x[1])",
           "wp.atomic_max(out, 0, y[0])", what="many"),
    arrays("atomic_min", "wp.atomic_min(out, 0, -x[0])", "wp.atomic_min(out, 0, -y[0])",
           what="many"),
    arrays("address", "for k in range(4):", "    out[k] = x[3 - k] * y[k]", what="static"),
]  # fmt: skip

_TILES = [
    tiled("tile_load", "44", "44", "a0 * a0"),
    tiled("tile_load", "44", "44", "b = wp.tile_load(x0, shape=(4, 4), storage='shared')",
          "b * a0", what="shared"),
    tiled("tile_load", "4", "4", "b = wp.tile_load(x0, shape=4, offset=2)", "a0 * b",
          what="beyond"),
    tiled("tile_store", "4", "4", "wp.tile_store(out, a0)", "a0 * a0", what="overwritten"),
    tiled("tile_atomic_add", "4", "4", "wp.tile_atomic_add(out, a0 * a0)", "a0", what="and_store"),
    tiled("tile_load_indexed", "44", "44", "i = wp.tile_arange(3, -1, -1, dtype=int)",
          "wp.tile_load_indexed(x0, indices=i, shape=(4, 4))"),
    tiled("tile_store_indexed", "4 4", "4", "i = wp.tile_arange(3, -1, -1, dtype=int)",
          "wp.tile_store_indexed(out, i, a0)", "a1", what="and_store"),
    tiled("tile_atomic_add_indexed", "4", "4", "i = wp.tile_arange(3, -1, -1, dtype=int)",
          "wp.tile_atomic_add_indexed(out, i, a0 * a0)", "a0", what="and_store"),
    tiled("tile_transpose", "44", "44", "wp.tile_transpose(a0)"),
    tiled("tile_transpose", "44", "44", "wp.tile_transpose(a0 * a0)", what="product"),
    tiled("tile_transpose", "44", "44", "wp.tile_transpose(a0) * a0", what="used_twice"),
    tiled("tile_transpose", "44", "44", "wp.tile_transpose(wp.tile_transpose(a0)) * a0",
          what="twice"),
    tiled("tile_transpose", "44", "44", "b = wp.tile_zeros(shape=(4, 4), dtype=wp.float64)",
          "b += wp.tile_transpose(a0)", "b", what="copied"),
    tiled("tile_transpose", "44", "44", "wp.tile_transpose(a0) + wp.tile_zeros(shape=(4, 4), "
          "dtype=wp.float64)", what="plus_zeros"),
    tiled("tile_broadcast", "4", "44", "wp.tile_broadcast(a0, shape=(4, 4))"),
    tiled("tile_broadcast", "4", "44", "wp.tile_broadcast(a0 * a0, shape=(4, 4))", what="product"),
    tiled("tile_broadcast", "41", "44", "wp.tile_broadcast(a0, shape=(4, 4))", what="column"),
    tiled("tile_broadcast", "4 44", "44", "wp.tile_broadcast(a0, shape=(4, 4)) * a1", what="used"),
    tiled("tile_reshape", "44", "28", "wp.tile_reshape(a0, shape=(2, 8))"),
    tiled("tile_reshape", "44", "28", "wp.tile_reshape(a0 * a0, shape=(2, 8))", what="product"),
    tiled("tile_squeeze", "14", "4", "wp.tile_squeeze(a0)"),
    tiled("tile_squeeze", "14", "4", "wp.tile_squeeze(a0 * a0)", what="product"),
    tiled("tile_view", "44", "4", "wp.tile_view(a0, offset=(1,))"),
    tiled("tile_view", "44", "24", "wp.tile_view(a0 * a0, offset=(1, 0), shape=(2, 4))",
          what="product"),
    tiled("tile_view", "44", "4", "a0[1] * a0[2]", what="rows"),
    tiled("tile_slice_indexed", "44", "4", "a0[1, :]", what="row"),
    tiled("tile_slice_indexed", "44", "2", "a0[1, 1:3]", what="part"),
    tiled("tile_slice_indexed", "44", "24", "i = wp.tile_arange(0, 4, 2, dtype=int)",
          "a0[i, :]", what="rows"),
    tiled("tile_astype", "4", "4", "wp.tile_astype(wp.tile_astype(a0, wp.float64), float)",
          single=True),
    tiled("tile_assign", "44 4", "44", _copy("b", "a0", 4, 4), "b[1] = a1", "b", what="row"),
    tiled("tile_assign", "4 2", "4", _copy("b", "a0", 4), "wp.tile_assign(b, a1, offset=(1,))", "b",
          what="part"),
    tiled("tile_assign", "4 2", "4", "b = wp.tile_zeros(shape=4, dtype=wp.float64)",
          "wp.tile_assign(b, a1, offset=(1,))", "b * a0", what="fresh"),
    tiled("assign", "4 1", "4", _copy("b", "a0", 4), "b[2] = a1[0]", "b", what="entry"),
    tiled("assign", "4 1", "4", "b = wp.tile_zeros(shape=4, dtype=wp.float64)", "b[2] = a1[0]",
          "b * a0", what="fresh"),
    tiled("tile_add_inplace", "4 1", "4", _copy("b", "a0", 4), "b[2] += a1[0]", "b", what="entry"),
    tiled("tile_sub_inplace", "4 1", "4", _copy("b", "a0", 4), "b[2] -= a1[0]", "b", what="entry"),
    tiled("add_inplace", "4 4", "4", "b = a0 * a0", "b += a1", "b", what="tile"),
    tiled("add_inplace", "4 4", "4", "b = a0 * a0", "b += a1 * a1", "b", what="tile_product"),
    tiled("add_inplace", "4 4", "4", "a0 += a1", "a0", what="tile_loaded"),
    tiled("sub_inplace", "4 4", "4", "b = a0 * a0", "b -= a1", "b", what="tile"),
    tiled("sub_inplace", "4 4", "4", "b = a0 * a0", "b -= a1", "b * a1", what="tile_used"),
    tiled("tile_axpy", "4 4 1", "4", "b = a0 * a0", "wp.tile_axpy(a2[0], a1, b)", "b"),
    tiled("tile_dot", "4 4", "1", "wp.tile_dot(a0, a1)"),
    tiled("tile_dot", "4 4", "1", "wp.tile_dot(a0, a0 * a1)", what="same"),
    tiled("tile_sum", "44", "1", "wp.tile_sum(a0)"),
    tiled("tile_sum", "44", "1", "wp.tile_sum(a0 * a0)", what="product"),
    tiled("tile_sum", "44", "4", "wp.tile_sum(a0 * a0, axis=0)", what="axis0"),
    tiled("tile_sum", "44", "4", "wp.tile_sum(a0, axis=1)", what="axis1"),
    tiled("tile_extract", "4", "1", "wp.tile_full(shape=1, value=a0[2], dtype=wp.float64)",
          what="full"),
    tiled("tile_extract", "4", "4", "a0 * a0[2]", what="times"),
    tiled("tile_extract", "44", "44", "a0 * wp.tile_extract(a0, 1, 2)", what="times_2d"),
    tiled("tile", "4", "4", "s = wp.tile_extract(a0, 0)", "wp.tile(s * s)[0] * a0"),
    tiled("untile", "1", "1", "s = wp.untile(a0)", "wp.tile(s * s)"),
    tiled("tile_map", "4", "4", "wp.tile_map(wp.sin, a0)", what="sin"),
    tiled("tile_map", "4", "4", "wp.tile_map(scale, a0)", what="own", helper=SCALE),
    tiled("tile_map", "4 4", "4", "wp.tile_map(join, a0, a1)", what="own_two", helper=JOIN),
    tiled("tile_map", "4 4", "4", "wp.tile_map(wp.max, a0, a1)", what="max"),
    tiled("tile_map", "4 4", "4", "wp.tile_map(wp.mul, a0, a1)", what="mul"),
    tiled("tile_map", "4 1", "4", "wp.tile_map(wp.mul, a0, a1[0])", what="constant"),
    tiled("mul", "4 4", "4", "a0 * a1", what="tile"),
    tiled("mul", "4 4", "4", "a0 * wp.float64(2.0)", what="tile_number"),
    tiled("mul", "4 1", "4", "a0 * a1[0]", what="tile_entry"),
    tiled("mul", "4 1", "4", "a1[0] * a0", what="entry_tile"),
    tiled("div", "4 4", "4", "a0 / a1", what="tile"),
    tiled("div", "4 1", "4", "a0 / a1[0]", what="tile_entry"),
    tiled("div", "4 1", "4", "a1[0] / a0", what="entry_tile"),
    tiled("sub", "4 4", "4", "a0 - a1", what="tile"),
    tiled("neg", "4", "4", "-a0", what="tile"),
    tiled("tile_matmul", "44 44", "44", "wp.tile_matmul(a0, a1)"),
    tiled("tile_matmul", "44", "44", "wp.tile_matmul(a0, a0)", what="same"),
    tiled("tile_matmul", "44 44", "44", "wp.tile_matmul(wp.tile_transpose(a0), a1)",
          what="transposed"),
    tiled("tile_matmul", "44 44 44", "44", "b = a2 * a2", "wp.tile_matmul(a0, a1, b)", "b",
          what="out"),
    tiled("tile_matmul", "44 44 44", "44", "b = a2 * a2",
          "wp.tile_matmul(a0, a1, b, alpha=2.0, beta=0.5)", "b", what="alpha_beta"),
    tiled("tile_matmul", "44 44", "44", "wp.tile_matmul(a0, a1, alpha=2.0)", what="alpha"),
    tiled("tile_cholesky", "p", "44", "wp.tile_cholesky(a0)"),
    tiled("tile_cholesky", "p", "44", "wp.tile_cholesky(a0, fill_mode='upper')", what="upper"),
    tiled("tile_lower_solve", "p 4", "4", "wp.tile_lower_solve(a0, a1)"),
    tiled("tile_lower_solve", "p 44", "44", "wp.tile_lower_solve(a0, a1)"),
    tiled("tile_lower_solve", "p 4", "4", "wp.tile_lower_solve(wp.tile_cholesky(a0), a1)",
          what="cholesky"),
    tiled("tile_upper_solve", "p 4", "4", "wp.tile_upper_solve(a0, a1)"),
    tiled("tile_cholesky_solve", "p 4", "4", "wp.tile_cholesky_solve(wp.tile_cholesky(a0), a1)"),
    tiled("tile_diag_add", "44 4", "44", "wp.tile_diag_add(a0, a1)"),
    tiled("tile_max", "4", "1", "wp.tile_max(a0)"),
    tiled("tile_min", "4", "1", "wp.tile_min(a0)"),
    tiled("tile_reduce", "4", "1", "wp.tile_reduce(wp.add, a0)"),
    tiled("tile_reduce", "44", "4", "wp.tile_reduce(wp.mul, a0, axis=1)", what="axis"),
    tiled("tile_scan_inclusive", "4", "4", "wp.tile_scan_inclusive(a0)", single=True),
    tiled("tile_scan_exclusive", "4", "4", "wp.tile_scan_exclusive(a0)", single=True),
    tiled("tile_scan_max_inclusive", "4", "4", "wp.tile_scan_max_inclusive(a0)", single=True),
    tiled("tile_scan_min_inclusive", "4", "4", "wp.tile_scan_min_inclusive(a0)", single=True),
    tiled("tile_sort", "4", "4", _copy("b", "a0", 4, dtype="float"),
          "i = wp.tile_arange(4, dtype=int)",
          "wp.tile_sort(b, i)", "b", single=True),
    tiled("tile_from_thread", "4 1", "4",
          "a0 + wp.tile_from_thread(shape=4, value=a1[0], thread_idx=0)"),
    tiled("tile_full", "4 1", "4", "a0 * wp.tile_full(shape=4, value=a1[0], dtype=wp.float64)"),
    tiled("tile_scatter_add", "4 1", "4", _copy("b", "a0", 4),
          "wp.tile_scatter_add(b, 2, a1[0], True)", "b"),
    tiled("tile_scatter_masked", "4 1", "4", _copy("b", "a0", 4),
          "wp.tile_scatter_masked(b, 2, a1[0], True)", "b"),
]  # fmt: skip

WRITTEN: list[Case] = [*_MADE, *_COMPONENTS, *_ARRAYS, *_TILES]
