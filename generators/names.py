"""Names that people would give: each kernel belongs to a field and takes its words from there."""

from __future__ import annotations

import copy
import keyword
from collections.abc import Iterable
from dataclasses import dataclass

from generators.streams import Stream


@dataclass(frozen=True)
class Field:
    """The words of one field: kernels are named ``action_thing``."""

    actions: tuple[str, ...]
    things: tuple[str, ...]
    arrays: tuple[str, ...]
    vectors: tuple[str, ...]
    scalars: tuple[str, ...]
    locals: tuple[str, ...]


def _field(*lines: str) -> Field:
    return Field(*(tuple(line.split()) for line in lines))


FIELDS: dict[str, Field] = {
    "physics": _field(
        "integrate advance damp excite relax compute update accumulate",
        "energy momentum flux potential wave drag pressure spring field density",
        "mass charge temperature velocity pressure density energy displacement strain speed",
        "position velocity force momentum normal field acceleration",
        "gravity stiffness damping dt viscosity coupling mobility",
        "kinetic stress work drift impulse balance rate heat response offset amplitude phase",
    ),
    "graphics": _field(
        "shade blend tone_map filter light sharpen mix composite",
        "pixels albedo radiance fog shadow glow texture surface highlights image",
        "luma depth albedo roughness alpha coverage intensity shade gloss mask",
        "color normal light_dir view_dir tangent texel half_vector",
        "exposure gamma bias contrast falloff opacity strength",
        "lit tint level blend_weight fade occlusion edge specular diffuse tone grade glow",
    ),
    "statistics": _field(
        "score normalize weigh estimate standardize transform fit smooth",
        "samples residuals likelihood moments ranks deviations counts odds variance evidence",
        "samples weights residuals prior counts scores variance observed expected rate",
        "sample feature centroid loading direction contrast factor",
        "scale shift sigma mu temper nu bandwidth",
        "z_score log_odds spread moment error estimate penalty ratio density tail quantile lift",
    ),
    "signal": _field(
        "filter modulate demodulate window compress shape detect resample",
        "signal envelope carrier spectrum pulse echo tone channel noise chirp",
        "signal carrier envelope noise gain window phase echo input_level reference",
        "sample stereo channel frame band tap quadrature",
        "gain cutoff threshold depth mix rate resonance",
        "level drive wet dry tone swing mod shaped peak ripple folded gated",
    ),
    "learning": _field(
        "activate gate project score encode update mix regularize",
        "features logits hidden tokens gradients activations embeddings errors states loss",
        "features logits hidden target weights errors inputs gates labels margin",
        "embedding query key value hidden token direction",
        "learning_rate temperature momentum decay beta eps alpha",
        "score gate delta hidden_state margin_term activation step_size mixed logit act carry proj",
    ),
    "finance": _field(
        "price discount hedge revalue compound weigh settle mark",
        "options bonds returns exposure yields spreads premiums risk cash_flows curves",
        "price strike returns spread yields notional exposure rate premium volume",
        "weights allocation factor returns exposure hedge basket",
        "rate volatility maturity fee drift leverage carry",
        "discounted payoff premium_leg moneyness growth haircut hedge_ratio accrual edge",
    ),
    "climate": _field(
        "mix evaporate diffuse advect adjust couple melt balance",
        "humidity clouds ocean ice soil rain winds heat salinity vapor",
        "humidity salinity albedo cloud_cover soil_moisture rain wind temperature heat_flux depth",
        "wind current gradient velocity stress transport flow",
        "dt emissivity exchange lapse_rate roughness mixing relaxation",
        "evaporation uptake runoff tendency anomaly forcing exchange_term budget excess lag loss",
    ),
    "robotics": _field(
        "track steer estimate blend limit correct plan filter",
        "pose torque joint path heading sensor error thrust contact gait",
        "angle torque effort heading error load tilt range_reading slip bias",
        "pose velocity force axis lever_arm offset gravity_dir",
        "gain limit stiffness damping dt friction weight",
        "command correction residual feedback desired clipped torque_cmd slew applied lead",
    ),
}  # fmt: skip

# What inputs of other types than floats and vectors are called, in any field.
TYPED: dict[str, tuple[str, ...]] = {
    "m": ("basis", "frame", "inertia", "jacobian", "mixing", "projection"),
    "q": ("orientation", "rotation", "attitude", "heading_quat", "target_rotation"),
    "t": ("pose", "body_frame", "local_to_world", "camera_pose", "joint_frame"),
    "s": ("twist", "wrench", "spatial_velocity", "spatial_force"),
    "S": ("spatial_inertia", "coupling_matrix", "articulated_inertia"),
    "i": ("counts", "levels", "codes", "ticks", "steps_left", "offsets"),
    "u": ("bits", "hashes", "keys", "flags", "words"),
    "b": ("mask", "valid", "active", "enabled", "selected"),
    "c": ("spectrum", "wavefunction", "coefficients", "phasors"),
    "k": ("seed",),
}
INDICES = ("indices", "idx", "ids", "lookup", "order", "links", "sources", "positions")
BINS = ("bins", "labels", "segments", "groups", "cells", "clusters", "targets", "buckets")
PLACES = ("slot", "place", "row", "at", "pos", "cell", "where_to", "src")
SIZES = ("n", "size", "count", "length", "width", "num", "extent")
BEHIND = ("left", "prev", "below", "before", "west", "lower", "im")
AHEAD = ("right", "ahead", "above", "after", "east", "upper", "ip")
PADDED = ("padded", "extended", "framed", "bordered", "wide")
OUTPUTS = ("out", "result", "output", "out_values", "dst")
COUNTS = ("n", "steps", "num_steps", "rounds", "iterations")
STATES = ("acc", "total", "state", "s", "accum", "current")
ROUNDS = ("k", "step", "t", "it", "r")
HELPERS = ("helper", "inner", "evaluate", "apply_step", "transform_value", "core", "local_term")
BODIES = ("body", "step_fn", "update", "advance", "one_round")
_RESERVED = {
    *keyword.kwlist, "wp", "jax", "jnp", "float", "int", "range", "abs", "min", "max",
    "sum", "bool", "pow", "round", "vec2", "vec3", "vec4", "input", "filter",
}  # fmt: skip


class Names:
    """Hands out names of one field, each once a kernel."""

    def __init__(self, draw: Stream):
        """Draw a field and the kernel's name; a stream of their own keeps twins' names alike."""
        self._draw = draw
        self.field = FIELDS[draw.choice(tuple(FIELDS))]
        self._taken = set(_RESERVED)
        self._shared: set[str] = set()  # known in every function of the text
        self._avoided: set[str] = set()  # in every function of the text
        self._outer: set[str] = set()  # of the functions that this one is called from
        thing = draw.choice(self.field.things)
        self.kernel = f"{draw.choice(self.field.actions)}_{thing}"
        if draw.chance(0.2):
            self.kernel += "_kernel"
        self._taken.add(self.kernel)

    def reserve(self, name: str) -> str:
        """Take exactly this name, numbered if it is taken already."""
        number, free = 1, name
        while free in self._taken or free in self._shared:
            number += 1
            free = f"{name}{number}" if name[-1].isalpha() else f"{name}_{number}"
        self._taken.add(free)
        return free

    def avoid(self, names: Iterable[str]) -> None:
        """Give none of these names away."""
        self._avoided.update(names)
        self._taken.update(names)

    def pick(self, pool: tuple[str, ...]) -> str:
        """Take a free name of a pool; where none is left, number one."""
        free = [name for name in pool if name not in self._taken and name not in self._shared]
        return self.reserve(self._draw.choice(free or pool))

    def param(self, type_: str, scalar: bool) -> str:
        """Name an input by its type and whether it is a single number."""
        if type_ in TYPED:
            return self.pick(TYPED[type_])
        if scalar:
            return self.pick(self.field.scalars)
        return self.pick(self.field.vectors if type_ == "v" else self.field.arrays)

    def helper(self) -> str:
        """Name a helper function, unlike anything that any function of the text may call."""
        return self.outside(HELPERS if self._draw.chance(0.3) else self.field.actions)

    def outside(self, pool: tuple[str, ...]) -> str:
        """Take a name of a pool for what stands before the kernel."""
        free = [name for name in pool if name not in self._outer]
        name = self.pick(tuple(free) or pool)
        while name in self._outer:
            name = self.reserve(name)
        self._shared.add(name)
        return name

    def scope(self) -> Names:
        """Return the names of a function of its own, which may be called like others'."""
        inner = copy.copy(self)
        inner._outer = self._outer | self._taken
        inner._taken = {*_RESERVED, self.kernel, *self._avoided}
        return inner

    def local(self) -> str:
        """Name an intermediate value."""
        return self.pick(self.field.locals)
