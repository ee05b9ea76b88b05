"""A module that imports relative to its package."""

import warp as wp

from .. import helpers
from ..helpers import half


@wp.kernel
def relative(a: wp.array(dtype=float)):
    a[0] = half(a[0])


@wp.kernel
def dotted(a: wp.array(dtype=float)):
    a[0] = helpers.half(a[0])
