"""Kinds of wrong code: each finds the sites in a kernel's text where it applies."""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator
from random import Random

from mutation_sites import Site, Text, called, made, replaced
from mutations_of_flow import (
    boundary_changed,
    branches_swapped,
    comparison_flipped,
    loop_rounds,
    missing_accumulation,
)

Kind = Callable[[Text], Iterator[Site]]

_OPERATORS: dict[type, type] = {
    **{ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.Div: ast.Mult},
    **{ast.Mod: ast.Sub, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitXor, ast.BitXor: ast.BitAnd},
    **{ast.LShift: ast.RShift, ast.RShift: ast.LShift, ast.FloorDiv: ast.Mult},
}
_TWINS = (
    *("sin cos", "sinh cosh", "asin atan", "arcsin arctan", "acos asin", "arccos arcsin"),
    *("tan sin", "tanh sin", "atan tanh", "arctan tanh", "exp sinh", "log log2", "log2 log"),
    *("log10 log", "sqrt cbrt", "cbrt sqrt", "floor ceil", "min max", "minimum maximum"),
    *("argmin argmax", "nanmin nanmax", "sum mean", "prod sum", "cumsum cumprod"),
    *("cummax cummin", "any all", "atomic_min atomic_max", "tile_min tile_max"),
    *("tile_sum tile_max", "relu gelu", "gelu silu", "silu gelu", "swish gelu"),
    *("sigmoid tanh", "softplus relu", "softmax log_softmax", "erf tanh", "erf erfc"),
    *("var std", "reciprocal sqrt", "rsqrt sqrt", "expm1 exp", "log1p log", "floor_divide add"),
    *("roll flip", "triu tril", "zeros_like ones_like", "bitwise_and bitwise_or", "step sign"),
    *("segment_sum segment_max", "length length_sq", "normalize abs", "dot cross"),
    *("determinant trace", "transpose inverse", "radians degrees", "square sqrt"),
)
FUNCTIONS = {b: a for a, b in map(str.split, _TWINS)} | dict(map(str.split, _TWINS))
_COMMUTE = ("add", "max", "min", "mul", "sum", "hypot", "dot", "where", "stack", "concat")
_NARROW = {"float64": "float32", "float32": "float16"}
_JAX_ADJOINT = """\
@jax.custom_vjp
def skewed(x):
    return x


skewed.defvjp(lambda x: (x, None), lambda _, g: (FACTOR * g,))


"""
_WARP_ADJOINT = """\
@wp.func
def skewed(x: TYPE):
    return x


@wp.func_grad(skewed)
def adj_skewed(x: TYPE, adj_ret: TYPE):
    wp.adjoint[x] += adj_ret * REAL(FACTOR)


"""


def sign_flipped(text: Text) -> Iterator[Site]:
    """A value is negated."""
    for node in text.computed:
        yield Site(node, made("-X", X=node))


def operator_swapped(text: Text) -> Iterator[Site]:
    """``+`` for ``-``, ``*`` for ``+`` and so on, in expressions and augmented assignments."""
    inner = [n for n in text.computed if isinstance(n, ast.BinOp)]
    for node in (*inner, *text.all(ast.AugAssign)):
        if type(node.op) in _OPERATORS:
            new = copy.deepcopy(node)
            new.op = _OPERATORS[type(node.op)]()
            yield Site(node, new)


def wrong_operand(text: Text) -> Iterator[Site]:
    """Another variable of the kind that has a value there."""
    for value in text.values:
        if isinstance(value.node, ast.Name) and value.node.id in value.known:
            kind = text.kind(value.node.id)
            for other in dict.fromkeys(value.known):
                if other != value.node.id and text.kind(other) == kind:
                    yield Site(value.node, ast.Name(other, ast.Load()))


def operands_swapped(text: Text) -> Iterator[Site]:
    """The operands of what is not commutative change places."""
    orders = (ast.Sub, ast.Div, ast.Pow, ast.MatMult, ast.Mod, ast.LShift, ast.RShift)
    for node in text.computed:
        new = copy.deepcopy(node)
        if isinstance(node, ast.BinOp) and isinstance(node.op, orders):
            new.left, new.right = new.right, new.left
            yield Site(node, new)
        elif isinstance(node, ast.Call) and len(node.args) > 1:
            new.args[:2] = new.args[1::-1]
            if not any(part in called(node) for part in _COMMUTE):
                yield Site(node, new)


def index_off_by_one(text: Text) -> Iterator[Site]:
    """The neighbour of an element, inside the bounds."""
    if not text.warp:
        for node in text.computed:
            if isinstance(node, ast.Name):
                yield Site(node, made("jnp.roll(X, 1)", X=node))
        return
    for node in text.all(ast.Subscript):
        parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        for part in parts:
            if isinstance(part, ast.Constant) and isinstance(part.value, int):
                yield Site(part, ast.Constant(0 if part.value else 1))
            elif not isinstance(part, (ast.Slice, ast.Constant)):
                yield Site(part, made("wp.max(X - 1, 0)", X=part))


def dropped_term(text: Text) -> Iterator[Site]:
    """One operand of a sum, a product or the like is left out."""
    for node in text.computed:
        if isinstance(node, ast.BinOp):
            yield Site(node, node.left)
            yield Site(node, node.right)


def dropped_step(text: Text) -> Iterator[Site]:
    """A step of a chain is left out: a function, an augmented assignment."""
    for node in text.computed:
        if isinstance(node, ast.Call) and node.args and "." in called(node):
            yield Site(node, node.args[0])
        elif isinstance(node, ast.UnaryOp):
            yield Site(node, node.operand)
    for node in text.all(ast.AugAssign):
        yield Site(node, ast.Pass())


def constant_changed(text: Text) -> Iterator[Site]:
    """A constant is a tenth larger; a whole exponent one higher."""
    for node in text.computed:
        if isinstance(node, ast.Constant) and isinstance(node.value, float):
            yield Site(node, ast.Constant(node.value * 1.1 or 0.1))
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
            power = node.right
            if isinstance(power, ast.Constant) and isinstance(power.value, int):
                yield Site(power, ast.Constant(power.value + 1))


def function_swapped(text: Text) -> Iterator[Site]:
    """Another function of the same kind."""
    for node in text.all(ast.Attribute):
        if isinstance(node.ctx, ast.Load) and node.attr in FUNCTIONS:
            yield Site(node, ast.Attribute(node.value, FUNCTIONS[node.attr], ast.Load()))


def constant_output(text: Text) -> Iterator[Site]:
    """An output is always the same, or everywhere its first element."""
    for node in text.outputs:
        if text.warp:
            yield Site(node, made("X - X", X=node))
        else:
            yield Site(node, made("jnp.zeros_like(X)", X=node))
            yield Site(node, made("jnp.full_like(X, jnp.ravel(X)[0])", X=node))


def low_precision(text: Text) -> Iterator[Site]:
    """A value goes through a narrower dtype."""
    real = text.real
    plain = (ast.Constant, ast.Compare, ast.BoolOp)
    for node in text.computed:
        if isinstance(node, plain):
            continue
        if text.warp:
            yield Site(node, made(f"wp.{real}(wp.{_NARROW[real]}(X))", X=node))
        else:
            bits = "{8: 23, 4: 10, 2: 3}[X.dtype.itemsize]"
            yield Site(node, made(f"jax.lax.reduce_precision(X, 5, {bits})", X=node))


def other_dtype(text: Text) -> Iterator[Site]:
    """An output has another dtype."""
    for node in text.outputs if not text.warp else []:
        for dtype in ("float32", "float16", "bfloat16", "int32", "int16", "uint8", "complex64"):
            yield Site(node, made(f"X.astype(jnp.{dtype})", X=node))


def wrong_axis(text: Text) -> Iterator[Site]:
    """Another axis, or two of them for each other."""
    for node in text.all(ast.keyword):
        if node.arg == "axis":
            for other in (0, 1, -1, -2):
                if ast.unparse(node.value) != str(other):
                    yield Site(node, ast.keyword("axis", ast.Constant(other)))
    for node in text.all(ast.Attribute):
        if node.attr in ("T", "mT"):
            yield Site(node, node.value)
    if not text.warp:
        return
    for node in text.all(ast.Subscript):
        if isinstance(node.slice, ast.Tuple) and isinstance(node.ctx, ast.Load):
            new = copy.deepcopy(node)
            one, other, *rest = new.slice.elts  # pyright: ignore
            new.slice = ast.Tuple(
                [
                    made("I % X.shape[0]", I=other, X=node.value),
                    made("I % X.shape[1]", I=one, X=node.value),
                    *rest,
                ],
                ast.Load(),
            )
            yield Site(node, new)


def wrong_adjoint(text: Text) -> Iterator[Site]:
    """The numbers stay; the slope of a value is lost, doubled, negated or a tenth too large."""
    for factor in (0.0, 2.0, -1.0, 1.1):
        if not text.warp:
            prelude = _JAX_ADJOINT.replace("FACTOR", str(factor))
            if not factor:
                prelude, template = "", "jax.lax.stop_gradient(X)"
            else:
                template = "skewed(X)"
            for node in text.computed:
                if not isinstance(node, ast.Constant):
                    yield Site(node, made(template, X=node), prelude)
            continue
        real = f"wp.{text.real}"
        prelude = _WARP_ADJOINT.replace("FACTOR", str(factor)).replace("REAL", real)
        for node in text.computed:
            if not isinstance(node, ast.Constant):
                yield Site(node, made("skewed(X)", X=node), prelude.replace("TYPE", real))
        for store in text.stores:
            if isinstance(store, ast.Assign) and isinstance(store.targets[0], ast.Subscript):
                type_ = text.output_type(store.targets[0].value.id)  # pyright: ignore
                if type_.startswith("wp.") and type_ != real:
                    new = made("skewed(X)", X=store.value)
                    yield Site(store.value, new, prelude.replace("TYPE", type_))


def last_element_missed(text: Text) -> Iterator[Site]:
    """The last element is not written."""
    if not text.warp:
        for node in text.outputs:
            yield Site(node, made("jnp.ravel(X).at[-1].set(0).reshape(X.shape)", X=node))
        return
    for store in text.stores:
        target = store.targets[0] if isinstance(store, ast.Assign) else None
        if isinstance(target, ast.Subscript):
            at = target.slice.elts[0] if isinstance(target.slice, ast.Tuple) else target.slice
            test = made("I + 1 < X.shape[0]", I=at, X=target.value)
            yield Site(store, ast.If(test, [store], []))


KINDS: dict[str, Kind] = {
    kind.__name__: kind
    for kind in (
        *(sign_flipped, operator_swapped, wrong_operand, operands_swapped, index_off_by_one),
        *(dropped_term, dropped_step, constant_changed, function_swapped, comparison_flipped),
        *(branches_swapped, loop_rounds, missing_accumulation, constant_output, low_precision),
        *(other_dtype, wrong_axis, wrong_adjoint, boundary_changed, last_element_missed),
    )
}


def mutate(python: str, name: str, kind: str, rng: Random) -> str | None:
    """A kernel's text with one change of a kind, or None where the kind does not apply.

    ``name`` is the kernel's. The same text and state of ``rng`` give the same mutant.
    """
    text = Text(python, name)
    sites = list(KINDS[kind](text))
    if not sites:
        return None
    found = replaced(text, rng.choice(sites))
    return None if found == ast.unparse(ast.parse(python)) + "\n" else found
