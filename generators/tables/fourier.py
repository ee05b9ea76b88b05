"""Fourier transforms of whole arrays, complex numbers, and filters and spectra of signals.

The interval of a ``c`` value holds for its real and its imaginary part.
"""

from __future__ import annotations

import math

import numpy as np
import scipy  # its `signal` is loaded when it is first used: half of what importing costs
import scipy.fft

from generators import intervals as iv
from generators.operations import ANY, Operation, Side
from generators.spellings import PRODUCT, SUM, Spelling, call

_ROOT2 = math.sqrt(2.0)
_BASE = (-2.0, 2.0)
_FREQ = "jnp.fft.fftfreq({@d}, dtype={0!!}.real.dtype)"
_RFREQ = "jnp.fft.rfftfreq({@d}, dtype={0!!}.dtype)"


def _up_to(f):
    """Make the range of what lies between nothing and ``f``."""
    return lambda n: lambda *a: (0.0, f(n, *map(iv.magnitude, a)))


def _row(name, kinds, spelling, reference, sized, dims="...d->...d", **more):
    args, result = kinds.split(">")
    domains = more.pop("domains", (ANY,) * len(args))
    row = Operation(
        name, args, result, domains, sized, reference, sized=True, dims=dims, family="fft",
        wide=True, **more,
    )  # fmt: skip
    return row, spelling


def _pointwise(name, kinds, spelling, reference, bound, **more):
    """Make an elementwise row; ``bound`` maps magnitudes to the largest component."""
    args, result = kinds.split(">")
    domains = more.pop("domains", (ANY,) * len(args))

    def bounded(*a):
        high = bound(*map(iv.magnitude, a))
        return -high, high

    row = Operation(
        name, args, result, domains, bounded, reference, family="fft", wide=True, **more
    )
    return row, spelling


def _freq(a: np.ndarray) -> np.ndarray:
    return np.fft.fftfreq(a.shape[-1])


def _filtered(a: np.ndarray, gain, c: float = 0.0) -> np.ndarray:
    """Multiply the half spectrum by what ``gain`` makes of its frequencies."""
    found = np.fft.rfft(a) * gain(np.fft.rfftfreq(a.shape[-1]), c)
    return np.fft.irfft(found, a.shape[-1])


def _analytic(a: np.ndarray) -> np.ndarray:
    return np.asarray(scipy.signal.hilbert(a, axis=-1))


def _phase_correlation(a, b, c):
    cross = np.fft.fft(a) * np.conj(np.fft.fft(b))
    return np.fft.ifft(cross / (np.abs(cross) + c)).real


def _centroid(a):
    power = np.abs(np.fft.rfft(a)) ** 2
    return np.sum(power * np.fft.rfftfreq(a.shape[-1]), -1) / (np.sum(power, -1) + 1.0)


def _smooth_plane(a, c):
    y, x = np.fft.fftfreq(a.shape[-2]), np.fft.rfftfreq(a.shape[-1])
    gain = np.exp(-c * (y[:, None] ** 2 + x**2))
    return np.fft.irfft2(np.fft.rfft2(a) * gain, a.shape[-2:])


def _inverse_plane(a, c):
    y, x = np.fft.fftfreq(a.shape[-2]), np.fft.fftfreq(a.shape[-1])
    return np.fft.ifft2(np.fft.fft2(a) / (1 + c * (y[:, None] ** 2 + x**2))).real


def _same(name):
    return lambda a, w: getattr(scipy.signal, name)(a, w, mode="same")


def _n(axis, factor=1.0):
    return iv.within(lambda n, a, *_: factor * n[axis] * a)


_SAME = iv.within(lambda n, a, *_: a)
_ROOT = iv.within(lambda n, a: math.sqrt(n["d"]) * a)
_PLANE = iv.within(lambda n, a: math.sqrt(n["n"] * n["d"]) * a)
_COMPLEX = iv.within(lambda n, a, *_: _ROOT2 * a)

_TRANSFORMS = (
    # floats to complex
    _row("fft", "f>c", call("jnp.fft.fft"), np.fft.fft, _n("d"), linear=True, weight=2),
    _row("fft_ortho", "f>c", Spelling('jnp.fft.fft({0}, norm="ortho")'),
         lambda a: np.fft.fft(a, norm="ortho"), _ROOT, linear=True),
    _row("fft_rows", "f>c", Spelling("jnp.fft.fft({0}, axis=-2)"),
         lambda a: np.fft.fft(a, axis=-2), _n("n"), "...nd->...nd", linear=True),
    _row("ifft_ortho", "f>c", Spelling('jnp.fft.ifft({0}, norm="ortho")'),
         lambda a: np.fft.ifft(a, norm="ortho"), _ROOT, linear=True),
    _row("fft2", "f>c", Spelling('jnp.fft.fft2({0}, norm="ortho")'),
         lambda a: np.fft.fft2(a, norm="ortho"), _PLANE, "...nd->...nd", linear=True),
    _row("fft2_mean", "f>c", Spelling('jnp.fft.fft2({0}, norm="forward")'),
         lambda a: np.fft.fft2(a, norm="forward"), _SAME, "...nd->...nd", linear=True),
    _row("fftn", "f>c", Spelling('jnp.fft.fftn({0}, norm="ortho")'),
         lambda a: np.fft.fftn(a, norm="ortho"), _PLANE, "nd->nd", linear=True),
    _row("fftn_axes", "f>c", Spelling('jnp.fft.fftn({0}, axes=(0, 2), norm="ortho")'),
         lambda a: np.fft.fftn(a, axes=(0, 2), norm="ortho"),
         iv.within(lambda n, a: math.sqrt(n["h"] * n["d"]) * a), "hnd->hnd", linear=True),
    _row("analytic_signal", "f>c", Spelling("jnp.fft.ifft({t0} * {t1})", lines=(
        "{t0} = jnp.fft.fft({0})",
        "{t1} = 1.0 + jnp.sign(" + _FREQ.replace("{0!!}", "{t0}") + ")",
        "{t1} = {t1}.at[..., {@d} // 2].set(1.0)"), locals=("spectrum", "step")),
        _analytic, _n("d", 2.0), linear=True),
    # complex to complex
    _row("ifft", "c>c", call("jnp.fft.ifft"), np.fft.ifft, _COMPLEX, linear=True, weight=2),
    _row("fft_mean", "c>c", Spelling('jnp.fft.fft({0}, norm="forward")'),
         lambda a: np.fft.fft(a, norm="forward"), _COMPLEX, linear=True),
    _row("fft_again", "c>c", Spelling("jnp.fft.fft({0}, axis=0, norm=\"ortho\")"),
         lambda a: np.fft.fft(a, axis=0, norm="ortho"),
         iv.within(lambda n, a: math.sqrt(2 * n["n"]) * a), "nd->nd", linear=True),
    _row("ifft_rows", "c>c", Spelling("jnp.fft.ifft({0}, axis=-2)"),
         lambda a: np.fft.ifft(a, axis=-2), _COMPLEX, "...nd->...nd", linear=True),
    _row("ifft2", "c>c", call("jnp.fft.ifft2"), np.fft.ifft2, _COMPLEX, "...nd->...nd",
         linear=True),
    _row("ifftn", "c>c", call("jnp.fft.ifftn"), np.fft.ifftn, _COMPLEX, "nd->nd", linear=True),
    _row("lax_fft", "c>c", Spelling("jax.lax.fft({0}, jax.lax.FftType.FFT, ({@d},)) / {@d}",
                                    PRODUCT),
         lambda a: np.fft.fft(a) / a.shape[-1], _COMPLEX, linear=True),
    _row("lax_ifft", "c>c", Spelling("jax.lax.fft({0}, jax.lax.FftType.IFFT, ({@d},))"),
         np.fft.ifft, _COMPLEX, linear=True),
    _row("complex_shift", "c>c", call("jnp.fft.fftshift"), np.fft.fftshift, _SAME, "nd->nd",
         linear=True),
    _row("complex_unshift", "c>c", Spelling("jnp.fft.ifftshift({0}, axes=-1)"),
         lambda a: np.fft.ifftshift(a, axes=-1), _SAME, linear=True),
    _row("low_pass", "c>c", Spelling("jnp.where(jnp.abs(" + _FREQ + ") < {#0}, {0}, 0.0)"),
         lambda a, c: np.where(np.abs(_freq(a)) < c, a, 0), _SAME, literals=((0.27, 0.36),),
         linear=True),
    _row("high_pass", "c>c", Spelling("jnp.where(jnp.abs(" + _FREQ + ") >= {#0}, {0}, 0.0)"),
         lambda a, c: np.where(np.abs(_freq(a)) >= c, a, 0), _SAME, literals=((0.14, 0.23),),
         linear=True),
    _row("gaussian_filter", "c>c", Spelling("{0} * jnp.exp(-{#0} * " + _FREQ + " ** 2)", PRODUCT),
         lambda a, c: a * np.exp(-c * _freq(a) ** 2), _SAME, literals=((1.0, 9.0),),
         linear=True),
    _row("butterworth_filter", "c>c", Spelling(
        "{0} / (1.0 + (" + _FREQ + " / {#0}) ** 4)", PRODUCT),
        lambda a, c: a / (1 + (_freq(a) / c) ** 4), _SAME, literals=((0.1, 0.4),),
        linear=True),
    _row("spectral_derivative", "c>c", Spelling(
        "{0} * jax.lax.complex(jnp.zeros_like({t0}), {t0})", PRODUCT,
        ("{t0} = 2.0 * jnp.pi * " + _FREQ,), ("wavenumber",)),
        lambda a: a * 2j * np.pi * _freq(a), iv.within(lambda n, a: math.pi * a), linear=True),
    _row("phase_shift", "c>c", Spelling(
        "{0} * jnp.exp(jax.lax.complex(jnp.zeros_like({t0}), {t0}))", PRODUCT,
        ("{t0} = -{#0} * " + _FREQ,), ("phase",)),
        lambda a, c: a * np.exp(-1j * c * _freq(a)), _COMPLEX, literals=((1.0, 9.0),),
        linear=True),
)  # fmt: skip

_POINTWISE = (
    _pointwise("complex", "ff>c", call("jax.lax.complex", 2), lambda a, b: a + 1j * b, max,
               linear=True, weight=2),
    _pointwise("unit_phase", "f>c", Spelling(
        "jnp.exp(jax.lax.complex(jnp.zeros_like({0}), {0}))"),
        lambda a: np.exp(1j * a), lambda a: 1.0),
    _pointwise("polar_form", "ff>c", Spelling(
        "{0!!} * jnp.exp(jax.lax.complex(jnp.zeros_like({1}), {1}))", PRODUCT),
        lambda r, a: r * np.exp(1j * a), lambda r, a: r),
    _pointwise("conj", "c>c", call("jnp.conj"), np.conj, lambda a: a, linear=True),
    _pointwise("conj_lax", "c>c", call("jax.lax.conj"), np.conj, lambda a: a, linear=True),
    _pointwise("cross_spectrum", "cc>c", Spelling("jnp.conj({0}) * {1!}", PRODUCT),
               lambda a, b: np.conj(a) * b, lambda a, b: 2 * a * b),
    _pointwise("rotate", "cf>c", Spelling(
        "{0} * jax.lax.complex(jnp.cos({1}), jnp.sin({1}))", PRODUCT),
        lambda a, b: a * np.exp(1j * b), lambda a, b: _ROOT2 * a),
    _pointwise("spectral_gain", "cf>c", Spelling("{0} * jax.nn.sigmoid({1}).astype({0!!}.dtype)",
                                                 PRODUCT),
               lambda a, b: a / (1 + np.exp(-b)), lambda a, b: a),
    _pointwise("spectral_whiten", "c>c", Spelling(
        "{0} / jnp.sqrt({#0} + jnp.real({0} * jnp.conj({0})))", PRODUCT),
        lambda a, c: a / np.sqrt(c + np.abs(a) ** 2), lambda a, c: 1.0, literals=((0.5, 2.0),)),
    _pointwise("complex_rational", "c>c", Spelling(
        "{0} / (1.0 + jnp.real({0} * jnp.conj({0})))", PRODUCT),
        lambda a: a / (1 + np.abs(a) ** 2), lambda a: 0.5),
    _pointwise("swap_parts", "c>c", Spelling("jax.lax.complex({0!!}.imag, {0!!}.real)"),
               lambda a: a.imag + 1j * a.real, lambda a: a),
    _pointwise("split_tanh", "c>c", Spelling(
        "jax.lax.complex(jnp.tanh({0!!}.real), jnp.tanh({0!!}.imag))"),
        lambda a: np.tanh(a.real) + 1j * np.tanh(a.imag), lambda a: 1.0),
    # complex to floats
    _pointwise("real", "c>f", call("jnp.real"), np.real, lambda a: a, linear=True, weight=2),
    _pointwise("imag", "c>f", call("jnp.imag"), np.imag, lambda a: a, linear=True),
    _pointwise("real_lax", "c>f", call("jax.lax.real"), np.real, lambda a: a, linear=True),
    _pointwise("imag_lax", "c>f", call("jax.lax.imag"), np.imag, lambda a: a, linear=True),
    _pointwise("complex_power", "c>f", Spelling("jnp.real({0} * jnp.conj({0}))"),
               lambda a: np.abs(a) ** 2, lambda a: 2 * a * a),
    _pointwise("power_parts", "c>f", Spelling("{0!!}.real**2 + {0!!}.imag**2", SUM),
               lambda a: np.abs(a) ** 2, lambda a: 2 * a * a, weight=2),
    _pointwise("magnitude", "c>f", Spelling("jnp.hypot({0!!}.real, {0!!}.imag)"),
               np.abs, lambda a: _ROOT2 * a),
    _pointwise("angle", "c>f", Spelling("jnp.angle({0} + {#0})"),
               lambda a, c: np.angle(a + c), lambda a, c: math.atan(2.0),
               domains=((-1.0, 1.0),), literals=((1.5, 3.0),)),
    _pointwise("parts_product", "c>f", Spelling("{0!!}.real * {0!!}.imag", PRODUCT),
               lambda a: a.real * a.imag, lambda a: a * a),
    _pointwise("parts_difference", "c>f", Spelling("{0!!}.real - {0!!}.imag", SUM),
               lambda a: a.real - a.imag, lambda a: 2 * a, linear=True),
)  # fmt: skip

_TO_FLOATS = (
    _row("ifft_real", "c>f", Spelling("jnp.fft.ifft({0}).real"),
         lambda a: np.fft.ifft(a).real, _COMPLEX, linear=True),
    _row("ifft2_real", "c>f", Spelling("jnp.fft.ifft2({0}).real"),
         lambda a: np.fft.ifft2(a).real, _COMPLEX, "...nd->...nd", linear=True),
    _row("fft_imag", "c>f", Spelling('jnp.fft.fft({0}, norm="ortho").imag'),
         lambda a: np.fft.fft(a, norm="ortho").imag,
         iv.within(lambda n, a: math.sqrt(2 * n["d"]) * a), linear=True),
    _row("stack_parts", "c>f", Spelling("jnp.stack([{0!!}.real, {0!!}.imag])"),
         lambda a: np.stack([a.real, a.imag]), _SAME, "nd->2nd", linear=True),
    _row("complex_energy", "c>f", Spelling(
        'jnp.einsum("...d,...d->...", {0}, jnp.conj({0})).real'),
        lambda a: np.sum(np.abs(a) ** 2, -1), _up_to(lambda n, a: 2 * n["d"] * a * a),
        "...d->..."),
    _row("complex_vdot", "cc>f", Spelling("jnp.vdot({0}, {1}).real / {0!!}.size", PRODUCT),
         lambda a, b: np.vdot(a, b).real / a.size, iv.within(lambda n, a, b: 2 * a * b),
         "nd,nd->"),
    _row("complex_project", "cc>f", Spelling(
        'jnp.einsum("nd,kd->nk", {0}, jnp.conj({1})).imag'),
        lambda a, b: (a @ np.conj(b.T)).imag, iv.within(lambda n, a, b: 2 * n["d"] * a * b),
        "nd,kd->nk"),
)  # fmt: skip


def _filter(name, gain, reference, literals=(), bound=None, **more):
    """Make a row that multiplies the half spectrum by a real gain."""
    spelling = Spelling(
        "jnp.fft.irfft({t0} * {t1}, n={@d})",
        lines=("{t0} = jnp.fft.rfft({0})", "{t1} = " + gain), locals=("spectrum", "gain"),
    )  # fmt: skip
    sized = bound or iv.within(lambda n, a, *_: math.sqrt(n["d"]) * a)
    return _row(
        name, "f>f", spelling, lambda a, *c: _filtered(a, reference, *c), sized,
        literals=literals, linear=True, **more,
    )  # fmt: skip


_FILTERS = (
    _filter("low_pass_rfft", "(" + _RFREQ + " < {#0}).astype({0!!}.dtype)",
            lambda f, c: f < c, ((0.27, 0.36),)),
    _filter("heat_rfft", "jnp.exp(-{#0} * " + _RFREQ + " ** 2)",
            lambda f, c: np.exp(-c * f**2), ((1.0, 20.0),)),
    _filter("screened_poisson", "1.0 / (1.0 + {#0} * " + _RFREQ + " ** 2)",
            lambda f, c: 1 / (1 + c * f * f), ((2.0, 30.0),)),
    _filter("fractional_laplacian", "jnp.power(2.0 * jnp.pi * " + _RFREQ + ", {#0})",
            lambda f, c: (2 * np.pi * f) ** c, ((0.5, 1.5),),
            iv.within(lambda n, a, c: math.sqrt(n["d"]) * math.pi**c * a)),
    _filter("sinc_filter", "jnp.sinc({#0} * " + _RFREQ + ")",
            lambda f, c: np.sinc(c * f), ((1.0, 3.0),)),
    _filter("raised_cosine", "0.5 + 0.5 * jnp.cos(2.0 * jnp.pi * " + _RFREQ + ")",
            lambda f, c: 0.5 + 0.5 * np.cos(2 * np.pi * f)),
    _row("circular_convolve", "ff>f", Spelling(
        "jnp.fft.irfft(jnp.fft.rfft({0}) * jnp.fft.rfft({1}), n={@d})"),
        lambda a, b: np.fft.irfft(np.fft.rfft(a) * np.fft.rfft(b), a.shape[-1]),
        iv.within(lambda n, a, b: n["d"] * a * b), "...d,d->...d", sides=(Side("taps"),)),
    _row("circular_correlate", "ff>f", Spelling(
        "jnp.fft.irfft(jnp.fft.rfft({0}) * jnp.conj(jnp.fft.rfft({1})), n={@d})"),
        lambda a, b: np.fft.irfft(np.fft.rfft(a) * np.conj(np.fft.rfft(b)), a.shape[-1]),
        iv.within(lambda n, a, b: n["d"] * a * b), "...d,d->...d", sides=(Side("template"),)),
    _row("fourier_layer", "ff>f", Spelling(
        "jnp.fft.ifft(jnp.fft.fft({0}) * {1!!}).real"),
        lambda a, b: np.fft.ifft(np.fft.fft(a) * b).real,
        iv.within(lambda n, a, b: n["d"] * a * b), "...d,d->...d", sides=(Side("gain"),)),
    _row("autocorrelation", "f>f", Spelling(
        "jnp.fft.irfft({t0} * jnp.conj({t0}), n={@d}) / {@d}", PRODUCT,
        ("{t0} = jnp.fft.rfft({0})",), ("spectrum",)),
        lambda a: np.fft.irfft(np.abs(np.fft.rfft(a)) ** 2, a.shape[-1]) / a.shape[-1],
        iv.within(lambda n, a: a * a)),
    _row("cepstrum", "f>f", Spelling(
        "jnp.fft.irfft(jnp.log({#0} + jnp.abs(jnp.fft.rfft({0})) ** 2), n={@d})"),
        lambda a, c: np.fft.irfft(np.log(c + np.abs(np.fft.rfft(a)) ** 2), a.shape[-1]),
        iv.within(lambda n, a, c: max(0.7, math.log(c + (n["d"] * a) ** 2))),
        literals=((0.5, 2.0),)),
    _row("phase_correlation", "ff>f", Spelling(
        "jnp.fft.ifft({t0} / (jnp.abs({t0}) + {#0})).real", lines=(
            "{t0} = jnp.fft.fft({0}) * jnp.conj(jnp.fft.fft({1}))",), locals=("cross",)),
        _phase_correlation, lambda n: lambda a, b, c: (-1.0, 1.0), "...d,d->...d",
        literals=((0.5, 2.0),), sides=(Side("template"),)),
    _row("hermitian_round", "f>f", Spelling(
        "jnp.fft.hfft(jnp.fft.ihfft({0}) / (1.0 + {#0} * {t0}), n={@d})",
        lines=("{t0} = " + _RFREQ,), locals=("frequency",)),
        lambda a, c: np.fft.hfft(np.fft.ihfft(a) / (1 + c * np.fft.rfftfreq(a.shape[-1])),
                                 a.shape[-1]),
        iv.within(lambda n, a, c: math.sqrt(n["d"]) * a), literals=((0.5, 4.0),), linear=True),
    _row("smooth_plane", "f>f", Spelling(
        "jnp.fft.irfft2(jnp.fft.rfft2({0}) * {t1}, s=({@n}, {@d}))", lines=(
            "{t0} = jnp.fft.fftfreq({@n}, dtype={0!!}.dtype)[:, None]",
            "{t1} = jnp.exp(-{#0} * ({t0}**2 + " + _RFREQ + " ** 2))"),
        locals=("vertical", "gain")), _smooth_plane,
        iv.within(lambda n, a, c: math.sqrt(n["n"] * n["d"]) * a), "...nd->...nd",
        literals=((1.0, 20.0),), linear=True),
    _row("smooth_plane_n", "f>f", Spelling(
        "jnp.fft.irfftn({t0} / (1.0 + {#0} * {t1}**2), s={0!!}.shape)", lines=(
            "{t0} = jnp.fft.rfftn({0})", "{t1} = " + _RFREQ),
        locals=("spectrum", "frequency")),
        lambda a, c: np.fft.irfftn(np.fft.rfftn(a) / (1 + c * np.fft.rfftfreq(a.shape[-1]) ** 2),
                                   a.shape, axes=(0, 1)),
        iv.within(lambda n, a, c: math.sqrt(n["n"] * n["d"]) * a), "nd->nd",
        literals=((1.0, 20.0),), linear=True),
    _row("inverse_helmholtz", "f>f", Spelling(
        "jnp.fft.ifft2(jnp.fft.fft2({0}) / (1.0 + {#0} * {t1})).real", lines=(
            "{t0} = jnp.fft.fftfreq({@n}, dtype={0!!}.dtype)[:, None]",
            "{t1} = {t0}**2 + " + _FREQ.replace(".real", "") + " ** 2"),
        locals=("vertical", "squared")), _inverse_plane,
        iv.within(lambda n, a, c: math.sqrt(n["n"] * n["d"]) * a), "...nd->...nd",
        literals=((1.0, 20.0),), linear=True),
    _row("lax_rfft_round", "f>f", Spelling(
        "jax.lax.fft({t0} / (1.0 + {#0} * {t1}), jax.lax.FftType.IRFFT, ({@d},))", lines=(
            "{t0} = jax.lax.fft({0}, jax.lax.FftType.RFFT, ({@d},))", "{t1} = " + _RFREQ),
        locals=("spectrum", "frequency")),
        lambda a, c: _filtered(a, lambda f, c: 1 / (1 + c * f), c),
        iv.within(lambda n, a, c: math.sqrt(n["d"]) * a), literals=((0.5, 4.0),), linear=True),
)  # fmt: skip

_SPECTRA = (
    _row("periodogram", "f>f", Spelling("jnp.abs(jnp.fft.fft({0})) ** 2 / {@d}", PRODUCT),
         lambda a: np.abs(np.fft.fft(a)) ** 2 / a.shape[-1],
         _up_to(lambda n, a: n["d"] * a * a), domains=(_BASE,)),
    _row("amplitudes", "f>f", Spelling('jnp.abs(jnp.fft.fft({0}, norm="ortho"))'),
         lambda a: np.abs(np.fft.fft(a, norm="ortho")),
         _up_to(lambda n, a: math.sqrt(n["d"]) * a)),
    _row("fft_power_2d", "f>f", Spelling('jnp.abs(jnp.fft.fft2({0}, norm="ortho")) ** 2'),
         lambda a: np.abs(np.fft.fft2(a, norm="ortho")) ** 2,
         _up_to(lambda n, a: n["n"] * n["d"] * a * a), "...nd->...nd", domains=((-0.9, 0.9),)),
    _row("envelope", "f>f", Spelling("jnp.abs(jnp.fft.ifft(jnp.fft.fft({0}) * {t1}))", lines=(
        "{t0} = jnp.arange({@d})",
        "{t1} = jnp.where({t0} % ({@d} // 2) == 0, 1.0, 2.0 * ({t0} < {@d} // 2))",
        "{t1} = {t1}.astype({0!!}.dtype)"), locals=("bins", "step")),
        lambda a: np.abs(_analytic(a)), _up_to(lambda n, a: 2 * n["d"] * a)),
    _row("spectral_energy", "f>f", Spelling(
        "jnp.sum(jnp.abs(jnp.fft.rfft({0})) ** 2, axis=-1) / {@d}", PRODUCT),
        lambda a: np.sum(np.abs(np.fft.rfft(a)) ** 2, -1) / a.shape[-1],
        _up_to(lambda n, a: n["d"] * a * a), "...d->...", domains=((-4.0, 4.0),)),
    _row("spectral_centroid", "f>f", Spelling(
        "jnp.sum({t0} * {t1}, axis=-1) / (jnp.sum({t0}, axis=-1) + 1.0)", PRODUCT,
        ("{t0} = jnp.square(jnp.abs(jnp.fft.rfft({0})))", "{t1} = " + _RFREQ),
        ("power", "frequency")), _centroid, lambda n: lambda a: (0.0, 0.5), "...d->..."),
    _row("welch", "f>f", Spelling("jax.scipy.signal.welch({0}, nperseg=4)[1]"),
         lambda a: scipy.signal.welch(a, nperseg=4)[1], _up_to(lambda n, a: 16 * a * a),
         "...d->...3", domains=(_BASE,)),
    _row("cross_density", "ff>f", Spelling(
        "jax.scipy.signal.csd({0}, {1}, nperseg=4)[1].real"),
        lambda a, b: np.real(scipy.signal.csd(a, b, nperseg=4)[1]),
        iv.within(lambda n, a, b: 16 * a * b), "...d,...d->...3", domains=(_BASE, _BASE)),
    _row("spectrogram_mean", "f>f", Spelling(
        "jnp.mean(jnp.abs(jax.scipy.signal.stft({0}, nperseg=4)[2]) ** 2, axis=-1)"),
        lambda a: np.mean(np.abs(scipy.signal.stft(a, nperseg=4)[2]) ** 2, -1),
        _up_to(lambda n, a: 2 * a * a), "...d->...3"),
    # cosine transforms
    _row("dct", "f>f", call("jax.scipy.fft.dct"), scipy.fft.dct, _n("d", 2.0), linear=True),
    _row("dct_ortho", "f>f", Spelling('jax.scipy.fft.dct({0}, norm="ortho")'),
         lambda a: scipy.fft.dct(a, norm="ortho"), _ROOT, linear=True),
    _row("dct_rows", "f>f", Spelling('jax.scipy.fft.dct({0}, axis=-2, norm="ortho")'),
         lambda a: scipy.fft.dct(a, axis=-2, norm="ortho"),
         iv.within(lambda n, a: math.sqrt(n["n"]) * a), "...nd->...nd", linear=True),
    _row("idct", "f>f", call("jax.scipy.fft.idct"), scipy.fft.idct, _SAME, linear=True),
    _row("idct_ortho", "f>f", Spelling('jax.scipy.fft.idct({0}, norm="ortho")'),
         lambda a: scipy.fft.idct(a, norm="ortho"), iv.within(lambda n, a: 2 ** 0.5
                                                            * math.sqrt(n["d"]) * a), linear=True),
    _row("dctn", "f>f", Spelling('jax.scipy.fft.dctn({0}, norm="ortho")'),
         lambda a: scipy.fft.dctn(a, norm="ortho"), _PLANE, "nd->nd", linear=True),
    _row("idctn", "f>f", Spelling('jax.scipy.fft.idctn({0}, norm="ortho")'),
         lambda a: scipy.fft.idctn(a, norm="ortho"), _PLANE, "nd->nd", linear=True),
    # signals
    _row("fftconvolve", "ff>f", Spelling('jax.scipy.signal.fftconvolve({0}, {1}, mode="same")'),
         _same("fftconvolve"), iv.within(lambda n, a, b: 3 * a * b), "d,3->d",
         sides=(Side("taps"),)),
    _row("fftconvolve_plane", "ff>f", Spelling(
        "jax.scipy.signal.fftconvolve({0}, {1}, mode=\"same\", axes=(0, 1))"),
        _same("fftconvolve"), iv.within(lambda n, a, b: 9 * a * b), "nd,33->nd",
        sides=(Side("stencil"),)),
    _row("signal_convolve", "ff>f", Spelling('jax.scipy.signal.convolve({0}, {1}, mode="same")'),
         _same("convolve"), iv.within(lambda n, a, b: 3 * a * b), "d,3->d",
         sides=(Side("taps"),)),
    _row("signal_convolve_fft", "ff>f", Spelling(
        'jax.scipy.signal.convolve({0}, {1}, mode="same", method="fft")'),
        _same("convolve"), iv.within(lambda n, a, b: 9 * a * b), "nd,33->nd",
        sides=(Side("stencil"),)),
    _row("signal_correlate", "ff>f", Spelling(
        'jax.scipy.signal.correlate({0}, {1}, mode="same")'),
        _same("correlate"), iv.within(lambda n, a, b: 3 * a * b), "d,3->d",
        sides=(Side("template"),)),
    _row("detrend", "f>f", call("jax.scipy.signal.detrend"), lambda a: scipy.signal.detrend(a),
         iv.within(lambda n, a: 3 * a), linear=True),
    _row("detrend_constant", "f>f", Spelling(
        'jax.scipy.signal.detrend({0}, axis=-1, type="constant")'),
        lambda a: scipy.signal.detrend(a, type="constant"), iv.within(lambda n, a: 2 * a),
        linear=True),
    # windows and shifts of floats
    _row("hann_taper", "f>f", Spelling("{0} * jnp.hanning({@d}).astype({0!!}.dtype)", PRODUCT),
         lambda a: a * np.hanning(a.shape[-1]), _SAME, linear=True),
    _row("hamming_taper", "f>f", Spelling("{0} * jnp.hamming({@d}).astype({0!!}.dtype)", PRODUCT),
         lambda a: a * np.hamming(a.shape[-1]), _SAME, linear=True),
    _row("blackman_taper", "f>f", Spelling(
        "{0} * jnp.blackman({@d}).astype({0!!}.dtype)", PRODUCT),
        lambda a: a * np.blackman(a.shape[-1]), _SAME, linear=True),
    _row("bartlett_taper", "f>f", Spelling(
        "{0} * jnp.bartlett({@d}).astype({0!!}.dtype)", PRODUCT),
        lambda a: a * np.bartlett(a.shape[-1]), _SAME, linear=True),
    _row("kaiser_taper", "f>f", Spelling(
        "{0} * jnp.kaiser({@d}, {#0}).astype({0!!}.dtype)", PRODUCT),
        lambda a, c: a * np.kaiser(a.shape[-1], c), _SAME, literals=((2.0, 9.0),), linear=True),
    _row("shift_center", "f>f", Spelling("jnp.fft.fftshift({0}, axes=-1)"),
         lambda a: np.fft.fftshift(a, axes=-1), _SAME, linear=True),
    _row("unshift_center", "f>f", Spelling("jnp.fft.ifftshift({0}, axes=(-2, -1))"),
         lambda a: np.fft.ifftshift(a, axes=(-2, -1)), _SAME, "...nd->...nd", linear=True),
)  # fmt: skip

_PAIRS = (*_TRANSFORMS, *_POINTWISE, *_TO_FLOATS, *_FILTERS, *_SPECTRA)
ROWS: tuple[Operation, ...] = tuple(row for row, _ in _PAIRS)
WARP: dict[str, Spelling] = {}
JAX: dict[str, Spelling] = {row.name: spelling for row, spelling in _PAIRS}
