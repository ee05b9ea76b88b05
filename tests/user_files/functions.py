"""JAX functions as people write them."""

from functools import partial

import jax
import jax.numpy as np
from jax import lax

SCALE = 3.0
TABLE = np.arange(8.0)


def helper(x):
    return np.sin(x) * SCALE


@partial(jax.jit, static_argnames=("n",))
def looped(x, k, n=3):
    return lax.fori_loop(0, n, lambda i, s: s + helper(x), x) * k


assigned = jax.jit(helper)


def tabled(x):
    return x * TABLE
