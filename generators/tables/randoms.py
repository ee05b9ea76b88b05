"""Random numbers and noise: Warp's counter-based generator, its samplers and its lattice noise.

The references follow Warp bit for bit where it works on integers: the state is that of a PCG hash
(Jarzynski and Olano, 2020), seeded by the kernel's argument and the number of the thread, so that
a kernel's numbers are known beforehand. Warp samples in single precision; what that rounds, the
references keep in double. Random numbers do not depend on the value at hand: each row joins them.
"""

from __future__ import annotations

import itertools
import math

import numpy as np

from generators import intervals as iv
from generators.operations import ANY, SMALL, WRAPPING, Operation, Side
from generators.program import Interval
from generators.spellings import ATOM, PRODUCT, SUM, Spelling

_SEED = Side("seed", (0, 1000))
_SEEDS: Interval = (0, 1000)
_TAU = 2.0 * math.pi
_NORMAL = math.sqrt(-2.0 * math.log(5.96e-8))  # the farthest that randn goes
_PRIMES = (73856093, 19349663, 53471161, 10000019)
_FIELD: Interval = (-8.0, 8.0)  # of points where noise is looked up


# -- the generator ---------------------------------------------------------------------------------


def _pcg(state: np.ndarray) -> np.ndarray:
    """Return the hash of 32 bits that is the next state."""
    b = np.asarray(state, dtype=np.uint32) * np.uint32(747796405) + np.uint32(2891336453)
    c = ((b >> ((b >> np.uint32(28)) + np.uint32(4))) ^ b) * np.uint32(277803737)
    return (c >> np.uint32(22)) ^ c


def _whole(a) -> np.ndarray:
    """Return integers of either sign as 32 bits, in an array of at least one element."""
    return np.atleast_1d(np.asarray(a, dtype=np.int64)).astype(np.uint32)


class _Random:
    """The stream of one thread, for all threads at once: each method moves the state on."""

    def __init__(self, seed, place=None):
        self.state = _whole(seed) if place is None else _whole(seed) + _pcg(_whole(place))
        self.state = _pcg(self.state)

    def bits(self) -> np.ndarray:
        self.state = _pcg(self.state)
        return self.state

    def uniform(self, low: float = 0.0, high: float = 1.0) -> np.ndarray:
        return (high - low) * ((self.bits() >> np.uint32(8)) / 16777216.0) + low

    def whole(self, low: int, high: int) -> np.ndarray:
        return (self.bits() % np.uint32(high - low)).astype(np.int64) + low

    def normal(self) -> np.ndarray:
        radius = np.sqrt(-2.0 * np.log(self.uniform() + 5.96e-8))
        return radius * np.cos(_TAU * self.uniform())

    def poisson(self, rate: float) -> np.ndarray:
        """Return counts for a rate below ten: factors until their product is small enough."""
        least = np.exp(np.float32(-rate))
        product = np.ones(self.state.shape, dtype=np.float32)
        count = np.zeros(self.state.shape, dtype=np.int64)
        active = product > 0
        while active.any():
            moved = _pcg(self.state)
            product = product * ((moved >> np.uint32(8)) / 16777216.0).astype(np.float32)
            self.state = np.where(active, moved, self.state)
            active = active & (product > least)
            count += active
        return count

    def triangle(self) -> np.ndarray:
        root = np.sqrt(self.uniform())
        return np.stack([1.0 - root, self.uniform() * root], axis=-1)

    def ring(self) -> np.ndarray:
        turn = self.uniform(0.0, _TAU)
        return np.stack([np.cos(turn), np.sin(turn)], axis=-1)

    def disk(self) -> np.ndarray:
        radius = np.sqrt(self.uniform())
        return radius[..., None] * self.ring()

    def dome(self, most: float) -> np.ndarray:
        """Return directions whose third component is at least 1 - ``most``."""
        height = 1.0 - most * self.uniform()
        ring = self.ring() * np.sqrt(1.0 - height**2)[..., None]
        return np.concatenate([ring, height[..., None]], axis=-1)

    def ball(self, most: float) -> np.ndarray:
        direction = self.dome(most)
        return direction * np.cbrt(self.uniform())[..., None]

    def cube(self, width: int) -> np.ndarray:
        return np.stack([self.uniform() - 0.5 for _ in range(width)], axis=-1)


def _stream(seed, place) -> _Random:
    return _Random(seed, place)


# -- noise -----------------------------------------------------------------------------------------


def _fade(t: np.ndarray) -> np.ndarray:
    return t * t * t * (t * (t * 6.0 - 15.0) + 10.0)


def _fade_slope(t: np.ndarray) -> np.ndarray:
    return 30.0 * t * t * (t * (t - 2.0) + 1.0)


def _lattice(state: np.ndarray, corner: list[np.ndarray]) -> np.ndarray:
    """Return the random gradient at a corner of the lattice."""
    *first, last = [
        _whole(axis) * np.uint32(prime) for axis, prime in zip(corner, _PRIMES, strict=False)
    ]
    random = _Random(0)
    random.state = last + state  # in C++ a sum binds tighter than an exclusive or
    for index in first:
        random.state = random.state ^ index
    if len(corner) == 1:
        return random.uniform(-1.0, 1.0)[..., None]
    gradient = random.cube(len(corner))
    return gradient / np.sqrt(np.sum(gradient**2, axis=-1))[..., None]


def _noise(state: np.ndarray, point: np.ndarray, periods=None) -> tuple[np.ndarray, np.ndarray]:
    """Return Perlin noise at points (..., axes) and its gradient there."""
    cell = np.floor(point)
    place, cell = point - cell, cell.astype(np.int64)
    fade, slope = _fade(place), _fade_slope(place)
    axes = point.shape[-1]
    value, gradient = np.zeros(point.shape[:-1]), np.zeros(point.shape)
    for corner in itertools.product((0, 1), repeat=axes):
        ends = [cell[..., k] + corner[k] for k in range(axes)]
        if periods is not None:
            ends = [np.fmod(end, periods) for end in ends]
        random = _lattice(state, ends)
        height = np.sum(random * (place - np.array(corner)), axis=-1)
        shares = [fade[..., k] if corner[k] else 1.0 - fade[..., k] for k in range(axes)]
        share = np.prod(shares, axis=0)
        value = value + share * height
        for k in range(axes):
            others = np.prod([*shares[:k], np.ones_like(share), *shares[k + 1 :]], axis=0)
            change = (1.0 if corner[k] else -1.0) * slope[..., k] * others
            gradient[..., k] += share * random[..., k] + change * height
    return value, gradient


def _noise_at(a: np.ndarray, seed) -> np.ndarray:
    return _noise(_Random(seed).state, a)[0]


def _noise_line(a: np.ndarray, seed) -> np.ndarray:
    return _noise(_Random(seed).state, np.asarray(a)[..., None])[0]


def _periodic_line(a: np.ndarray, seed, period: int) -> np.ndarray:
    return _noise(_Random(seed).state, np.abs(a)[..., None], period)[0]


def _periodic_at(a: np.ndarray, seed, period: int) -> np.ndarray:
    return _noise(_Random(seed).state, np.abs(a), period)[0]


def _curl(a: np.ndarray, seed, octaves: int, lacunarity: float, gain: float) -> np.ndarray:
    """Return curl noise: of one field in the plane, of three fields in space."""
    state, total = _Random(seed).state, np.zeros(())
    for octave in range(octaves):
        fields = []
        for step in (10019689, 13112221, None) if a.shape[-1] > 2 else (None,):
            fields.append(_noise(state, lacunarity**octave * a)[1])
            state = state if step is None else _Random(state, step).state
        total = total + gain**octave * np.stack(fields)
    if a.shape[-1] == 2:
        return np.stack([-total[0][..., 1], total[0][..., 0]], axis=-1)
    x, y, z = total
    return np.stack([z[..., 1] - y[..., 2], x[..., 2] - z[..., 0], y[..., 0] - x[..., 1]], axis=-1)


def _fractal(a: np.ndarray, seed) -> np.ndarray:
    state = _Random(seed).state
    layers = (0.5**k * _noise(state, 2.0**k * np.asarray(a)[..., None])[0] for k in range(3))
    return sum(layers, np.zeros(()))


def _turbulence(a: np.ndarray, seed) -> np.ndarray:
    state = _Random(seed).state
    layers = (0.5**k * np.abs(_noise(state, 2.0**k * a)[0]) for k in range(3))
    return sum(layers, np.zeros(()))


# -- rows ------------------------------------------------------------------------------------------


def _row(name: str, args: str, domain: Interval, range_, reference, **more) -> Operation:
    """Make a row on the value at hand, the seed and, if indexed, the number of the thread."""
    more.setdefault("indexed", True)
    return Operation(name, args, more.pop("result", args[0]), (domain, _SEEDS), range_, reference,
                     sides=(_SEED,), family="random", **more)  # fmt: skip


def _plus(low: float, high: float):
    return lambda a, _: iv.add(a, (low, high))


def _plus_scaled(low: float, high: float):
    return lambda a, _, c: iv.add(a, iv.mul((low, high), c))


def _times(low: float, high: float):
    return lambda a, _: iv.mul(a, (low, high))


def _sample(value: str, binds: int = SUM, *lines: str, name: str = "state", **more) -> Spelling:
    """Spell a value that needs the thread's random state, ``{t0}``."""
    first = "{t0} = wp.rand_init({1}, {tid})"
    return Spelling(value, binds, (first, *lines), (name, *more.get("locals", ())))


def _field(value: str, *lines: str, names: tuple[str, ...] = (), binds: int = ATOM) -> Spelling:
    """Spell a value that needs a state which all threads share, ``{t0}``."""
    return Spelling(value, binds, ("{t0} = wp.rand_init({1})", *lines), ("field", *names))


def _cloud(name: str, sampler: str, width: int, draw, low: float = -1.0) -> tuple:
    """Pair a row that moves a point by a sampled vector with its spelling."""
    row = _row(name, "vk", ANY, _plus_scaled(low, 1.0),
               lambda a, seed, c, place: a + c * draw(_stream(seed, place)),
               literals=((0.1, 1.5),), width=width, linear=True)  # fmt: skip
    return row, _sample(f"{{0}} + {{#0}} * {{vec}}(wp.{sampler}({{t0}}))")


_JUMPS = {"differentiable": False}

_PAIRS: tuple[tuple[Operation, Spelling], ...] = (
    # numbers
    (_row("jitter", "fk", ANY, _plus_scaled(0, 1),
          lambda a, s, c, n: a + c * _stream(s, n).uniform(), literals=((0.1, 2.0),), linear=True,
          weight=2),
     _sample("{0} + {#0} * {float}(wp.randf({t0}))")),
    (_row("random_gain", "fk", ANY, _times(-2, 2), lambda a, s, n: a * _stream(s, n).uniform(-2, 2),
          linear=True), _sample("{0} * {float}(wp.randf({t0}, -2.0, 2.0))", PRODUCT)),
    (_row("random_phase", "fk", ANY, iv.always(-1, 1),
          lambda a, s, n: np.sin(a + _stream(s, n).uniform(0, 6.0))),
     _sample("wp.sin({0} + {float}(wp.randf({t0}, 0.0, 6.0)))", 4)),
    (_row("shared_shift", "fk", ANY, _plus(0, 1), lambda a, s: a + _Random(s).uniform(),
          linear=True, indexed=False), _field("{0} + {float}(wp.randf({t0}))", binds=SUM)),
    (_row("gaussian_noise", "fk", ANY, _plus_scaled(-_NORMAL, _NORMAL),
          lambda a, s, c, n: a + c * _stream(s, n).normal(), literals=((0.05, 1.0),), linear=True,
          weight=2), _sample("{0} + {#0} * {float}(wp.randn({t0}))")),
    (_row("gaussian_gain", "fk", ANY, _times(-_NORMAL, _NORMAL),
          lambda a, s, n: a * _stream(s, n).normal(), linear=True),
     _sample("{0} * {float}(wp.randn({t0}))", PRODUCT)),
    (_row("log_normal_gain", "fk", ANY, _times(0, math.exp(_NORMAL * 0.25)),
          lambda a, s, n: a * np.exp(0.25 * _stream(s, n).normal()), linear=True),
     _sample("{0} * {float}(wp.exp(0.25 * wp.randn({t0})))", PRODUCT)),
    (_row("exponential_delay", "fk", ANY, _plus(0, 17.0),
          lambda a, s, n: a - np.log(1 - _stream(s, n).uniform()), linear=True),
     _sample("{0} - {float}(wp.log(1.0 - wp.randf({t0})))")),
    (_row("thread_dropout", "fk", ANY, _times(0, 1.25),
          lambda a, s, n: np.where(_stream(s, n).uniform() < 0.8, a / 0.8, 0)),
     _sample("wp.where(wp.randf({t0}) < 0.8, {0} / {float}(0.8), {zero})", ATOM)),
    (Operation("random_blend", "fkf", "f", (ANY, _SEEDS, ANY), lambda a, _, b: iv.hull(a, b),
               lambda a, s, b, n: (lambda t: a * (1 - t) + b * t)(_stream(s, n).uniform()),
               sides=(_SEED, None), family="random", indexed=True, linear=True),
     _sample("wp.lerp({0}, {2}, {float}(wp.randf({t0})))", 4)),
    (_row("antithetic", "fk", ANY, lambda a, _: (-iv.magnitude(a) * 0.5, iv.magnitude(a) * 0.5),
          lambda a, s, n: a * (lambda u: u * (1 - u) * 4 - 0.5)(_stream(s, n).uniform()),
          linear=True),
     _sample("{0} * {float}({t1} * (1.0 - {t1}) * 4.0 - 0.5)", PRODUCT, "{t1} = wp.randf({t0})",
             locals=("draw",))),
    (_row("mean_of_draws", "fk", ANY, _plus(0, 1), lambda a, s, n: a + (
        lambda r: sum(r.uniform() for _ in range(4)) / 4)(_stream(s, n)), linear=True),
     _sample("{0} + {t1} / {float}(4.0)", SUM, "{t1} = {float}(0.0)", "for {t2} in range(4):",
             "    {t1} += {float}(wp.randf({t0}))", locals=("total", "draw"))),
    (_row("random_walk", "fk", ANY, _plus(-3, 3), lambda a, s, n: a + (
        lambda r: sum(np.where(r.uniform() < 0.5, -0.5, 0.5) for _ in range(6)))(_stream(s, n)),
        linear=True),
     _sample("{0} + {t1}", SUM, "{t1} = {float}(0.0)", "for {t2} in range(6):",
             "    {t1} += wp.where(wp.randf({t0}) < 0.5, -{float}(0.5), {float}(0.5))",
             locals=("walk", "step"))),
    (_row("random_multiple", "fk", ANY, _times(-3, 3), lambda a, s, n: a * _stream(s, n).whole(
        -3, 4), linear=True), _sample("{0} * {float}(wp.randi({t0}, -3, 4))", PRODUCT)),
    (_row("random_sign", "fk", ANY, lambda a, _: (-iv.magnitude(a), iv.magnitude(a)),
          lambda a, s, n: np.where(_stream(s, n).whole(0, 2) == 0, a, -a), linear=True),
     _sample("wp.where(wp.randi({t0}, 0, 2) == 0, {0}, -{0!})", ATOM)),
    (_row("wide_integer", "fk", ANY, _plus(-1, 1), lambda a, s, n: a + _stream(s, n).bits().astype(
        np.int32) / 2147483648.0, linear=True),
     _sample("{0} + {float}(wp.randi({t0})) / {float}(2147483648.0)")),
    (_row("dithered", "fk", (-60.0, 60.0), lambda a, _: (math.floor(a[0]), math.ceil(a[1]) + 1),
          lambda a, s, n: np.floor(a + _stream(s, n).uniform()), differentiable=False),
     _sample("wp.floor({0} + {float}(wp.randf({t0})))", 4)),
    (_row("poisson_count", "fk", ANY, _plus_scaled(0, 60),
          lambda a, s, c, n: a + c * _stream(s, n).poisson(3.0), literals=((0.05, 0.5),),
          linear=True), _sample("{0} + {#0} * {float}(wp.poisson({t0}, 3.0))")),
    (_row("shot_noise", "fk", ANY, _times(0, 20),
          lambda a, s, n: a * _stream(s, n).poisson(6.0) / 3, linear=True),
     _sample("{0} * {float}(wp.poisson({t0}, 6.0)) / {float}(3.0)", PRODUCT)),
    # integers
    (_row("i_random_step", "ik", (-100, 100), _plus(-9, 9), lambda a, s, n: a + _stream(
        s, n).whole(-9, 10), **_JUMPS), _sample("{0} + {int}(wp.randi({t0}, -9, 10))")),
    (_row("i_random_cap", "ik", SMALL, lambda a, _: (min(a[0], -20), min(a[1], 20)), lambda a, s, n:
        np.minimum(a, _stream(s, n).whole(-20, 21)), **_JUMPS),
     _sample("wp.min({0}, {int}(wp.randi({t0}, -20, 21)))", 4)),
    (_row("u_random_bits", "uk", WRAPPING, iv.always(*WRAPPING), lambda a, s, n: a ^ _stream(
        s, n).bits().astype(a.dtype), **_JUMPS), _sample("{0!!} ^ {uint}(wp.randu({t0}))", 0)),
    (_row("u_random_offset", "uk", WRAPPING, iv.always(*WRAPPING), lambda a, s, n: a + (
        _stream(s, n).bits() % np.uint32(99) + np.uint32(1)).astype(a.dtype), **_JUMPS),
     _sample("{0} + {uint}(wp.randu({t0}, wp.uint32(1), wp.uint32(100)))")),
    (_row("u_state", "uk", WRAPPING, iv.always(*WRAPPING), lambda a, s, n: a * _stream(
        s, n).state.astype(a.dtype), **_JUMPS), _sample("{0} * {uint}({t0})", PRODUCT)),
    # points
    _cloud("ring_offset", "sample_unit_ring", 2, _Random.ring),
    _cloud("disk_offset", "sample_unit_disk", 2, _Random.disk),
    _cloud("square_offset", "sample_unit_square", 2, lambda r: r.cube(2)),
    _cloud("triangle_offset", "sample_triangle", 2, _Random.triangle, 0.0),
    _cloud("sphere_surface_offset", "sample_unit_sphere_surface", 3, lambda r: r.dome(2.0)),
    _cloud("sphere_offset", "sample_unit_sphere", 3, lambda r: r.ball(2.0)),
    _cloud("hemisphere_surface_offset", "sample_unit_hemisphere_surface", 3,
           lambda r: r.dome(1.0)),
    _cloud("hemisphere_offset", "sample_unit_hemisphere", 3, lambda r: r.ball(1.0)),
    _cloud("cube_offset", "sample_unit_cube", 3, lambda r: r.cube(3)),
    (_row("thread_projection", "vk", ANY, lambda a, _: (-2 * iv.magnitude(a), 2 * iv.magnitude(a)),
          lambda a, s, n: np.sum(a * _stream(s, n).dome(2.0), axis=-1), width=3, result="f",
          linear=True),
     _sample("wp.dot({0}, {vec}(wp.sample_unit_sphere_surface({t0})))", 4)),
    (_row("oriented_sample", "vk", ANY, iv.always(-1, 1), lambda a, s, n: (lambda d: np.where(
        np.sum(a * d, axis=-1)[..., None] < 0, -d, d))(_stream(s, n).dome(2.0)), width=3, **_JUMPS),
     _sample("wp.where(wp.dot({0}, {t1}) < {zero}, -{t1}, {t1})", ATOM,
             "{t1} = {vec}(wp.sample_unit_sphere_surface({t0}))", locals=("direction",))),
    (_row("triangle_weight", "fk", ANY, _times(0, 1), lambda a, s, n: a * _stream(
        s, n).triangle()[..., 0], linear=True),
     _sample("{0} * {float}(wp.sample_triangle({t0})[0])", PRODUCT)),
    (_row("disk_radius", "fk", ANY, _plus(0, 1), lambda a, s, n: a + np.sqrt(np.sum(_stream(
        s, n).disk() ** 2, axis=-1)), linear=True),
     _sample("{0} + {float}(wp.length(wp.sample_unit_disk({t0})))")),
    (_row("ring_x", "fk", ANY, _times(-1, 1), lambda a, s, n: a * _stream(s, n).ring()[..., 0],
          linear=True), _sample("{0} * {float}(wp.sample_unit_ring({t0}).x)", PRODUCT)),
    (_row("ball_height", "fk", ANY, _plus(-1, 1), lambda a, s, n: a + _stream(s, n).ball(
        2.0)[..., 2], linear=True), _sample("{0} + {float}(wp.sample_unit_sphere({t0}).z)")),
    # noise
    (_row("noise_line", "fk", _FIELD, iv.always(-0.5, 0.5), _noise_line, indexed=False),
     _field("{float}(wp.noise({t0}, float({0})))")),
    *((_row(f"noise{width}", "vk", _FIELD, iv.always(-1.01, 1.01), _noise_at, indexed=False,
            width=width, result="f"),
       _field(f"{{float}}(wp.noise({{t0}}, wp.vec{width}({{0}})))")) for width in (2, 3, 4)),
    (_row("periodic_line", "fk", _FIELD, iv.always(-0.5, 0.5), _periodic_line, indexed=False,
          literals=((2, 6),)), _field("{float}(wp.pnoise({t0}, float(wp.abs({0})), {#0}))")),
    (_row("periodic2", "vk", _FIELD, iv.always(-1.01, 1.01), _periodic_at, indexed=False, width=2,
          result="f", literals=((2, 6),)),
     _field("{float}(wp.pnoise({t0}, wp.vec2(wp.abs({0})), {#0}, {#0}))")),
    (_row("periodic3", "vk", _FIELD, iv.always(-1.01, 1.01), _periodic_at, indexed=False, width=3,
          result="f", literals=((2, 6),)),
     _field("{float}(wp.pnoise({t0}, wp.vec3(wp.abs({0})), {#0}, {#0}, {#0}))")),
    (_row("periodic4", "vk", _FIELD, iv.always(-1.01, 1.01), _periodic_at, indexed=False, width=4,
          result="f", literals=((2, 6),)),
     _field("{float}(wp.pnoise({t0}, wp.vec4(wp.abs({0})), {#0}, {#0}, {#0}, {#0}))")),
    (_row("curl2", "vk", _FIELD, iv.always(-8, 8), lambda a, s: _curl(a, s, 1, 2.0, 0.5),
          indexed=False, width=2),
     _field("{vec}(wp.curlnoise({t0}, wp.vec2({0})))")),
    (_row("curl3", "vk", _FIELD, iv.always(-16, 16), lambda a, s: _curl(a, s, 1, 2.0, 0.5),
          indexed=False, width=3),
     _field("{vec}(wp.curlnoise({t0}, wp.vec3({0})))")),
    (_row("curl2_octaves", "vk", _FIELD, iv.always(-24, 24), lambda a, s: _curl(a, s, 3, 2.0, 0.5),
          indexed=False, width=2),
     _field("{vec}(wp.curlnoise({t0}, wp.vec2({0}), wp.uint32(3), 2.0, 0.5))")),
    (_row("curl3_octaves", "vk", _FIELD, iv.always(-32, 32), lambda a, s: _curl(a, s, 2, 2.0, 0.5),
          indexed=False, width=3),
     _field("{vec}(wp.curlnoise({t0}, wp.vec3({0}), wp.uint32(2), 2.0, 0.5))")),
    (_row("curl4_plane", "vk", _FIELD, iv.always(-20, 20), lambda a, s: _curl(
        np.concatenate([a, np.full_like(a[..., :1], 0.5)], -1), s, 1, 2.0, 0.5), indexed=False,
        width=3),
     _field("{vec}(wp.curlnoise({t0}, wp.vec4({t1}[0], {t1}[1], {t1}[2], 0.5)))",
            "{t1} = wp.vec3({0})", names=("point",))),
    (_row("fractal_noise", "fk", (-4.0, 4.0), iv.always(-0.875, 0.875), _fractal, indexed=False),
     _field("{t1}", "{t1} = {float}(0.0)", "for {t2} in range(3):",
            "    {t3} = 2.0 ** float({t2})",
            "    {t1} += {float}(wp.noise({t0}, {t3} * float({0})) / {t3})",
            names=("total", "octave", "scale"))),
    (_row("turbulence", "vk", (-4.0, 4.0), iv.always(0, 1.75), _turbulence, indexed=False, width=3,
          result="f"),
     _field("{t1}", "{t1} = {float}(0.0)", "for {t2} in range(3):",
            "    {t3} = wp.pow(2.0, float({t2}))",
            "    {t1} += {float}(wp.abs(wp.noise({t0}, {t3} * wp.vec3({0}))) / {t3})",
            names=("total", "octave", "scale"))),
)  # fmt: skip

ROWS: tuple[Operation, ...] = tuple(row for row, _ in _PAIRS)
WARP: dict[str, Spelling] = {row.name: spelling for row, spelling in _PAIRS}
JAX: dict[str, Spelling] = {}
