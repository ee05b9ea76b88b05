"""Contractions of whole arrays: einsum in many forms, and the named products beside it."""

from __future__ import annotations

import math

import numpy as np

from generators import intervals as iv
from generators.operations import ANY, Operation, Side
from generators.spellings import PRODUCT, Spelling, call

_WEIGHT = Side("weight")
_SMALL_WEIGHT = Side("weight", (-0.3, 0.3))


def _summed(dims: str):
    """Make the range of a sum of products over the axes that are gone from the result."""
    operands, _, result = dims.partition("->")
    gone = sorted({a for a in operands if a.isalpha()} - set(result))

    def sized(n):
        def of(*a):
            product = (1.0, 1.0)
            for interval in a:
                product = iv.mul(product, interval)
            count = math.prod(n[axis] for axis in gone)
            return min(product[0], count * product[0]), max(product[1], count * product[1])

        return of

    return sized


def _product(name, spelling, dims, reference=None, sides=(), **more):
    """Make a row that multiplies its arguments and sums over the axes that go."""
    args = "f" * (dims.count(",") + 1)
    row = Operation(
        name, args, "f", (ANY,) * len(args), _summed(dims),
        reference or (lambda *a: np.einsum(dims, *a)), sized=True, dims=dims, sides=sides,
        family="contraction", linear=len(args) == 1, **more,
    )  # fmt: skip
    return row, spelling


def _einsum(name, dims, *sides, extra="", **more):
    """Make a row that is one einsum of its arguments, written as its dims are."""
    slots = ", ".join(f"{{{n}}}" for n in range(dims.count(",") + 1))
    spelling = Spelling(f'jnp.einsum("{dims}", {slots}{extra})')
    return _product(name, spelling, dims, sides=sides, **more)


def _self(name, dims, template, **more):
    """Make a row that multiplies a value with itself."""
    row = Operation(
        name, "f", "f", ((-4.0, 4.0),), lambda n: lambda a: _summed(dims)(n)(a, a),
        lambda a: np.einsum(dims, a, a), sized=True,
        dims=dims.partition(",")[0] + "->" + dims.partition("->")[2], family="contraction", **more,
    )  # fmt: skip
    return row, Spelling(template)


def _polyval(x, coefficients):
    return np.polyval(coefficients, x)


_EINSUMS = (
    # of one value
    _einsum("einsum_flip", "...nd->...dn"),
    _einsum("einsum_row_sum", "...nd->...n", weight=2),
    _einsum("einsum_column_sum", "nd->d"),
    _einsum("einsum_total", "nd->"),
    _einsum("einsum_trace", "...ii->..."),
    _einsum("einsum_diagonal", "...ii->...i"),
    _einsum("einsum_heads_last", "hnd->ndh"),
    _einsum("einsum_swap_heads", "hnd->nhd"),
    _einsum("einsum_head_sum", "hnd->nd"),
    _einsum("einsum_leading", "...d->..."),
    _self("einsum_gram", "nd,md->nm", 'jnp.einsum("nd,md->nm", {0}, {0})'),
    _self("einsum_scatter", "nd,ne->de", 'jnp.einsum("nd,ne->de", {0}, {0})'),
    _self("einsum_energy", "...nd,...nd->...", 'jnp.einsum("...nd,...nd->...", {0}, {0})'),
    _self("einsum_power", "hnd,hnd->hn", 'jnp.einsum("hnd,hnd->hn", {0}, {0})'),
    # a matrix and a vector
    _einsum("einsum_matvec", "nd,d->n", Side("direction")),
    _einsum("einsum_vecmat", "n,nd->d", _WEIGHT),
    _einsum("einsum_column_scale", "...d,d->...d", Side("gain", (0.5, 1.5))),
    _einsum("einsum_row_scale", "nd,n->nd", Side("gain", (0.5, 1.5))),
    _einsum("einsum_pool", "nd,n->d", Side("share", (0.0, 0.5))),
    _einsum("einsum_bilinear", "n,nm,m->", _WEIGHT, Side("other", (-1.0, 1.0))),
    _einsum("einsum_expand", "n,m->nm", Side("direction")),
    _einsum("einsum_spread", "nd,k->ndk", Side("direction")),
    _einsum("einsum_inner", "i,i->"),
    _einsum("einsum_hadamard", "...d,...d->...d"),
    _einsum("einsum_rank_one", "nd,d,k->nk", Side("read"), Side("write")),
    # two matrices
    _einsum("einsum_last", "...d,dk->...k", _WEIGHT, weight=2),
    _einsum("einsum_transposed", "nd,kd->nk", _WEIGHT),
    _einsum("einsum_ij", "ij,jk->ik", _WEIGHT),
    _einsum("einsum_ij_flipped", "ij,jk->ki", _WEIGHT),
    _einsum("einsum_left", "nd,mn->md", Side("mixing")),
    _einsum("einsum_pairs", "id,jd->ij"),
    _einsum("einsum_products", "nd,nk->dk"),
    _einsum("einsum_rows", "nd,nd->n"),
    _einsum("einsum_columns", "nd,nd->d"),
    _einsum("einsum_frobenius", "nd,nd->"),
    _einsum("einsum_row_outer", "ni,nj->nij"),
    _einsum("einsum_three_rows", "nd,nd,nd->n", Side("gate"), Side("other")),
    _einsum("einsum_metric", "nd,de,ne->n", Side("metric")),
    _einsum("einsum_chain", "nd,dk,km->nm", _SMALL_WEIGHT, _SMALL_WEIGHT),
    _einsum("einsum_factored", "nd,rd,rk->nk", Side("down", (-0.3, 0.3)), Side("up", (-0.3, 0.3))),
    _einsum("einsum_gated", "nd,dk,nk->nk", _SMALL_WEIGHT, Side("gate")),
    # more axes
    _einsum("einsum_batched", "hnd,hdk->hnk", _WEIGHT),
    _einsum("einsum_batched_t", "bnd,bkd->bnk", _WEIGHT),
    _einsum("einsum_sides", "hnd,hne->hde"),
    _einsum("einsum_shared", "hnd,dk->hnk", _WEIGHT),
    _einsum("einsum_to_heads", "nd,dhk->hnk", _WEIGHT),
    _einsum("einsum_from_heads", "hnd,hdk->nk", _SMALL_WEIGHT),
    _einsum("einsum_mix_heads", "hnd,gh->gnd", Side("mixing")),
    _einsum("einsum_head_weights", "hnd,h->nd", Side("share")),
    _einsum("einsum_mix_rows", "hnd,mn->hmd", Side("mixing")),
    _einsum("einsum_tensor_layer", "nd,ne,kde->nk", Side("context"), Side("tensor", (-0.1, 0.1))),
    _einsum("einsum_tucker", "abc,ax,by,cz->xyz", *(Side("factor", (-0.3, 0.3)),) * 3),
    _einsum("einsum_core_vector", "ijk,j,k->i", Side("left"), Side("right")),
    _einsum("einsum_cp", "ir,jr,kr->ijk", Side("factor"), Side("factor")),
    _einsum("einsum_images", "bhwc,co->bhwo", Side("filters")),
    _einsum("einsum_channels_first", "bchw,oc->bohw", Side("filters")),
    _einsum("einsum_pooled_channels", "bchw->bc"),
    # how it is computed
    _einsum("einsum_optimal", "nd,de,ek->nk", _SMALL_WEIGHT, _SMALL_WEIGHT,
            extra=', optimize="optimal"'),
    _einsum("einsum_precise", "nd,do->no", _WEIGHT, extra=', precision="highest"'),
    _einsum("einsum_typed", "td,dk->tk", _WEIGHT,
            extra=", preferred_element_type={0!!}.dtype"),
    _product("einsum_sublists", Spelling("jnp.einsum({0}, [0, 1], {1}, [1, 2], [0, 2])"),
             "nd,dk->nk", sides=(_WEIGHT,)),
)  # fmt: skip

_DOTS = "(((2,), (1,)), ((0,), (0,)))"
_NAMED = (
    _product("vdot", call("jnp.vdot", 2), "nd,nd->"),
    _product("vecdot_axis", Spelling("jnp.vecdot({0}, {1}, axis=0)"), "nd,nd->d"),
    _product("matvec", call("jnp.matvec", 2), "...nd,d->...n", sides=(Side("direction"),)),
    _product("vecmat", call("jnp.vecmat", 2), "...n,nd->...d", sides=(_WEIGHT,)),
    _product("inner", call("jnp.inner", 2), "...d,kd->...k", sides=(_WEIGHT,)),
    _product("outer", call("jnp.outer", 2), "n,m->nm", np.outer),
    _product("multiply_outer", call("jnp.multiply.outer", 2), "n,m->nm", np.outer),
    _product("dot_precise", Spelling("jnp.dot({0}, {1}, precision=jax.lax.Precision.HIGHEST)"),
             "nd,dk->nk", sides=(_WEIGHT,)),
    _product("matmul_typed", Spelling(
        "jnp.matmul({0}, {1}, preferred_element_type={0!!}.dtype)"), "...nd,dk->...nk",
        sides=(_WEIGHT,)),
    _product("matmul_precise", Spelling('jnp.matmul({0}, {1}, precision="highest")'),
             "hnd,hdk->hnk", sides=(_WEIGHT,)),
    _product("lax_dot", call("jax.lax.dot", 2), "nd,dk->nk", sides=(_WEIGHT,)),
    _product("lax_dot_precise", Spelling(
        "jax.lax.dot({0}, {1}, precision=jax.lax.Precision.HIGHEST)"), "nd,dk->nk",
        sides=(_WEIGHT,)),
    _product("lax_dot_vector", Spelling(
        "jax.lax.dot({0}, {1}, preferred_element_type={0!!}.dtype)"), "nd,d->n",
        sides=(Side("direction"),)),
    _product("batch_matmul", call("jax.lax.batch_matmul", 2), "hnd,hdk->hnk", sides=(_WEIGHT,)),
    _product("dot_general_batched", Spelling(
        f"jax.lax.dot_general({{0}}, {{1}}, {_DOTS})"), "hnd,hdk->hnk", sides=(_WEIGHT,)),
    _product("dot_general_pairs", Spelling(
        "jax.lax.dot_general({0}, {1}, (((2,), (2,)), ((0, 1), (0, 1))))"), "hnd,hnd->hn"),
    _product("dot_general_whole", Spelling(
        "jax.lax.dot_general({0}, {1}, (((0, 1), (0, 1)), ((), ())))"), "nd,ndk->k",
        sides=(_SMALL_WEIGHT,)),
    _product("dot_general_rows", Spelling(
        "jax.lax.dot_general({0}, {1}, ([[1], [1]], [[0], [0]]))"), "nd,nd->n"),
    _product("dot_general_typed", Spelling(
        "jax.lax.dot_general({0}, {1}, (((0,), (0,)), ((), ())), None, {0!!}.dtype)"),
        "nd,nk->dk"),
    _product("tensordot_one", Spelling("jnp.tensordot({0}, {1}, axes=1)"), "hnd,dk->hnk",
             sides=(_WEIGHT,)),
    _product("tensordot_first", Spelling("jnp.tensordot({0}, {1}, axes=((0,), (0,)))"),
             "nd,nk->dk"),
    _product("tensordot_last", Spelling("jnp.tensordot({0}, {1}, axes=([-1], [-1]))"),
             "nd,kd->nk", sides=(_WEIGHT,)),
    _product("tensordot_two", Spelling("jnp.tensordot({0}, {1}, axes=((1, 2), (0, 1)))"),
             "hnd,ndk->hk", sides=(_SMALL_WEIGHT,)),
    _product("tensordot_linalg", Spelling("jnp.linalg.tensordot({0}, {1}, axes=([0], [0]))"),
             "nd,nk->dk"),
    _product("tensordot_plain", call("jnp.tensordot", 2), "nd,nd->"),
    _product("vmapped_dot", Spelling("jax.vmap(jnp.dot)({0}, {1})"), "nd,nd->n"),
    _product("vmapped_vdot", Spelling("jax.vmap(jnp.vdot)({0}, {1})"), "nd,nd->n"),
    _product("vmapped_outer", Spelling("jax.vmap(jnp.outer)({0}, {1})"), "nd,nk->ndk"),
    _product("vmapped_inner", Spelling("jax.vmap(jnp.inner, in_axes=(1, 1))({0}, {1})"),
             "nd,nd->d"),
    _product("vmapped_matmul", Spelling("jax.vmap(jnp.matmul, in_axes=(0, None))({0}, {1})"),
             "hnd,dk->hnk", sides=(_WEIGHT,)),
    _product("ragged_dot", Spelling("jax.lax.ragged_dot({0}, {1}, {t0})", lines=(
        "{t0} = jnp.array([{@n} // 4, {@n} - {@n} // 4], dtype=jnp.int32)",),
        locals=("group_sizes",)), "nd,2dk->nk",
        lambda a, w: np.concatenate([a[: len(a) // 4] @ w[0], a[len(a) // 4 :] @ w[1]]),
        sides=(_WEIGHT,)),
    (Operation("add_outer", "ff", "f", (ANY, ANY), iv.add, np.add.outer, dims="n,m->nm",
               family="contraction", linear=True), call("jnp.add.outer", 2)),
    (Operation("subtract_outer", "ff", "f", (ANY, ANY), iv.sub, np.subtract.outer, dims="n,m->nm",
               family="contraction", linear=True), call("jnp.subtract.outer", 2)),
    (Operation("polyval", "ff", "f", ((-0.9, 0.9), ANY),
               lambda n: lambda x, c: (-10.0 * iv.magnitude(c), 10.0 * iv.magnitude(c)),
               _polyval, sized=True, dims="...d,k->...d", sides=(Side("coefficients"),),
               family="contraction"), Spelling("jnp.polyval({1}, {0})")),
    (Operation("horner_reduce", "ff", "f", ((-0.9, 0.9), ANY),
               lambda n: lambda x, c: (-10.0 * iv.magnitude(c), 10.0 * iv.magnitude(c)),
               lambda x, c: np.sum(c * x[..., None] ** np.arange(len(c)), -1), sized=True,
               dims="...d,k->...d", sides=(Side("coefficients"),), family="contraction"),
     Spelling("jax.lax.fori_loop(0, {@k}, {t0}, jnp.zeros_like({0}))", lines=(
         "{t0} = lambda i, total: total * {0!!} + {1!!}[{@k} - 1 - i]",), locals=("horner",))),
    (Operation("vander_basis", "ff", "f", ((-0.9, 0.9), ANY),
               lambda n: lambda x, c: (-10.0 * iv.magnitude(c), 10.0 * iv.magnitude(c)),
               lambda x, c: np.vander(x, len(c), increasing=True) @ c, sized=True,
               dims="n,k->n", sides=(Side("coefficients"),), family="contraction"),
     Spelling("jnp.vander({0}, {@k}, increasing=True) @ {1!!}", PRODUCT)),
)  # fmt: skip

_PAIRS = (*_EINSUMS, *_NAMED)
ROWS: tuple[Operation, ...] = tuple(row for row, _ in _PAIRS)
WARP: dict[str, Spelling] = {}
JAX: dict[str, Spelling] = {row.name: spelling for row, spelling in _PAIRS}
