"""Kernels whose adjoint the installed Warp gets wrong, each beside one that does it right.

`test_wrong_adjoints.py` compares both with central differences. ``unlocks`` are operations of
`generators.tables` that are marked ``differentiable=False`` for this reason alone, ``flags`` other
places that would change: when Warp mends an adjoint, the test names both. A body is written with
``F`` for float64; arguments are named and filled after the letters of ``kinds``.
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass

from compare_adjoints import Case

# Letters of arguments: the type, and a value. Capitals are tiles, whole arrays of float64.
KINDS = {
    "x": ("F", [0.7]),
    "y": ("F", [0.3]),
    "n": ("", 4),
    "v": ("wp.vec3d", [[0.3, -0.8, 0.5]]),
    "w": ("wp.vec3d", [[1.4, 0.6, 0.9]]),
    "m": ("wp.mat33d", [[[1.2, 0.3, -0.4], [0.2, 0.9, 0.5], [-0.3, 0.6, 1.7]]]),
    "q": ("wp.quatd", [[0.1, 0.5, 0.3, 0.8]]),
    "r": ("wp.quatd", [[0.4, -0.2, 0.6, 0.7]]),
    "t": ("wp.transformd", [[0.3, -0.8, 0.5, 0.1, 0.5, 0.3, 0.8]]),
    "s": ("wp.spatial_vectord", [[0.3, -0.8, 0.5, 0.1, 0.7, -0.6]]),
    "A": ("F", [0.3, 0.9, -0.4, 0.6]),
    "B": ("F", [1.1, -0.7, 0.5, 0.2]),
    "M": ("F", [[0.8, 0.3, 0.5], [-0.2, 0.9, 0.4], [0.6, -0.1, 0.7]]),
    "P": ("F", [[4.0, 0.5, 0.2, 0.1], [0.5, 5.0, 0.4, 0.3], [0.2, 0.4, 4.5, 0.6],
                [0.1, 0.3, 0.6, 5.5]]),
    "U": ("F", [[2.0, 0.0, 0.0, 0.0], [0.0, 2.0, 0.0, 0.0], [0.0, 0.0, 2.0, 0.0],
                [0.0, 0.0, 0.0, 2.0]]),
    "S": ("wp.mat33d", [[[2.0, 0.0, 0.0], [0.0, 2.0, 0.0], [0.0, 0.0, 3.0]]]),
    "a": ("wp.float32", [0.7]),
    "b": ("wp.float32", [0.4]),
    "e": ("wp.vec3", [[0.3, 0.8, 0.5]]),
}  # fmt: skip


@dataclass(frozen=True)
class Entry:
    """One adjoint that is wrong: what of it, the kernel, and the kernel that works.

    ``of`` is the argument whose gradient is wrong, ``works`` the body of the control. ``step`` is
    that of the differences; with half precision it is one that is exact there.
    """

    name: str
    wrong: str
    kinds: str
    of: str
    result: str
    body: str
    works: str
    unlocks: tuple[str, ...] = ()
    flags: str = ""
    step: float = 0.0
    precision: str = "float64"
    helper: str = ""
    alike: bool = True  # the control computes the same numbers
    pattern: str = ""  # what no differentiable operation of ours may contain

    def case(self, control: bool) -> Case:
        """Return the kernel, or its control, as a case to be compared."""
        name = f"{self.name}_{'right' if control else 'wrong'}"
        header, loads = [], []
        for kind in self.kinds:
            dtype, value = KINDS[kind]
            shape = (len(value), len(value[0])) if kind in "MPU" else (4,)
            if kind == "n":
                header.append("n: wp.int32")
            elif kind.isupper() and kind != "S":
                header.append(f"{kind}0: wp.array(dtype={dtype}, ndim={len(shape)})")
                loads.append(f"{kind} = wp.tile_load({kind}0, shape={shape})")
            else:
                header.append(f"{kind}0: wp.array(dtype={dtype})")
                loads.append(f"{kind} = {kind}0[0]")
        tiled = self.result.isdigit()
        rank = len(self.result) if tiled else 1
        dtype = "F" if tiled else self.result
        header.append(f"out: wp.array(dtype={dtype}, ndim={rank})")
        lines = [*loads, *textwrap.dedent(self.works if control else self.body).strip().split("\n")]
        text = f"def {name}({', '.join(header)}):\n" + textwrap.indent("\n".join(lines), "    ")
        helper = self.helper.replace("helper", f"{name}_helper")
        text = text.replace("helper", f"{name}_helper")
        values = {("n" if k == "n" else f"{k}0"): KINDS[k][1] for k in self.kinds}
        shape = tuple(map(int, self.result)) if tiled else 1
        return Case(
            name, _typed(text), values | {"out": shape}, of=(f"{self.of}0",), tiled=tiled,
            precision=self.precision, step=self.step, helper=_typed(helper),
        )  # fmt: skip


def _typed(text: str) -> str:
    return (
        text.replace("F(", "wp.float64(")
        .replace("=F", "=wp.float64")
        .replace(": F", ": wp.float64")
    )


COPY = "b = wp.tile_zeros(shape=4, dtype=F)\nb += A\n"


def _stored(value: str, place: str = "0") -> str:
    return f"result = {value}\nwp.tile_store(out, result, offset=({place},))"


def _component(name: str, kinds: str, result: str, change: str, works: str, *unlocks: str) -> Entry:
    """Return an entry of a component that is overwritten: the old value keeps its gradient."""
    first = kinds[0]
    body = f"c = {first}\n{change}\nout[0] = c"
    return Entry(name, "a component that is overwritten passes its gradient to the old value",
                 kinds, first, result, body, works, unlocks)  # fmt: skip


def _twice(name: str, kinds: str, result: str, change: str, works: str, *unlocks: str) -> Entry:
    """Return an entry of a component named by a letter that is changed in place."""
    first = kinds[0]
    body = f"c = {first}\n{change}\nout[0] = c"
    return Entry(name, "a component named by a letter and changed in place counts twice",
                 kinds, first, result, body, works, unlocks)  # fmt: skip


def _lacking(name: str, kinds: str, of: str, result: str, value: str, works: str, *unlocks: str,
             before: str = "", **more) -> Entry:  # fmt: skip
    """Return an entry of a tile function without an adjoint."""
    place = "0, 0" if len(result) == 2 else "0"
    return Entry(name, "has no adjoint: the gradient is zero", kinds, of, result,
                 before + _stored(value, place), works, unlocks, **more)  # fmt: skip


_READ = """
acc = F(0.0)
for k in range({}):
    acc = acc + F(0.3) * wp.sin(acc * x + x)
out[0] = acc
"""
LOOPS = (
    "generators/sampling.py loop() and generators/control.py rounds(): `differentiable`, `stale`"
)
_LOOPS = (
    Entry("dynamic_product", "a dynamic loop that multiplies its state", "xn", "x", "F",
          "acc = F(1.0)\nfor k in range(n):\n    acc = acc * x\nout[0] = acc",
          "acc = F(1.0)\nfor k in range(4):\n    acc = acc * x\nout[0] = acc", flags=LOOPS),
    Entry("while_product", "a while loop that multiplies its state", "xn", "x", "F",
          "acc = F(1.0)\nk = int(0)\nwhile k < n:\n    acc = acc * x\n    k += 1\nout[0] = acc",
          "out[0] = x * x * x * x", flags=LOOPS),
    Entry("dynamic_state_read", "a dynamic loop whose body reads its state otherwise", "xn", "x",
          "F", _READ.format("n"), _READ.format("4"), flags=LOOPS),
    Entry("dynamic_then_curved", "the sum of a dynamic loop is used other than linearly", "xn", "x",
          "F", "acc = F(0.0)\nfor k in range(n):\n    acc += x * x\nout[0] = wp.cosh(acc)",
          "acc = F(0.0)\nfor k in range(4):\n    acc += x * x\nout[0] = wp.cosh(acc)",
          flags=LOOPS),
    Entry("break", "a loop with a break", "xn", "x", "F",
          """
          acc = F(0.0)
          for k in range(n):
              acc += x * x
              if acc > F(0.9):
                  break
          out[0] = acc
          """,
          """
          acc = F(0.0)
          for k in range(n):
              acc += wp.where(k < 2, x * x, F(0.0))
          out[0] = acc
          """, flags=LOOPS),
)  # fmt: skip

_POSITIVE = (
    "u, d = wp.eig3({})\nc = wp.max(d, wp.vec3d())\nout[0] = u @ wp.diag(c) @ wp.transpose(u)"
)
_SCALARS = (
    Entry("frac", "has no adjoint: the gradient is zero", "x", "x", "F", "out[0] = wp.frac(x)",
          "out[0] = x - wp.floor(x)", ("fraction_hump",), pattern=r"wp\.frac\("),
    Entry("mod_divisor", "passes no gradient to the divisor", "xy", "y", "F",
          "out[0] = wp.mod(x, y)", "out[0] = x - y * wp.trunc(x / y)", ("float_mod",),
          pattern=r"wp\.mod\(\{0\}, \{1\}"),
    Entry("mod_of_vectors", "of vectors passes no gradient at all", "vw", "v", "wp.vec3d",
          "out[0] = wp.mod(v, w)",
          "out[0] = wp.vec3d(v[0] % w[0], v[1] % w[1], v[2] % w[2])", ("v_wrap",),
          pattern=r"\{0\} % \{vec\}"),
    Entry("cast", "`wp.cast` passes no gradient, even between floats", "x", "x", "F",
          "out[0] = wp.cast(x, wp.float64)", "out[0] = wp.float64(x)"),
    Entry("randf_bounds", "passes no gradient to the bounds", "ab", "b", "wp.float32",
          "seed = wp.rand_init(7)\nout[0] = wp.randf(seed, a, b)",
          "seed = wp.rand_init(7)\nout[0] = a + (b - a) * wp.randf(seed)", precision="float32"),
    Entry("curlnoise_gain", "passes no gradient to lacunarity and gain", "eb", "b", "wp.vec3",
          "seed = wp.rand_init(7)\nout[0] = wp.curlnoise(seed, e, wp.uint32(3), 2.0, b)",
          "seed = wp.rand_init(7)\nc = wp.curlnoise(seed, e)\nd = wp.curlnoise(seed, e * 2.0)\n"
          "out[0] = c + d * b", precision="float32", alike=False),
    Entry("eig3_repeated", "a smooth function of the matrix where two eigenvalues are equal", "S",
          "S", "wp.mat33d", _POSITIVE.format("S + wp.transpose(S)"),
          "out[0] = S + wp.transpose(S)", ("mat_positive_part",)),
    Entry("svd3_repeated", "the matrix from its own factors where two singular values are equal",
          "S", "S", "wp.mat33d",
          "u, d, v = wp.svd3(S)\nout[0] = u @ wp.diag(d) @ wp.transpose(v)", "out[0] = S"),
)  # fmt: skip

_ROTATED = "out[0] = wp.transformd({}, {})"
_MOVED, _TURNED = "wp.transform_get_translation(t)", "wp.transform_get_rotation(t)"
_COMPONENTS = (
    _component("vector_entry", "vx", "wp.vec3d", "c[1] = x",
               "out[0] = wp.vec3d(v[0], x, v[2])", "v_set_first", "v_set_last"),
    _component("vector_letter", "vx", "wp.vec3d", "c.y = x", "out[0] = wp.vec3d(v[0], x, v[2])",
               "v_set_y"),
    _component("vector_slice", "vw", "wp.vec3d", "c[:2] = w[1:]",
               "out[0] = wp.vec3d(w[1], w[2], v[2])", "v_head_change"),
    _component("vector_entry_product", "vx", "wp.vec3d", "c[1] *= x",
               "out[0] = wp.vec3d(v[0], v[1] * x, v[2])"),
    _component("matrix_entry", "mx", "wp.mat33d", "c[1, 2] = x",
               "c = wp.mat33d()\nc += m\nc[1, 2] += x - m[1, 2]\nout[0] = c"),
    _component("matrix_row", "mv", "wp.mat33d", "c[1] = v",
               "out[0] = wp.matrix_from_rows(m[0], v, m[2])", "mat_set_row"),
    _component("quaternion_entry", "qx", "wp.quatd", "c[1] = x",
               "out[0] = wp.quatd(q[0], x, q[2], q[3])"),
    _component("spatial_entry", "sx", "wp.spatial_vectord", "c[4] = x",
               "out[0] = wp.spatial_vectord(s[0], s[1], s[2], s[3], x, s[5])"),
    _component("transform_letter", "tv", "wp.transformd", "c.p = v",
               _ROTATED.format("v", _TURNED), "transform_assign_translation"),
    _component("transform_set_translation", "tv", "wp.transformd",
               "wp.transform_set_translation(c, v)", _ROTATED.format("v", _TURNED),
               "transform_set_translation"),
    _component("transform_set_rotation", "tr", "wp.transformd",
               "wp.transform_set_rotation(c, r)", _ROTATED.format(_MOVED, "r"),
               "transform_set_rotation"),
    _twice("transform_letter_add", "tv", "wp.transformd", "c.p += v",
           "c = t\nc[0:3] += v\nout[0] = c", "transform_shift"),
    _twice("transform_letter_sub", "tv", "wp.transformd", "c.p -= v",
           "c = t\nc[0:3] -= v\nout[0] = c", "transform_shift_back"),
    _twice("vector_letter_add", "vx", "wp.vec3d", "c.y += x", "c = v\nc[1] += x\nout[0] = c"),
    _twice("vector_letter_sub", "vx", "wp.vec3d", "c.y -= x", "c = v\nc[1] -= x\nout[0] = c",
           "v_lower_y"),
    _twice("quaternion_letter_add", "qx", "wp.quatd", "c.w += x",
           "c = q\nc[3] += x\nout[0] = c"),
)  # fmt: skip

_ARRAYS = (
    Entry("array_product", "an array's element multiplied in place: the factor's gradient is taken "
          "at the new value", "xy", "y", "F", "out[0] = x\nout[0] *= y", "out[0] = x * y"),
    Entry("array_quotient", "an array's element divided in place: the divisor's gradient is taken "
          "at the new value", "xy", "y", "F", "out[0] = x\nout[0] /= y", "out[0] = x / y"),
    Entry("atomic_returned", "what an atomic returns passes no gradient to what was added before",
          "xy", "x", "F", "wp.atomic_add(out, 0, x)\nold = wp.atomic_add(out, 0, y)\n"
          "wp.atomic_add(out, 0, old * y)", "out[0] = x + y + x * y"),
)  # fmt: skip

_MAX = "top = wp.max(wp.max(A[0], A[1]), wp.max(A[2], A[3]))\n"
_OVER = "b = wp.tile_zeros(shape=1, dtype=F)\nb[0] += {}\nwp.tile_store(out, b)"
_SINGLE = "c = wp.tile_astype(A, wp.float32)\n"
_BACK = "wp.tile_astype({}, wp.float64)"
_EACH = """
b = wp.tile_zeros(shape=4, dtype=F)
low = F(-9.0)
total = F(0.0)
for k in range(4):
    low = wp.max(low, A[k])
    total += A[k]
    b[k] += {}
wp.tile_store(out, b)
"""
_SORTED = """
b = wp.tile_zeros(shape=4, dtype=F)
b[0] += A[2]
b[1] += A[0]
b[2] += A[3]
b[3] += A[1]
wp.tile_store(out, b)
"""
_TILES = (
    Entry("tile_transpose", "its adjoint doubles the values of the tile: what used them before is "
          "differentiated at the wrong place", "M", "M", "33",
          "b = M * M\n" + _stored("wp.tile_transpose(M) + b", "0, 0"),
          "b = M * M\nc = wp.tile_zeros(shape=(3, 3), dtype=F)\nc += M\n"
          + _stored("wp.tile_transpose(c) + b", "0, 0"), ("tile_transpose",)),
    _lacking("tile_max", "A", "A", "1", "wp.tile_max(A)", _MAX + _OVER.format("top"), "tile_max"),
    _lacking("tile_min", "A", "A", "1", "wp.tile_min(A)",
             _MAX.replace("max", "min") + _OVER.format("top"), "tile_min"),
    _lacking("tile_reduce", "A", "A", "1", "wp.tile_reduce(wp.add, A)",
             _stored("wp.tile_sum(A)"), "tile_reduce_add", "tile_reduce_max", "tile_reduce_min",
             "tile_logsumexp", pattern=r"wp\.tile_reduce\("),
    _lacking("tile_reduce_axis", "M", "M", "3", "wp.tile_reduce(wp.add, M, axis=1)",
             _stored("wp.tile_sum(M, axis=1)"), "tile_reduce_max_axis", "tile_reduce_min_axis",
             "tile_reduce_mul_axis", "tile_norm"),
    _lacking("tile_scan", "A", "A", "4", _BACK.format("wp.tile_scan_inclusive(c)"),
             _EACH.format("total"),
             "tile_scan_inclusive", "tile_scan_exclusive", before=_SINGLE, precision="float32",
             pattern=r"wp\.tile_scan_"),
    _lacking("tile_scan_max", "A", "A", "4", _BACK.format("wp.tile_scan_max_inclusive(c)"),
             _EACH.format("low"), "tile_scan_max_inclusive", "tile_scan_min_inclusive",
             before=_SINGLE, precision="float32"),
    _lacking("tile_sort", "A", "A", "4", _BACK.format("d"), _SORTED, "tile_sort", "tile_sort_by",
             before="c = wp.tile_astype(A, wp.float32)\nd = wp.tile_zeros(shape=4, "
             "dtype=wp.float32)\nd += c\ni = wp.tile_arange(4, dtype=int)\nwp.tile_sort(d, i)\n",
             precision="float32", pattern=r"wp\.tile_sort\("),
    _lacking("tile_upper_solve", "UA", "A", "4", "wp.tile_upper_solve(U, A)",
             _stored("wp.tile_lower_solve(U, A)"), "tile_upper_solve",
             pattern=r"wp\.tile_upper_solve\("),
    _lacking("tile_upper_solve_inplace", "UA", "A", "4", "b",
             _stored("wp.tile_lower_solve(U, A)"), "tile_upper_solve_inplace",
             before=COPY + "wp.tile_upper_solve_inplace(U, b)\n"),
    _lacking("tile_lower_solve_inplace", "UA", "A", "4", "b",
             _stored("wp.tile_lower_solve(U, A)"), "tile_lower_solve_inplace",
             before=COPY + "wp.tile_lower_solve_inplace(U, b)\n"),
    _lacking("tile_cholesky_solve", "UA", "A", "4", "wp.tile_cholesky_solve(U, A)",
             _stored("wp.tile_lower_solve(U, wp.tile_lower_solve(U, A))"), "tile_cholesky_solve",
             "tile_cholesky_solve_columns", pattern=r"wp\.tile_cholesky_solve\("),
    _lacking("tile_cholesky_solve_inplace", "UA", "A", "4", "b",
             _stored("wp.tile_lower_solve(U, wp.tile_lower_solve(U, A))"),
             "tile_cholesky_solve_inplace",
             before=COPY + "wp.tile_cholesky_solve_inplace(U, b)\n"),
    _lacking("tile_diag_add", "UA", "A", "44", "wp.tile_diag_add(U, A)",
             "b = wp.tile_zeros(shape=(4, 4), dtype=F)\nb += U\nfor k in range(4):\n"
             "    b[k, k] += A[k]\nwp.tile_store(out, b)", "tile_diag_add"),
    _lacking("tile_full", "A", "A", "4", "wp.tile_full(shape=4, value=A[2], dtype=F)",
             _stored("wp.tile_ones(shape=4, dtype=F) * A[2]"), "tile_extract"),
    _lacking("tile_from_thread", "AB", "B", "4",
             "A + wp.tile_from_thread(shape=4, value=B[0], thread_idx=0)",
             _stored("A + wp.tile_ones(shape=4, dtype=F) * B[0]"), "tile_from_thread"),
    Entry("tile_of_thread_entry", "an entry that is read out of `wp.tile(value)` passes no "
          "gradient", "AB", "B", "4", _stored("A * wp.tile(B[0])[0]"),
          _stored("A * wp.tile_sum(wp.tile(B[0]))[0]")),
)  # fmt: skip

ENTRIES = (*_LOOPS, *_SCALARS, *_COMPONENTS, *_ARRAYS, *_TILES)


def cases() -> list[Case]:
    """Return every kernel and its control."""
    return [entry.case(control) for entry in ENTRIES for control in (False, True)]
