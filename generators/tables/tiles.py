"""Warp's tiles: what the threads of a block do together with a whole array of a few hundred values.

A row speaks of one tile: ``n`` and ``mn`` are its extents, a full reduction gives a tile of one
element, whose number is read with ``[0]``. The spellings hold whatever the number of threads in a
block is. Operations in place work on a tile of their own, since views (transposed, reshaped,
broadcast, sliced) alias what they were taken from; what is to be reshaped is copied by
`tile_astype` first, since a view may have gaps. ``{lane}`` is the thread's number in its block.

Warp has no adjoint of the largest and smallest element, of general reductions, of scans, of
sorting, of `tile_diag_add`, `tile_upper_solve` and `tile_cholesky_solve`, nor of the solves in
place: their gradient is silently zero. The adjoint of `tile_transpose` doubles the values of the
tile that was transposed, so that whatever read them before the transposition gets a wrong gradient:
the row `tile_transpose_copy` transposes a tile that nothing else reads.
"""

from __future__ import annotations

from dataclasses import replace

from generators.spellings import Spelling
from generators.tables import tile_algebra, tile_elements, tile_shapes

_MODULES = (tile_elements, tile_shapes, tile_algebra)
# Warp scans and sorts no doubles, and a transform names the type of its numbers.
SINGLE = frozenset(
    [
        "tile_scan_inclusive",
        "tile_scan_exclusive",
        "tile_scan_max_inclusive",
        "tile_scan_min_inclusive",
        "tile_sort",
        "tile_argsort",
        "tile_sort_by",
        "tile_power_spectrum",
        "tile_autocorrelation",
        "tile_fft_filter",
    ]
)
ROWS = tuple(replace(row, single=row.name in SINGLE) for module in _MODULES for row in module.ROWS)
WARP: dict[str, Spelling] = {}
JAX: dict[str, Spelling] = {}
TILE: dict[str, Spelling] = {
    name: spelling for module in _MODULES for name, spelling in module.TILE.items()
} | {"guard_mask": Spelling("wp.tile_map(wp.bit_and, {0}, {#0})")}

# How a tile is read and written: its array, its shape and offset as tuples, and for the indexed
# ones a tile of int32 for the first axis. All are differentiable.
LOADS = {
    "plain": "wp.tile_load({array}, shape={shape}, offset={offset})",
    "shared": 'wp.tile_load({array}, shape={shape}, offset={offset}, storage="shared")',
    "register": 'wp.tile_load({array}, shape={shape}, offset={offset}, storage="register")',
    "unchecked": "wp.tile_load({array}, shape={shape}, offset={offset}, bounds_check=False)",
    "indexed": (
        "wp.tile_load_indexed({array}, indices={index}, shape={shape}, offset={offset}, axis=0)"
    ),
}
STORES = {
    "plain": "wp.tile_store({array}, {tile}, offset={offset})",
    "unchecked": "wp.tile_store({array}, {tile}, offset={offset}, bounds_check=False)",
    "atomic": "wp.tile_atomic_add({array}, {tile}, offset={offset})",
    "indexed": "wp.tile_store_indexed({array}, {index}, {tile}, offset={offset}, axis=0)",
    "atomic_indexed": (
        "wp.tile_atomic_add_indexed({array}, {index}, {tile}, offset={offset}, axis=0)"
    ),
}
