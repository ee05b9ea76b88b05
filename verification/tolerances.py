"""How exact the compiled operations are, by dtype and, where they are worse, by operation."""

from __future__ import annotations

import functools

from generators.reference import CHOOSING
from generators.tables import JAX, sampled

EPS = {"float16": 2.0**-10, "bfloat16": 2.0**-7, "float32": 2.0**-23, "float64": 2.0**-52}
UNITS = 2.0  # of the last place: what one operation, or the rounding of an input, may be off
SUMMED = 8.0  # terms of a plain sum, one after the other, that cost as much again

# Relative errors of operations that are computed in float32 inside the library, whatever the dtype.
_SINGLE = (
    *("quat_from_euler", "quat_between_vectors", "quat_twist", "quat_to_euler", "quat_to_rpy"),
    *("quat_twist_angle", "quat_twist_angle_signed", "spatial_of_parts", "velocity_at_point"),
    *("transform_twist", "transform_wrench", "single_root", "cleared_sign"),
    *("norm_l1", "norm_huber", "norm_pseudo_huber", "norm_pseudo_huber_one", "smooth_normalize"),
    *("random_phase", "gaussian_noise", "gaussian_gain", "log_normal_gain", "exponential_delay"),
    *("antithetic", "ring_offset", "disk_offset", "triangle_offset", "sphere_surface_offset"),
    *("sphere_offset", "hemisphere_surface_offset", "hemisphere_offset", "thread_projection"),
    *("oriented_sample", "triangle_weight", "disk_radius", "ring_x", "ball_height"),
    *("dot_product_attention", "dot_product_attention_causal", "dot_product_attention_bias"),
    *("dot_product_attention_scale", "dot_product_attention_grouped"),
    *("dot_product_attention_window", "dot_product_attention_lengths"),  # their softmax
    *("rms_norm_upcast", *(row.name for row in sampled.ROWS)),
)
_WORSE = ("edge_distance", "edge_weights")
_NOISES = (
    *("noise_line", "noise2", "noise3", "noise4", "periodic_line", "periodic2", "periodic3"),
    *("periodic4", "curl2", "curl3", "curl2_octaves", "curl3_octaves", "curl4_plane"),
    *("fractal_noise", "turbulence"),
)
_LOOSE: dict[str, float] = dict.fromkeys(_SINGLE, 1e-6) | dict.fromkeys(_NOISES, 4e-6)
_LOOSE |= dict.fromkeys(_WORSE, 1e-5) | {"conjugate_gradients": 1e-9}

# Units of the last place of operations by an iteration that ends early, or with a loss of digits.
_ITERATED = (
    *("mat_singular_values_2", "mat_singular_values_3", "mat_polar_rotation", "mat_qr_rotation"),
    *("mat_qr_stretches", "mat_largest_eigenvalue", "mat_positive_part"),
)
_MORE = dict.fromkeys(_ITERATED, 20000.0) | {"distillation_loss": 256.0}

# Of `jax.nn.standardize`, whose variance is the mean of squares less the square of the mean: the
# more is lost, the smaller it is beside the mean. Sums of 16 bits are taken in float32.
_SQUARED = frozenset(
    name
    for name, spelling in JAX.items()
    if any("nn.standardize" in text for text in (*spelling.lines, spelling.template))
)
_LOST = {"float64": 32.0, "float32": 32.0, "float16": 32.0, "bfloat16": 8.0}


@functools.cache
def error_of(operation: str, dtype: str) -> float:
    """The relative error that an operation may have in a dtype; "name:" asks for its inputs'."""
    if operation.endswith(":"):
        single = operation.removesuffix(":") in _LOOSE
        return max(UNITS * EPS[dtype], EPS["float32"] if single else 0.0)
    if operation in CHOOSING:
        return 0.0
    units = _LOST[dtype] if operation in _SQUARED else _MORE.get(operation, UNITS)
    return max(units * EPS[dtype], _LOOSE.get(operation, 0.0))
