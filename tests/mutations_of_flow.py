"""Kinds of wrong code in comparisons, branches, loops and at boundaries."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator

from mutation_sites import Site, Text, called, functions, made

_COMPARISONS: dict[type, type] = {
    **{ast.Lt: ast.GtE, ast.GtE: ast.Lt, ast.Gt: ast.LtE, ast.LtE: ast.Gt},
    **{ast.Eq: ast.NotEq, ast.NotEq: ast.Eq},
}


def comparison_flipped(text: Text) -> Iterator[Site]:
    """The opposite comparison."""
    for value in text.values:
        node = value.node
        if isinstance(node, ast.Compare) and not value.guard:
            other = _COMPARISONS.get(type(node.ops[0]))
            if other:
                new = copy.deepcopy(node)
                new.ops[0] = other()
                yield Site(node, new)


def branches_swapped(text: Text) -> Iterator[Site]:
    """What is done in one case is done in the other."""
    for node in (*text.all(ast.If), *text.all(ast.IfExp), *text.all(ast.Call)):
        new = copy.deepcopy(node)
        if isinstance(node, ast.Call):
            if called(node).endswith((".where", ".select", ".cond")) and len(node.args) > 2:
                new.args[1], new.args[2] = new.args[2], new.args[1]
                yield Site(node, new)
        elif node.orelse:
            new.body, new.orelse = new.orelse, new.body
            yield Site(node, new)


def loop_rounds(text: Text) -> Iterator[Site]:
    """A loop goes round once less or, where it indexes nothing, once more."""
    for node in text.all(ast.For):
        if isinstance(node.iter, ast.Call) and called(node.iter) == "range":
            last = node.iter.args[1 if len(node.iter.args) > 1 else 0]
            yield Site(last, made("X - 1", X=last))
            if not any(isinstance(n, ast.Subscript) for s in node.body for n in ast.walk(s)):
                yield Site(last, made("X + 1", X=last))
    for node in text.all(ast.Call):
        if called(node).endswith("fori_loop"):
            yield Site(node.args[1], made("X - 1", X=node.args[1]))
            yield Site(node.args[1], made("X + 1", X=node.args[1]))
        elif called(node).endswith("arange"):
            yield Site(node, made("X + 1", X=node))


def missing_accumulation(text: Text) -> Iterator[Site]:
    """What is to be added to what was before replaces it."""
    for node in text.all(ast.AugAssign):
        yield Site(node, ast.Assign([node.target], node.value))
    for node in text.all(ast.Call):
        name = called(node)
        if name in ("wp.atomic_add", "wp.atomic_min", "wp.atomic_max"):
            parts = node.args[1:-1]
            at = parts[0] if len(parts) == 1 else ast.Tuple(parts, ast.Load())
            target = ast.Subscript(node.args[0], at, ast.Store())
            for holder in text.all(ast.Expr):
                if holder.value is node:
                    yield Site(holder, ast.Assign([target], node.args[-1]))
        elif name == "jnp.sum" and not any(k.arg == "axis" for k in node.keywords):
            yield Site(node, made("jnp.ravel(X)[0]", X=node.args[0]))
        elif name in ("jnp.sum", "jnp.cumsum"):
            yield Site(node, made("jnp.take(X, 0, axis=-1)", X=node.args[0]))
        elif name.endswith(".add") and ".at[" in name:
            new = copy.deepcopy(node)
            new.func.attr = "set"  # pyright: ignore
            yield Site(node, new)
    for loop in (*text.all(ast.For), *text.all(ast.While)):
        for node in (n for s in loop.body for n in ast.walk(s) if isinstance(n, ast.Assign)):
            state = node.targets[0]
            for part in ast.walk(node.value):
                if isinstance(part, ast.Name) and part.id == getattr(state, "id", ""):
                    yield Site(part, made("(X - X)", X=part))
    for outer in functions(text.tree):
        for body in (n for n in ast.walk(outer) if isinstance(n, ast.FunctionDef)):
            carried = {a.arg for a in body.args.args} if body is not outer else set()
            for part in (n for s in body.body for n in ast.walk(s) if isinstance(n, ast.Name)):
                if part.id in carried and isinstance(part.ctx, ast.Load):
                    yield Site(part, made("jnp.zeros_like(X)", X=part))


def boundary_changed(text: Text) -> Iterator[Site]:
    """What lies beyond an end is taken from elsewhere."""
    for node in text.all(ast.Call):
        name = called(node)
        if name == "wp.clamp" and len(node.args) == 3:
            value, low, high = node.args
            if ast.unparse(low) == "0":
                yield Site(node, made("(X + Y + 1) % (Y + 1)", X=value, Y=high))
        elif name in ("jnp.pad", "jnp.take", "jnp.take_along_axis", "jnp.choose"):
            new = copy.deepcopy(node)
            modes = [k for k in new.keywords if k.arg == "mode"]
            if not modes:
                new.keywords.append(ast.keyword("mode", ast.Constant("wrap")))
            else:
                was = ast.unparse(modes[0].value)
                modes[0].value = ast.Constant("edge" if "wrap" in was else "wrap")
            yield Site(node, new)
        elif ".at[" in name and name.endswith(".set") and "roll" in name:
            yield Site(node, node.func.value.value.value)  # pyright: ignore
    for node in text.all(ast.BinOp):
        if text.warp and isinstance(node.op, ast.Mod) and isinstance(node.left, ast.BinOp):
            yield Site(node, made("wp.clamp(X, 0, Y - 1)", X=node.left, Y=node.right))
