"""Module options shape the code of every kernel of a file."""

import warp as wp

wp.set_module_options({"enable_backward": False, "max_unroll": 2})


@wp.kernel
def rolled(a: wp.array(dtype=float)):
    s = float(0.0)  # noqa: UP018
    for i in range(8):
        s += a[i]
    a[0] = s
