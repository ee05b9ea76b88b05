"""What ``kernels.py`` imports from beside it."""

import warp as wp

FACTOR = 0.5


@wp.struct
class Params:
    origin: wp.vec3
    count: int


@wp.func
def scale(x: float):
    return x * FACTOR
