"""A file that cannot be run here."""

import a_library_that_is_not_installed  # noqa: F401
import warp as wp


@wp.kernel
def first(a: wp.array(dtype=float)):
    a[0] = 1.0


@wp.kernel
def second(a: wp.array(dtype=float)):
    a[0] = 2.0
