"""Helpers of the package."""

import warp as wp


@wp.func
def half(x: float):
    return x * 0.5
