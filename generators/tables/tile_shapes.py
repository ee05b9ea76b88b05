"""Tiles made in a kernel, changed in place, moved about, gathered and broadcast."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from generators import intervals as iv
from generators.operations import ANY, DIVISOR, Side
from generators.program import Interval
from generators.spellings import PRODUCT, SUM, Spelling
from generators.tables.tile_elements import LINE, PLANE, ZEROS, ZEROS_LINE, row, same

# Tiles made in the kernel, and changes in place.


def _weighted(size: dict[str, int]) -> Callable:
    return lambda a: (min(0.0, (size["n"] - 1) * a[0]), max(0.0, (size["n"] - 1) * a[1]))


_MADE = (
    row("tile_zeros_add", "ff", "f", "mn,mn->mn", (ANY, ANY), iv.add, np.add, linear=True),
    row("tile_zeros_sub", "ff", "f", "n,n->n", (ANY, ANY), iv.sub, np.subtract, linear=True),
    row("tile_ones", "f", "f", PLANE, (ANY,), lambda a: iv.sub((1.0, 1.0), a), lambda a: 1 - a,
        linear=True),
    row("tile_full", "f", "f", PLANE, (ANY,), iv.add, lambda a, c: a + c, literals=((0.1, 2.0),),
        linear=True),
    row("tile_full_div", "f", "f", LINE, (DIVISOR,), lambda a, c: iv.div(c, a),
        lambda a, c: c / a, literals=((0.5, 2.0),)),
    row("tile_arange", "f", "f", LINE, ((-1.0, 1.0),), _weighted,
        lambda a: a * np.arange(a.shape[-1]), sized=True, linear=True),
    row("tile_arange_step", "f", "f", LINE, (ANY,),
        lambda n: lambda a: iv.add(a, (0.0, n["n"] / 2)),
        lambda a: a + 0.5 * np.arange(a.shape[-1]), sized=True, linear=True),
    row("tile_from_thread", "ff", "f", "n,1->n", (ANY, ANY), iv.add, lambda a, b: a + b[0],
        differentiable=False),
    row("tile_axpy", "ff", "f", "mn,mn->mn", (ANY, ANY), lambda a, b, c: iv.add(iv.mul(c, a), b),
        lambda a, b, c: c * a + b, literals=((0.1, 2.0),), linear=True),
    row("tile_axpy_line", "fff", "f", "n,n,1->n", (ANY, ANY, ANY),
        lambda a, b, c: iv.add(iv.mul(c, a), b), lambda a, b, c: c[0] * a + b),
    row("tile_scatter_add", "fi", "f", "n,n->n", (ANY, (0, 3)),
        lambda n: lambda a, i: (min(0.0, n["n"] * a[0]), max(0.0, n["n"] * a[1])),
        lambda a, i: np.bincount(np.asarray(i, int), a, a.shape[0]), sized=True, linear=True),
    row("tile_scatter_masked", "f", "f", LINE, (ANY,), lambda a: iv.hull(a, (0.0, 0.0)),
        lambda a: np.maximum(a, 0), active=(0.0, iv.LIMIT)),
    row("tile_set", "ff", "f", "n,1->n", (ANY, ANY), lambda a, b, k: iv.hull(a, b),
        lambda a, b, k: np.where(np.arange(a.shape[0]) == k, b[0], a), literals=((0, 3),)),
    row("tile_element_add", "ff", "f", "mn,1->mn", (ANY, ANY),
        lambda a, b, j, k: iv.hull(a, iv.add(a, b)),
        lambda a, b, j, k: a + b[0] * (np.arange(a.shape[0]) == j)[:, None]
        * (np.arange(a.shape[1]) == k), literals=((0, 3), (0, 3))),
    row("tile_element_sub", "ff", "f", "n,1->n", (ANY, ANY),
        lambda a, b, k: iv.hull(a, iv.sub(a, b)),
        lambda a, b, k: a - b[0] * (np.arange(a.shape[0]) == k), literals=((0, 3),)),
)  # fmt: skip

_MADE_SPELLINGS = {
    "tile_zeros_add": Spelling(
        "{t0}", lines=(ZEROS, "{t0} += {0}", "{t0} += {1}"), locals=("acc",)
    ),
    "tile_zeros_sub": Spelling(
        "{t0}", lines=(ZEROS_LINE, "{t0} += {0}", "{t0} -= {1}"), locals=("rest",)
    ),
    "tile_ones": Spelling("wp.tile_ones(shape=({@m}, {@n}), dtype={float}) - {0!}", SUM),
    "tile_full": Spelling("{0} + wp.tile_full(shape=({@m}, {@n}), value={#0}, dtype={float})", SUM),
    "tile_full_div": Spelling(
        "wp.tile_full(shape={@n}, value={#0}, dtype={float}) / {0!}", PRODUCT
    ),
    "tile_arange": Spelling("{0} * wp.tile_arange({@n}, dtype={float})", PRODUCT),
    "tile_arange_step": Spelling(
        "{0} + {float}(0.5) * wp.tile_arange(0, {@n}, 1, dtype={float})", SUM
    ),
    "tile_from_thread": Spelling(
        "{0} + wp.tile_from_thread(shape={@n}, value={1!!}[0], thread_idx=0)", SUM
    ),
    "tile_axpy": Spelling(
        "{t0}", lines=(ZEROS, "{t0} += {1}", "wp.tile_axpy({#0}, {0}, {t0})"), locals=("acc",)
    ),
    "tile_axpy_line": Spelling(
        "{t0}",
        lines=(ZEROS_LINE, "{t0} += {1}", "wp.tile_axpy({2!!}[0], {0}, {t0})"),
        locals=("acc",),
    ),
    "tile_scatter_add": Spelling(
        "{t0}",
        lines=(
            ZEROS_LINE,
            "for {t1} in range({@n}):",
            "    wp.tile_scatter_add({t0}, {1!!}[{t1}], {0!!}[{t1}], {lane} == 0)",
        ),
        locals=("bins", "k"),
    ),
    "tile_scatter_masked": Spelling(
        "{t0}",
        lines=(
            ZEROS_LINE,
            "for {t1} in range({@n}):",
            "    {t2} = {0!!}[{t1}]",
            "    wp.tile_scatter_masked({t0}, {t1}, {t2}, {t2} > {zero} and {lane} == 0)",
        ),
        locals=("kept", "k", "value"),
    ),
    "tile_set": Spelling(
        "{t0}", lines=(ZEROS_LINE, "{t0} += {0}", "{t0}[{#0}] = {1!!}[0]"), locals=("patched",)
    ),
    "tile_element_add": Spelling(
        "{t0}",
        lines=(
            ZEROS,
            "{t0} += {0}",
            "{t0}[{#0}, {#1}] += wp.where({lane} == 0, {1!!}[0], {zero})",
        ),
        locals=("patched",),
    ),
    "tile_element_sub": Spelling(
        "{t0}",
        lines=(
            ZEROS_LINE,
            "{t0} += {0}",
            "{t0}[{#0}] -= wp.where({lane} == 0, {1!!}[0], {zero})",
        ),
        locals=("patched",),
    ),
}


# Shapes: views, slices, gathers, broadcasts.


def _shifted(a, k):
    out = np.zeros_like(a)
    out[k:] = a[:-k]
    return out


def _differences(a):
    out = np.zeros_like(a)
    out[1:] = a[1:] - a[:-1]
    return out


def _swapped(a):
    out = a.copy()
    out[::2], out[1::2] = a[1::2], a[::2]
    return out


def _with_row(a, b, k):
    out = a.copy()
    out[k] = b
    return out


def _padded(a: Interval, *_) -> Interval:
    return iv.hull(a, (0.0, 0.0))


_MOVED = (
    row("tile_transpose", "f", "f", "mn->nm", (ANY,), same, lambda a: a.T, linear=True,
        differentiable=False),
    row("tile_transpose_copy", "f", "f", "mn->nm", (ANY,), same, lambda a: a.T, linear=True),
    row("tile_reverse", "f", "f", LINE, (ANY,), same, lambda a: a[::-1], linear=True),
    row("tile_flip_rows", "f", "f", PLANE, (ANY,), same, lambda a: a[::-1], linear=True),
    row("tile_flip_columns", "f", "f", PLANE, (ANY,), same, lambda a: a[:, ::-1], linear=True),
    row("tile_row", "f", "f", "mn->n", (ANY,), same, lambda a, k: a[k], literals=((0, 3),),
        linear=True),
    row("tile_column", "f", "f", "mn->m", (ANY,), same, lambda a, k: a[:, k],
        literals=((0, 3),), linear=True),
    row("tile_view", "f", "f", "mn->m1", (ANY,), same, lambda a, k: a[:, k : k + 1],
        literals=((0, 3),), linear=True),
    row("tile_squeeze", "f", "f", "mn->n", (ANY,), same, lambda a, k: a[k],
        literals=((0, 3),), linear=True),
    row("tile_scale_rows", "ff", "f", "mn,m1->mn", (ANY, ANY), iv.mul, lambda a, b: a * b),
    row("tile_roll", "f", "f", LINE, (ANY,), same, np.roll, literals=((1, 3),), linear=True),
    row("tile_shift", "f", "f", LINE, (ANY,), _padded, _shifted, literals=((1, 3),), linear=True),
    row("tile_differences", "f", "f", LINE, (ANY,), lambda a: iv.hull(iv.sub(a, a), (0.0, 0.0)),
        _differences, linear=True),
    row("tile_swap_neighbours", "f", "f", LINE, (ANY,), same, _swapped, linear=True),
    row("tile_shift_columns", "f", "f", PLANE, (ANY,), _padded,
        lambda a: np.pad(a, ((0, 0), (1, 0)))[:, :-1], linear=True),
    row("tile_assign", "ff", "f", "mn,n->mn", (ANY, ANY), lambda a, b, k: iv.hull(a, b),
        _with_row, literals=((0, 3),), linear=True),
    row("tile_gather", "fi", "f", "n,k->k", (ANY, (0, 3)), same, lambda a, i: a[np.asarray(i, int)],
        linear=True),
    row("tile_gather_rows", "fi", "f", "mn,k->kn", (ANY, (0, 3)), same,
        lambda a, i: a[np.asarray(i, int)], linear=True),
    row("tile_gather_columns", "fi", "f", "mn,k->mk", (ANY, (0, 3)), same,
        lambda a, i: a[:, np.asarray(i, int)], linear=True),
    row("tile_add_row", "ff", "f", "mn,n->mn", (ANY, ANY), iv.add, np.add, linear=True, weight=2,
        sides=(Side("bias"),)),
    row("tile_sub_row", "ff", "f", "mn,n->mn", (ANY, ANY), iv.sub, np.subtract, linear=True),
    row("tile_mul_row", "ff", "f", "mn,n->mn", (ANY, ANY), iv.mul, np.multiply,
        sides=(Side("gain", (0.5, 1.5)),)),
    row("tile_div_row", "ff", "f", "mn,n->mn", (ANY, DIVISOR), iv.div, np.divide),
    row("tile_max_row", "ff", "f", "mn,n->mn", (ANY, ANY), iv.maximum, np.maximum),
    row("tile_sub_column", "ff", "f", "mn,m->mn", (ANY, ANY), iv.sub, lambda a, b: a - b[:, None],
        linear=True),
    row("tile_div_column", "ff", "f", "mn,m->mn", (ANY, DIVISOR), iv.div,
        lambda a, b: a / b[:, None]),
    row("tile_extract", "f", "f", "mn->1", (ANY,), same, lambda a, j, k: a[j, k][None],
        literals=((0, 3), (0, 3)), linear=True, differentiable=False),
    row("tile_sub_entry", "f", "f", PLANE, (ANY,), lambda a, j, k: iv.sub(a, a),
        lambda a, j, k: a - a[j, k], literals=((0, 3), (0, 3)), linear=True),
    row("tile_mul_number", "ff", "f", "...n,1->...n", (ANY, ANY), iv.mul, lambda a, b: a * b[0]),
    row("tile_div_number", "ff", "f", "...n,1->...n", (ANY, DIVISOR), iv.div,
        lambda a, b: a / b[0]),
    row("tile_sub_number", "ff", "f", "...n,1->...n", (ANY, ANY), iv.sub, lambda a, b: a - b[0],
        linear=True),
    row("tile_max_number", "ff", "f", "...n,1->...n", (ANY, ANY), iv.maximum,
        lambda a, b: np.maximum(a, b[0])),
)  # fmt: skip

_ROWS_OF = "wp.tile_broadcast({1}, shape=({@m}, {@n}))"
_COLUMN = "{t0} = wp.tile_reshape(wp.tile_astype({1}, dtype={float}), shape=({@m}, 1))"
_COLUMNS = "wp.tile_broadcast({t0}, shape=({@m}, {@n}))"

_MOVED_SPELLINGS = {
    "tile_transpose": Spelling("wp.tile_transpose({0})"),
    "tile_transpose_copy": Spelling(
        "wp.tile_transpose({t0})", lines=(ZEROS, "{t0} += {0}"), locals=("turned",)
    ),
    "tile_reverse": Spelling("{0!!}[::-1]"),
    "tile_flip_rows": Spelling("{0!!}[::-1, :]"),
    "tile_flip_columns": Spelling("{0!!}[:, ::-1]"),
    "tile_row": Spelling("{0!!}[{#0}]"),
    "tile_column": Spelling("{0!!}[:, {#0}]"),
    "tile_view": Spelling("wp.tile_view({0}, offset=(0, {#0}), shape=({@m}, 1))"),
    "tile_squeeze": Spelling(
        "wp.tile_squeeze(wp.tile_view({0}, offset=({#0}, 0), shape=(1, {@n})))"
    ),
    "tile_scale_rows": Spelling(
        "{0} * wp.tile_broadcast({1!!}[:, 0:1], shape=({@m}, {@n}))", PRODUCT
    ),
    "tile_roll": Spelling(
        "{t0}",
        lines=(
            "{t0} = wp.tile_empty(shape={@n}, dtype={float})",
            "{t0}[{#0}:] = {0!!}[:-{#0}]",
            "{t0}[:{#0}] = {0!!}[-{#0}:]",
        ),
        locals=("rolled",),
    ),
    "tile_shift": Spelling(
        "{t0}", lines=(ZEROS_LINE, "{t0}[{#0}:] = {0!!}[:-{#0}]"), locals=("late",)
    ),
    "tile_differences": Spelling(
        "{t0}", lines=(ZEROS_LINE, "{t0}[1:] = {0!!}[1:] - {0!!}[:-1]"), locals=("steps",)
    ),
    "tile_swap_neighbours": Spelling(
        "{t0}",
        lines=(ZEROS_LINE, "{t0}[::2] = {0!!}[1::2]", "{t0}[1::2] = {0!!}[::2]"),
        locals=("swapped",),
    ),
    "tile_shift_columns": Spelling(
        "{t0}", lines=(ZEROS, "{t0}[:, 1:] = {0!!}[:, :-1]"), locals=("late",)
    ),
    "tile_assign": Spelling(
        "{t0}",
        lines=(
            "{t0} = wp.tile_empty(shape=({@m}, {@n}), dtype={float})",
            "wp.tile_assign({t0}, {0})",
            "{t1} = wp.tile_reshape(wp.tile_astype({1}, dtype={float}), shape=(1, {@n}))",
            "wp.tile_assign({t0}, {t1}, offset=({#0}, 0))",
        ),
        locals=("patched", "line"),
    ),
    "tile_gather": Spelling("{0!!}[{1}]"),
    "tile_gather_rows": Spelling("{0!!}[{1}, :]"),
    "tile_gather_columns": Spelling("{0!!}[:, {1}]"),
    "tile_add_row": Spelling(f"{{0}} + {_ROWS_OF}", SUM),
    "tile_sub_row": Spelling(f"{{0}} - {_ROWS_OF}", SUM),
    "tile_mul_row": Spelling(f"{{0}} * {_ROWS_OF}", PRODUCT),
    "tile_div_row": Spelling(f"{{0}} / {_ROWS_OF}", PRODUCT),
    "tile_max_row": Spelling(f"wp.tile_map(wp.max, {{0}}, {_ROWS_OF})"),
    "tile_sub_column": Spelling(f"{{0}} - {_COLUMNS}", SUM, lines=(_COLUMN,), locals=("column",)),
    "tile_div_column": Spelling(
        f"{{0}} / {_COLUMNS}", PRODUCT, lines=(_COLUMN,), locals=("column",)
    ),
    "tile_extract": Spelling(
        "wp.tile_full(shape=1, value=wp.tile_extract({0}, {#0}, {#1}), dtype={float})"
    ),
    "tile_sub_entry": Spelling("wp.tile_map(wp.sub, {0}, wp.tile_extract({0}, {#0}, {#1}))"),
    "tile_mul_number": Spelling("{0} * {1!!}[0]", PRODUCT),
    "tile_div_number": Spelling("{0} / {1!!}[0]", PRODUCT),
    "tile_sub_number": Spelling("wp.tile_map(wp.sub, {0}, {1!!}[0])"),
    "tile_max_number": Spelling("wp.tile_map(wp.max, {0}, wp.tile_extract({1}, 0))"),
}


ROWS = _MADE + _MOVED
TILE: dict[str, Spelling] = _MADE_SPELLINGS | _MOVED_SPELLINGS
