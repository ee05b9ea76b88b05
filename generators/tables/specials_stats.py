"""Densities and distribution functions of `jax.scipy.stats`."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import scipy.special as sc

from generators import intervals as iv
from generators.operations import Side
from generators.program import Interval
from generators.spellings import Spelling
from generators.tables.specials import Range, given, joined, monotone, peaked

_ST = "jax.scipy.stats."
_UNIT = "jax.nn.sigmoid({0})"
_LOC: Interval = (-1.0, 1.0)
_SCALE: Interval = (0.5, 2.0)
_POSITIVE: Interval = (0.05, 20.0)


def _norm_pdf(z):
    return np.exp(-0.5 * z * z) / math.sqrt(2 * math.pi)


def _norm_logpdf(z):
    return -0.5 * z * z - 0.5 * math.log(2 * math.pi)


def _cauchy_logpdf(z):
    return -np.log(math.pi * (1 + z * z))


def _cauchy_cdf(z):
    return 0.5 + np.arctan(z) / math.pi


def _gumbel_logpdf(z):
    return -z - np.exp(-z)


def _gumbel_sf(z):
    return -np.expm1(-np.exp(-z))


def _logistic_logpdf(z):
    return -z - 2 * np.logaddexp(0.0, -z)


def _t_logpdf(x, df):
    half = 0.5 * (df + 1)
    return (
        sc.gammaln(half) - sc.gammaln(0.5 * df) - 0.5 * np.log(df * math.pi)
        - half * np.log1p(x * x / df)
    )  # fmt: skip


def _chi2_logpdf(x, df):
    half = 0.5 * df
    return (half - 1) * np.log(x) - 0.5 * x - half * math.log(2) - sc.gammaln(half)


def _gamma_logpdf(x, a):
    return (a - 1) * np.log(x) - x - sc.gammaln(a)


def _beta_logpdf(x, a, b):
    return (a - 1) * sc.log_expit(x) + (b - 1) * sc.log_expit(-x) - sc.betaln(a, b)


def _gennorm_logpdf(x, p):
    return np.log(0.5 * p) - sc.gammaln(1 / p) - np.abs(x) ** p


def _gennorm_cdf(x, p):
    return 0.5 + 0.5 * np.sign(x) * sc.gammainc(1 / p, np.abs(x) ** p)


def _truncated_cdf(x, a, b):
    return (sc.ndtr(x) - sc.ndtr(a)) / (sc.ndtr(b) - sc.ndtr(a))


def _truncated_logpdf(x, a, b):
    return _norm_logpdf(x) - np.log(sc.ndtr(b) - sc.ndtr(a))


def _vonmises_logpdf(x, kappa):
    return kappa * (np.cos(x) - 1) - np.log(2 * math.pi * sc.i0e(kappa))


def _wrapcauchy_pdf(x, c):
    return (1 - c * c) / (2 * math.pi * (1 + c * c - 2 * c * np.cos(x)))


def _poisson_logpmf(k, rate):
    return k * np.log(rate) - rate - sc.gammaln(k + 1)


def _exp(f):
    return lambda *a: np.exp(f(*a))


def _log(f):
    return lambda *a: np.log(f(*a))


def _rest(f):
    return lambda *a: 1 - f(*a)


def _of_unit(quantile):
    """Return a quantile function of a value that a sigmoid puts between zero and one."""
    return lambda x, *a: quantile(sc.expit(x), *a)


def _periodic(f: Callable) -> Range:
    """Make the range of a density on the circle: highest at 0, lowest at the far side."""
    return lambda a, c: (float(f(math.pi, c[0])), float(f(0.0, c[0])))


def _located(f: Callable, divided: bool = False) -> Range:
    """Make the range of a density of one peak that has a place and a scale."""

    def of(a: Interval, loc: Interval, scale: Interval) -> Interval:
        z = iv.magnitude(iv.div(iv.sub(a, loc), scale))
        if divided:
            return 0.0, float(f(0.0)) / scale[0]
        return float(f(z)) - math.log(scale[1]), float(f(0.0)) - math.log(scale[0])

    return of


def _distribution(
    name: str, domain: Interval, functions: dict[str, tuple], literals=(), x: str = "{0}",
    title: str = "", wide: tuple[str, ...] = (),
) -> list[tuple]:  # fmt: skip
    """Return the entries of a distribution, ``x`` being how its argument is made of the value."""
    constants = "".join(f", {{#{n}}}" for n in range(len(literals)))
    return [
        (
            {f"{title or name}_{function}": f"{_ST}{name}.{function}({x}{constants})"},
            domain, shape, reference, literals, {"wide": function in wide},
        )
        for function, (shape, reference) in functions.items()
    ]  # fmt: skip


def _all_of(logpdf, cdf, top, sf=None, logcdf=None, logsf=None) -> dict[str, tuple]:
    """Return the six functions of a distribution whose density has one peak."""
    sf = sf or _rest(cdf)
    return {
        "pdf": (peaked(top), _exp(logpdf)),
        "logpdf": (peaked(top), logpdf),
        "cdf": (monotone, cdf),
        "sf": (monotone, sf),
        "logcdf": (monotone, logcdf or _log(cdf)),
        "logsf": (monotone, logsf or _log(sf)),
    }


def _some(functions: dict[str, tuple], *names: str) -> dict[str, tuple]:
    return {name: functions[name] for name in names}


_NORM = _all_of(
    _norm_logpdf, sc.ndtr, 0.0, lambda z: sc.ndtr(-z), sc.log_ndtr, lambda z: sc.log_ndtr(-z)
)
_CAUCHY = _all_of(_cauchy_logpdf, _cauchy_cdf, 0.0)
_LOGISTIC = _all_of(_logistic_logpdf, sc.expit, 0.0, lambda z: sc.expit(-z))
_EXPON = _all_of(np.negative, lambda x: -np.expm1(-x), 0.0, lambda x: np.exp(-x))
_GUMBEL_R = _all_of(
    _gumbel_logpdf, lambda z: np.exp(-np.exp(-z)), 0.0, _gumbel_sf, lambda z: -np.exp(-z)
)
_GUMBEL_L = _all_of(
    lambda z: _gumbel_logpdf(-z), lambda z: _gumbel_sf(-z), 0.0, lambda z: np.exp(-np.exp(z)),
    None, lambda z: -np.exp(z),
)  # fmt: skip
_CHI2 = _all_of(
    _chi2_logpdf, lambda x, df: sc.gammainc(0.5 * df, 0.5 * x), lambda df: df - 2,
    lambda x, df: sc.gammaincc(0.5 * df, 0.5 * x),
)  # fmt: skip
_GAMMA = _all_of(
    _gamma_logpdf, lambda x, a: sc.gammainc(a, x), lambda a: a - 1,
    lambda x, a: sc.gammaincc(a, x),
)  # fmt: skip
_BETA = _all_of(
    _beta_logpdf, lambda x, a, b: sc.betainc(a, b, sc.expit(x)),
    lambda a, b: math.log((a - 1) / (b - 1)), lambda x, a, b: sc.betainc(b, a, sc.expit(-x)),
)  # fmt: skip
_PARETO = _all_of(
    lambda x, b: np.log(b) - (b + 1) * np.log1p(x), lambda x, b: 1 - (1 + x) ** -b, 0.0,
    lambda x, b: (1 + x) ** -b,
)  # fmt: skip
_TRUNCNORM = _all_of(_truncated_logpdf, _truncated_cdf, 0.0)

_GENERAL: Interval = (1.2, 3.0)
_FREEDOM: Interval = (2.2, 6.0)
_SHAPES = ((1.4, 4.0), (1.4, 4.0))
_PLACED = (Side("mean", _LOC), Side("scale", _SCALE))
_WRAPPED = "jnp.mod({0}, 2.0 * jnp.pi)"
_GAUSS = _ST + "norm."

ROWS, JAX = joined(
    "special",
    *_distribution("norm", (-4.0, 4.0), _NORM, wide=("cdf", "sf", "logcdf", "logsf")),
    *_distribution("norm", (-4.0, 4.0), {
        "ppf": (monotone, _of_unit(sc.ndtri)), "isf": (monotone, _of_unit(lambda q: -sc.ndtri(q))),
    }, x=_UNIT, wide=("ppf", "isf")),
    ({"norm_logpdf_placed": _GAUSS + "logpdf({0}, {1}, {2})"}, ((-6.0, 6.0), _LOC, _SCALE),
     given(_located(_norm_logpdf)),
     lambda x, loc, scale: _norm_logpdf((x - loc) / scale) - np.log(scale), (),
     {"sides": _PLACED}),
    ({"norm_pdf_placed": _GAUSS + "pdf({0}, loc={1}, scale={2})"}, ((-4.0, 4.0), _LOC, _SCALE),
     given(_located(_norm_pdf, divided=True)),
     lambda x, loc, scale: _norm_pdf((x - loc) / scale) / scale, (), {"sides": _PLACED}),
    ({"norm_cdf_placed": _GAUSS + "cdf({0}, loc={#0}, scale={#1})"}, (-4.0, 4.0), monotone,
     lambda x, loc, scale: sc.ndtr((x - loc) / scale), (_LOC, _SCALE), {"wide": True}),
    *_distribution("cauchy", (-8.0, 8.0), _CAUCHY),
    *_distribution("cauchy", (-3.0, 3.0), {
        "ppf": (monotone, _of_unit(lambda q: np.tan(math.pi * (q - 0.5)))),
        "isf": (monotone, _of_unit(lambda q: np.tan(math.pi * (0.5 - q)))),
    }, x=_UNIT),
    ({"cauchy_logpdf_placed": _ST + "cauchy.logpdf({0}, {1}, {2})"},
     ((-20.0, 20.0), _LOC, _SCALE), given(_located(_cauchy_logpdf)),
     lambda x, loc, scale: _cauchy_logpdf((x - loc) / scale) - np.log(scale), (),
     {"sides": _PLACED}),
    *_distribution("logistic", (-8.0, 8.0), _some(_LOGISTIC, "pdf", "logpdf", "cdf", "sf")),
    *_distribution("logistic", (-3.0, 3.0), {
        "ppf": (monotone, lambda x: sc.logit(sc.ndtr(x))),
        "isf": (monotone, lambda x: -sc.logit(sc.ndtr(x))),
    }, x="jax.scipy.special.ndtr({0})", wide=("ppf", "isf")),
    *_distribution("laplace", (-8.0, 8.0), {
        "pdf": (peaked(0.0), lambda z: 0.5 * np.exp(-np.abs(z))),
        "logpdf": (peaked(0.0), lambda z: -np.abs(z) - math.log(2)),
        "cdf": (monotone, lambda z: 0.5 - 0.5 * np.sign(z) * np.expm1(-np.abs(z))),
    }),
    ({"laplace_logpdf_placed": _ST + "laplace.logpdf({0}, {1}, {2})"},
     ((-20.0, 20.0), _LOC, _SCALE), given(_located(lambda z: -abs(z) - math.log(2))),
     lambda x, loc, scale: -np.abs(x - loc) / scale - np.log(2 * scale), (),
     {"sides": _PLACED}),
    *_distribution("expon", _POSITIVE, _EXPON),
    *_distribution("expon", (-6.0, 4.0), {"ppf": (monotone, _of_unit(lambda q: -np.log1p(-q)))},
                   x=_UNIT),
    ({"expon_logpdf_scaled": _ST + "expon.logpdf({0}, scale={#0})"}, _POSITIVE, monotone,
     lambda x, scale: -x / scale - np.log(scale), (_SCALE,)),
    *_distribution("gumbel_r", (-2.0, 6.0), _GUMBEL_R),
    *_distribution("gumbel_l", (-6.0, 2.0), _GUMBEL_L),
    *_distribution("pareto", (0.05, 20.0), _PARETO, ((0.5, 2.5),), "1.0 + {0}"),
    *_distribution("pareto", (-4.0, 3.0), {
        "ppf": (monotone, _of_unit(lambda q, b: (1 - q) ** (-1 / b))),
    }, ((1.0, 2.5),), _UNIT),
    *_distribution("t", (-8.0, 8.0), {
        "pdf": (peaked(0.0), _exp(_t_logpdf)), "logpdf": (peaked(0.0), _t_logpdf),
    }, ((2.0, 8.0),)),
    ({"t_logpdf_freedom": _ST + "t.logpdf({0}, df={1})"}, ((-8.0, 8.0), (2.0, 8.0)),
     given(lambda a, df: (
         min(float(_t_logpdf(iv.magnitude(a), d)) for d in (df[0], df[1])) - 1.0, 0.0)),
     _t_logpdf, (), {"sides": (Side("freedom", (2.0, 8.0)),)}),
    *_distribution("chi2", (0.1, 20.0), _CHI2, (_FREEDOM,), wide=("logsf",)),
    *_distribution("gamma", (0.1, 20.0), _GAMMA, ((1.2, 4.0),), title="gamma_law",
                   wide=("logsf",)),
    *_distribution("beta", (-3.0, 3.0), _BETA, _SHAPES, _UNIT, title="beta_law"),
    *_distribution("truncnorm", (-1.4, 1.4), _TRUNCNORM, ((-2.5, -1.5), (1.5, 2.5)),
                   wide=tuple(_TRUNCNORM)),
    *_distribution("gennorm", (-3.0, 3.0), {
        "pdf": (peaked(0.0), _exp(_gennorm_logpdf)), "logpdf": (peaked(0.0), _gennorm_logpdf),
        "cdf": (monotone, _gennorm_cdf),
    }, (_GENERAL,)),
    *_distribution("uniform", (-1.6, 1.6), {
        "cdf": (monotone, lambda x, loc, scale: np.clip((x - loc) / scale, 0.0, 1.0)),
    }, ((-2.5, -1.5), (3.0, 6.0))),
    *_distribution("uniform", (-6.0, 6.0), {
        "ppf": (monotone, lambda x, loc, scale: loc + scale * sc.expit(x)),
    }, ((-2.5, -1.5), (3.0, 6.0)), _UNIT),
    *_distribution("vonmises", (-6.0, 6.0), {
        "pdf": (_periodic, _exp(_vonmises_logpdf)), "logpdf": (_periodic, _vonmises_logpdf),
    }, ((0.5, 4.0),)),
    *_distribution("wrapcauchy", (-20.0, 20.0), {
        "pdf": (_periodic, _wrapcauchy_pdf), "logpdf": (_periodic, _log(_wrapcauchy_pdf)),
    }, ((0.2, 0.7),), _WRAPPED),
    ({"poisson_logpmf": _ST + "poisson.logpmf({1}, {0})"}, ((0.1, 20.0), (0, 8)),
     given(lambda rate, k: (
         min(float(_poisson_logpmf(float(n), r)) for n in k for r in rate), 0.0)),
     lambda rate, k: _poisson_logpmf(k, rate), (),
     {"args": "fi", "sides": (Side("counts", (0, 8)),)}),
    ({"poisson_pmf": _ST + "poisson.pmf({#0}, {0})"}, (0.1, 20.0), peaked(lambda k: float(k)),
     lambda rate, k: np.exp(_poisson_logpmf(k, rate)), ((1, 6),)),
    ({"poisson_cdf": _ST + "poisson.cdf({#0}, {0})"}, (0.1, 20.0), monotone,
     lambda rate, k: sc.gammaincc(k + 1, rate), ((1, 6),)),
)  # fmt: skip
WARP: dict[str, Spelling] = {}
