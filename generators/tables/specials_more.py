"""Special functions of `jax.scipy.special` and activations of `jax.nn`."""

from __future__ import annotations

import math

import numpy as np
import scipy.special as sc

from generators import intervals as iv
from generators.operations import ANY, Operation, Side
from generators.program import Interval
from generators.spellings import SUM, Spelling
from generators.tables.specials import WIDE, given, joined, monotone, peaked, valley, within

_SP = "jax.scipy.special."
_ODDS: Interval = (0.6, 4.0)
_STEEP = (-30.0, 30.0)
_GAMMA = 1.46163  # where the gamma function is lowest
_MARGIN = (0.2, 20.0)


def _entropy(p: Interval, q: Interval) -> Interval:
    """Return the range of p log(p / q), which is lowest at p = q / e and convex in p."""
    return -q[1] / math.e, monotone(sc.rel_entr)(p, q)[1]


def _divergence(p: Interval, q: Interval) -> Interval:
    return 0.0, monotone(sc.kl_div)(p, q)[1]


def _entropy_gap(x: np.ndarray) -> np.ndarray:
    p = sc.expit(x)
    return sc.entr(p) + sc.entr(1 - p)


def _unit(name: str, *literals: str) -> str:
    """Spell a call on a value that a sigmoid has put between zero and one."""
    return f"{_SP}{name}({', '.join([*literals, 'jax.nn.sigmoid({0})'])})"


_ROWS_SPECIAL, _JAX_SPECIAL = joined(
    "special",
    ({"expit": _SP + "expit"}, (-8.0, 8.0), monotone, sc.expit),
    ({"logit": _SP + "logit(" + _SP + "ndtr({0}))"}, (-2.5, 2.5), monotone,
     lambda x: sc.logit(sc.ndtr(x)), (), WIDE),
    ({"logit_clipped": _SP + "logit(jnp.clip({0}, {#0}, {#1}))"}, (-1.0, 1.0), monotone,
     lambda x, low, high: sc.logit(np.clip(x, low, high)), ((0.01, 0.1), (0.9, 0.99)),
     {"active": (0.1, iv.LIMIT)}),
    ({"xlogy": _SP + "xlogy"}, ((-10.0, 10.0), (0.05, iv.LIMIT)), monotone, sc.xlogy),
    ({"xlog1py": _SP + "xlog1py"}, ((-10.0, 10.0), (-0.9, iv.LIMIT)), monotone, sc.xlog1py),
    ({"entr": _SP + "entr"}, (0.05, 20.0), peaked(1 / math.e), sc.entr),
    ({"bernoulli_entropy": Spelling(
        "{t1} + " + _SP + "entr({one} - {t0})", SUM,
        ("{t0} = jax.nn.sigmoid({0})", "{t1} = " + _SP + "entr({t0})"), ("prob", "entropy"))},
     (-3.0, 3.0), peaked(0.0), _entropy_gap),
    ({"gammaln": _SP + "gammaln"}, (0.1, 100.0), valley(_GAMMA), sc.gammaln),
    ({"loggamma": _SP + "loggamma"}, (0.1, 100.0), valley(_GAMMA), sc.gammaln),
    ({"gamma_function": _SP + "gamma"}, (0.2, 8.0), valley(_GAMMA), sc.gamma),
    ({"factorial": _SP + "factorial"}, (0.1, 7.0), valley(_GAMMA - 1), lambda x: sc.gamma(x + 1)),
    ({"gammainc": _SP + "gammainc({1}, {0})"}, ((0.1, 20.0), _ODDS), monotone,
     lambda x, a: sc.gammainc(a, x), (), {"sides": (Side("shape", _ODDS),)}),
    ({"gammaincc": _SP + "gammaincc({1}, {0})"}, ((0.1, 20.0), _ODDS), monotone,
     lambda x, a: sc.gammaincc(a, x), (), {"sides": (Side("shape", _ODDS),)}),
    ({"gammainc_constant": _SP + "gammainc({#0}, {0})"}, (0.1, 20.0), monotone,
     lambda x, a: sc.gammainc(a, x), (_ODDS,)),
    ({"gammaincc_constant": _SP + "gammaincc({#0}, {0})"}, (0.1, 20.0), monotone,
     lambda x, a: sc.gammaincc(a, x), (_ODDS,)),
    ({"betaln": _SP + "betaln"}, (_MARGIN, _MARGIN), monotone, sc.betaln),
    ({"beta_function": _SP + "beta"}, ((0.2, 10.0), (0.2, 10.0)), monotone, sc.beta),
    ({"betainc": _unit("betainc", "{#0}", "{#1}")}, (-4.0, 4.0), monotone,
     lambda x, a, b: sc.betainc(a, b, sc.expit(x)), (_ODDS, _ODDS)),
    ({"digamma": _SP + "digamma"}, (0.1, iv.LIMIT), monotone, sc.digamma),
    ({"polygamma": _SP + "polygamma({#0}, {0})"}, (0.5, 100.0), monotone,
     lambda x, n: sc.polygamma(int(n), x), ((1, 3),)),
    ({"zeta": _SP + "zeta({#0}, {0})"}, (0.3, 100.0), monotone,
     lambda q, x: sc.zeta(x, q), ((1.5, 4.0),)),
    ({"multigammaln": _SP + "multigammaln({0}, 2)"}, (0.7, 100.0), valley(1.7398437252140893),
     lambda a: 0.5 * math.log(math.pi) + sc.gammaln(a) + sc.gammaln(a - 0.5)),
    ({"poch": _SP + "poch({0}, {#0})"}, _MARGIN, monotone, sc.poch, ((0.5, 2.0),), WIDE),
    ({"comb": _SP + "comb({0} + 4.0, {#0})"}, (0.05, 20.0), monotone,
     lambda n, k: sc.binom(n + 4.0, k), ((1, 3),), WIDE),
    ({"boxcox": _SP + "boxcox({0}, {#0})"}, (0.05, 100.0), monotone, sc.boxcox, ((0.2, 1.5),)),
    ({"boxcox1p": _SP + "boxcox1p({0}, {#0})"}, (-0.9, 100.0), monotone, sc.boxcox1p,
     ((0.2, 1.5),)),
    ({"bessel_i0": _SP + "i0"}, (-4.0, 4.0), valley(0.0), sc.i0),
    ({"bessel_i0e": _SP + "i0e"}, (-8.0, 8.0), peaked(0.0), sc.i0e),
    ({"bessel_i1": _SP + "i1"}, (-4.0, 4.0), monotone, sc.i1),
    ({"bessel_i1e": _SP + "i1e"}, (-8.0, 8.0), within(-0.2192, 0.2192), sc.i1e),
    ({"ndtr": _SP + "ndtr"}, (-4.0, 4.0), monotone, sc.ndtr, (), WIDE),
    ({"log_ndtr": _SP + "log_ndtr"}, (-6.0, 6.0), monotone, sc.log_ndtr, (), WIDE),
    ({"ndtri": _unit("ndtri")}, (-4.0, 4.0), monotone, lambda x: sc.ndtri(sc.expit(x)), (),
     WIDE),
    ({"special_erf": _SP + "erf"}, (-3.0, 3.0), monotone, sc.erf),
    ({"special_erfc": _SP + "erfc"}, (-3.0, 3.0), monotone, sc.erfc),
    ({"special_erfinv": _SP + "erfinv"}, (-0.95, 0.95), monotone, sc.erfinv),
    # in 32 bits it is 0 around 9.3
    ({"erfcx": _SP + "erfcx"}, (-1.5, 8.0), monotone, sc.erfcx),
    ({"dawsn": _SP + "dawsn"}, (-6.0, 6.0), within(-0.5411, 0.5411), sc.dawsn),
    ({"owens_t": _SP + "owens_t({0}, {1}).astype({0!!}.dtype)"}, ((-3.0, 3.0), (-3.0, 3.0)),
     within(-0.25, 0.25), sc.owens_t),
    ({"rel_entr": _SP + "rel_entr"}, ((0.05, 10.0), (0.05, 10.0)), given(_entropy), sc.rel_entr),
    ({"kl_div": _SP + "kl_div"}, ((0.05, 10.0), (0.05, 10.0)), given(_divergence), sc.kl_div),
    ({"expi": _SP + "expi"}, (0.1, 9.0), monotone, sc.expi, (), WIDE),
    ({"exp1": _SP + "exp1"}, (0.05, 20.0), monotone, sc.exp1),
    ({"expn": _SP + "expn({#0}, {0})"}, (0.05, 20.0), monotone,
     lambda x, n: sc.expn(int(n), x), ((1, 4),)),
    # between 1 and 2 its derivative is no number in JAX
    ({"spence": _SP + "spence(2.0 + {0!})"}, (0.05, 100.0), monotone,
     lambda x: sc.spence(2.0 + x), (), WIDE),
    ({"sine_integral": _SP + "sici({0})[0]"}, (-8.0, 8.0), within(-1.852, 1.852),
     lambda x: sc.sici(x)[0]),
    ({"cosine_integral": _SP + "sici({0})[-1]"}, (0.1, 10.0), within(-1.73, 0.4721),
     lambda x: sc.sici(x)[1], (), WIDE),
    ({"fresnel_sine": _SP + "fresnel({0})[0]"}, (-3.0, 3.0), within(-0.714, 0.714),
     lambda x: sc.fresnel(x)[0]),
    ({"fresnel_cosine": _SP + "fresnel({0})[-1]"}, (-3.0, 3.0), within(-0.78, 0.78),
     lambda x: sc.fresnel(x)[1]),
    ({"fresnel_squares": Spelling(
        "{t0} * {t0} + {t1} * {t1}", SUM, ("{t0}, {t1} = " + _SP + "fresnel({0})",),
        ("sine_part", "cosine_part"))},
     (-3.0, 3.0), within(0.0, 1.0), lambda x: sum(np.square(p) for p in sc.fresnel(x))),
    ({"hyp1f1": _SP + "hyp1f1({#0}, {#1}, {0})"}, (-2.0, 2.0), monotone,
     lambda x, a, b: sc.hyp1f1(a, b, x), ((0.5, 1.5), (2.0, 3.0))),
    ({"hyp2f1": _SP + "hyp2f1({#0}, {#1}, {#2}, {0})"}, (-0.8, 0.8), monotone,
     lambda x, a, b, c: sc.hyp2f1(a, b, c, x), ((0.5, 1.5), (0.5, 1.5), (2.0, 3.0))),
    ({"faddeeva_real": _SP + "wofz({0}).real.astype({0!!}.dtype)"}, (-3.0, 3.0), peaked(0.0),
     lambda x: np.exp(-x * x)),
)  # fmt: skip


def _silu(x: np.ndarray) -> np.ndarray:
    return x * sc.expit(x)


def _mish(x: np.ndarray) -> np.ndarray:
    return x * np.tanh(np.logaddexp(x, 0.0))


def _elu(x: np.ndarray, alpha: float = 1.0) -> np.ndarray:
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0.0)))


def _celu(x: np.ndarray, alpha: float = 1.0) -> np.ndarray:
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0.0) / alpha))


def _selu(x: np.ndarray) -> np.ndarray:
    return 1.0507009873554804934 * _elu(x, 1.6732632423543772848)


def _leaky(x: np.ndarray, slope: float = 0.01) -> np.ndarray:
    return np.where(x >= 0, x, slope * x)


def _squareplus(x: np.ndarray, b: float = 4.0) -> np.ndarray:
    return 0.5 * (x + np.sqrt(x * x + b))


def _hard_silu(x: np.ndarray) -> np.ndarray:
    return x * np.clip(x / 6 + 0.5, 0.0, 1.0)


def _sparse_plus(x: np.ndarray) -> np.ndarray:
    return np.where(x <= -1, 0.0, np.where(x >= 1, x, 0.25 * (x + 1) ** 2))


_RISING = {"active": (-1.0, iv.LIMIT)}
_ROWS_NN, _JAX_NN = joined(
    "activation",
    ({"nn_relu6": "jax.nn.relu6"}, ANY, monotone, lambda x: np.clip(x, 0.0, 6.0),
     {"active": (0.0, iv.LIMIT)}),
    ({"nn_silu": "jax.nn.silu", "nn_swish": "jax.nn.swish"}, _STEEP, valley(-1.27846), _silu),
    ({"nn_elu": "jax.nn.elu"}, _STEEP, monotone, _elu),
    ({"nn_elu_alpha": "jax.nn.elu({0}, alpha={#0})"}, _STEEP, monotone, _elu, ((0.5, 2.0),)),
    ({"nn_selu": "jax.nn.selu"}, _STEEP, monotone, _selu),
    ({"nn_celu": "jax.nn.celu"}, _STEEP, monotone, _celu),
    ({"nn_celu_alpha": "jax.nn.celu({0}, alpha={#0})"}, _STEEP, monotone, _celu, ((0.5, 2.0),)),
    ({"nn_hard_tanh": "jax.nn.hard_tanh"}, (-1.2, 1.2), monotone,
     lambda x: np.clip(x, -1.0, 1.0)),
    ({"nn_hard_sigmoid": "jax.nn.hard_sigmoid"}, (-3.2, 3.2), monotone,
     lambda x: np.clip(x / 6 + 0.5, 0.0, 1.0)),
    ({"nn_hard_silu": "jax.nn.hard_silu", "nn_hard_swish": "jax.nn.hard_swish"}, _STEEP,
     valley(-1.5), _hard_silu),
    ({"nn_leaky_relu": "jax.nn.leaky_relu"}, ANY, monotone, _leaky),
    ({"nn_leaky_relu_slope": "jax.nn.leaky_relu({0}, negative_slope={#0})"}, ANY, monotone,
     _leaky, ((0.05, 0.4),)),
    ({"nn_prelu": "jax.nn.leaky_relu({0}, {1})"}, (ANY, (0.05, 0.5)), monotone, _leaky, (),
     {"sides": (Side("slope", (0.05, 0.5)),)}),
    ({"nn_log_sigmoid": "jax.nn.log_sigmoid"}, _STEEP, monotone, sc.log_expit),
    ({"nn_soft_sign": "jax.nn.soft_sign"}, ANY, monotone, lambda x: x / (1 + np.abs(x))),
    ({"nn_mish": "jax.nn.mish"}, _STEEP, valley(-1.19243), _mish),
    ({"nn_squareplus": "jax.nn.squareplus"}, _STEEP, monotone, _squareplus),
    ({"nn_squareplus_b": "jax.nn.squareplus({0}, b={#0})"}, _STEEP, monotone, _squareplus,
     ((0.5, 4.0),)),
    ({"nn_sparse_plus": "jax.nn.sparse_plus"}, ANY, monotone, _sparse_plus, _RISING),
    ({"nn_sparse_sigmoid": "jax.nn.sparse_sigmoid"}, (-1.2, 1.2), monotone,
     lambda x: 0.5 * np.clip(x + 1.0, 0.0, 2.0)),
    ({"nn_log1mexp": "jax.nn.log1mexp"}, (0.05, 20.0), monotone,
     lambda x: np.log(-np.expm1(-x))),
)  # fmt: skip

ROWS: tuple[Operation, ...] = (*_ROWS_SPECIAL, *_ROWS_NN)
WARP: dict[str, Spelling] = {}
JAX: dict[str, Spelling] = _JAX_SPECIAL | _JAX_NN
