"""How each operation is spelled: one table a language, keyed by the operation.

A spelling is a template and how tightly its outermost operator binds. ``{0}`` is an argument,
``{#0}`` a literal. Spellings are read back by `tests/test_generators.py`: no two operations of a
language share a shape, since distinct programs owe their distinct texts to that.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

# Python's binding strengths, as far as they occur here.
SUM, PRODUCT, NEGATIVE, ATOM = 1, 2, 3, 4

SLOT = re.compile(r"\{(#?\d)(!{0,2})\}")


@dataclass(frozen=True)
class Spelling:
    """A template and how tightly it binds.

    A plain slot needs an operand that binds as tightly as the template (inside a call: any), one
    marked ``!`` an operand that binds tighter, one marked ``!!`` an atom.
    """

    template: str
    binds: int = ATOM

    def slots(self) -> list[str]:
        """Return the slot names in reading order, repeated ones as often as they occur."""
        return [name for name, _ in SLOT.findall(self.template)]

    def repeated(self) -> set[int]:
        """Return the arguments that the template mentions more than once."""
        seen = [int(s) for s in self.slots() if not s.startswith("#")]
        return {s for s in seen if seen.count(s) > 1}


def _call(name: str, arity: int = 1, *literals: str) -> Spelling:
    slots = [f"{{{i}}}" for i in range(arity)] + [f"{{#{i}}}" for i in range(len(literals))]
    return Spelling(f"{name}({', '.join(slots)})")


_SHARED = {
    "neg": Spelling("-{0!}", NEGATIVE),
    "scale": Spelling("{#0} * {0!}", PRODUCT),
    "offset": Spelling("{0} - {#0}", SUM),
    "reciprocal": Spelling("{#0} / {0!}", PRODUCT),
    "add": Spelling("{0} + {1!}", SUM),
    "sub": Spelling("{0} - {1!}", SUM),
    "mul": Spelling("{0} * {1!}", PRODUCT),
    "div": Spelling("{0} / {1!}", PRODUCT),
    "vadd": Spelling("{0} + {1!}", SUM),
    "vsub": Spelling("{0} - {1!}", SUM),
    "vneg": Spelling("-{0!}", NEGATIVE),
    "guard_scale": Spelling("{0} * {#0}", PRODUCT),
    "guard_shift": Spelling("{0} + {#0}", SUM),
    "guard_vscale": Spelling("{0} * {#0}", PRODUCT),
}

_WARP_CALLS = (
    "sin cos tan asin acos atan sinh cosh tanh exp log log2 log10 sqrt cbrt abs erf erfc radians"
)

WARP: dict[str, Spelling] = _SHARED | {
    **{name: _call(f"wp.{name}") for name in _WARP_CALLS.split()},
    "sigmoid": Spelling("{one} / ({one} + wp.exp(-{0!!}))", PRODUCT),
    "softplus": Spelling("wp.log({one} + wp.exp({0}))"),
    "relu": Spelling("wp.max({0}, {zero})"),
    "pow": _call("wp.pow", 1, "exponent"),
    "clamp": _call("wp.clamp", 1, "low", "high"),
    "min": _call("wp.min", 2),
    "max": _call("wp.max", 2),
    "power": _call("wp.pow", 2),
    "atan2": _call("wp.atan2", 2),
    "lerp": _call("wp.lerp", 3),
    "vmul": _call("wp.cw_mul", 2),
    "vscale": Spelling("{0} * {1!}", PRODUCT),
    "vdiv": Spelling("{0} / {1!}", PRODUCT),
    "cross": _call("wp.cross", 2),
    "normalize": _call("wp.normalize"),
    "dot": _call("wp.dot", 2),
    "length": _call("wp.length"),
    "length_sq": _call("wp.length_sq"),
    "guard_positive": Spelling("wp.abs({0}) + {#0}", SUM),
    "guard_squash": Spelling("{0} / ({one} + wp.abs({0}))", PRODUCT),
}

_JAX_SAME = "sin cos tan sinh cosh tanh exp log log2 log10 sqrt cbrt abs radians"
_JAX_CALLS = {
    **{name: name for name in _JAX_SAME.split()},
    "asin": "arcsin",
    "acos": "arccos",
    "atan": "arctan",
}
_NORM = "jnp.linalg.norm({0}, axis=-1, keepdims=True)"

JAX: dict[str, Spelling] = _SHARED | {
    **{name: _call(f"jnp.{spelled}") for name, spelled in _JAX_CALLS.items()},
    "erf": _call("jax.lax.erf"),
    "erfc": _call("jax.lax.erfc"),
    "sigmoid": _call("jax.nn.sigmoid"),
    "softplus": _call("jax.nn.softplus"),
    "relu": _call("jax.nn.relu"),
    "pow": Spelling("jnp.power({0}, {#0})"),
    "clamp": _call("jnp.clip", 1, "low", "high"),
    "min": _call("jnp.minimum", 2),
    "max": _call("jnp.maximum", 2),
    "power": _call("jnp.power", 2),
    "atan2": _call("jnp.arctan2", 2),
    "lerp": Spelling("({one} - {2}) * {0!!} + {2} * {1!!}", SUM),
    "vmul": Spelling("{0} * {1!}", PRODUCT),
    "vscale": Spelling("{0} * {1!!}[..., None]", PRODUCT),
    "vdiv": Spelling("{0} / {1!!}[..., None]", PRODUCT),
    "cross": _call("jnp.cross", 2),
    "normalize": Spelling(f"{{0}} / {_NORM}", PRODUCT),
    "dot": Spelling("jnp.vecdot({0}, {1})"),
    "length": Spelling("jnp.linalg.norm({0}, axis=-1)"),
    "length_sq": Spelling("jnp.sum(jnp.square({0}), axis=-1)"),
    "guard_positive": Spelling("jnp.abs({0}) + {#0}", SUM),
    "guard_squash": Spelling("{0} / ({one} + jnp.abs({0}))", PRODUCT),
}
