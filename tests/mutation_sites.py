"""What in a kernel's text can be changed: its values, stores and loops, found by its syntax."""

from __future__ import annotations

import ast
import copy
import functools
from collections.abc import Iterator
from dataclasses import dataclass, field

# Arguments by keyword that say how, not what, is computed.
_HOW = {"axis", "shape", "dtype", "offset", "mode", "n", "length", "keepdims", "axes", "storage"}
_FACTS = {"shape", "dtype", "size", "ndim"}
_FIXED = {"wp.tid", "wp.static", "wp.rand_init", "jax.random.key", "jnp.einsum", "jnp.iinfo"}


@dataclass(frozen=True)
class Site:
    """A part of a text and what to write instead, after ``prelude`` where it needs functions."""

    node: ast.AST
    new: ast.AST | list[ast.stmt]
    prelude: str = ""


@dataclass(frozen=True)
class Value:
    """An expression that is computed with, and where it stands."""

    node: ast.expr
    known: tuple[str, ...]  # names that have a value there
    index: bool  # whether it is part of an index, a shape or the like
    guard: bool  # whether it decides if a while loop goes on


@dataclass
class Text:
    """A parsed kernel."""

    python: str
    name: str
    tree: ast.Module = field(init=False)
    warp: bool = field(init=False)
    values: list[Value] = field(init=False)
    kernel: ast.FunctionDef = field(init=False)

    def __post_init__(self) -> None:
        self.tree = ast.parse(self.python)
        self.warp = "wp." in self.python
        self.kernel = next(f for f in functions(self.tree) if f.name == self.name)
        self.values = list(_values(self.tree))

    @property
    def computed(self) -> list[ast.expr]:
        """Values, without what is part of an index."""
        return [v.node for v in self.values if not v.index]

    def all(self, kind: type) -> Iterator:
        """Nodes of a kind, those within functions."""
        for function in functions(self.tree):
            for statement in function.body:
                yield from (n for n in ast.walk(statement) if isinstance(n, kind))

    @property
    def real(self) -> str:
        """The floating dtype that the kernel is written in, as far as its text tells."""
        return "float64" if "float64" in self.python else "float32"

    def output_type(self, name: str) -> str:
        """The dtype, as written, of a Warp kernel's array; empty for what is none."""
        for argument in self.kernel.args.args:
            if argument.arg == name and isinstance(argument.annotation, ast.Call):
                for keyword in argument.annotation.keywords:
                    if keyword.arg == "dtype":
                        return ast.unparse(keyword.value)
        return ""

    def kind(self, name: str) -> str:
        """Whether a name of a Warp text is of an array, an index or a value, by its syntax."""
        if not self.warp:
            return ""
        if name in self._indices:
            return "index"
        return "array" if self.output_type(name) else "value"

    @functools.cached_property
    def _indices(self) -> set[str]:
        """Names that hold indices or whole numbers to count with."""
        found = {
            a.arg
            for f in functions(self.tree)
            for a in f.args.args
            if a.annotation and ast.unparse(a.annotation) in ("int", "wp.int32")
        }
        for node in ast.walk(self.tree):
            if isinstance(node, ast.For):
                found.update(n.id for n in ast.walk(node.target) if isinstance(n, ast.Name))
            elif isinstance(node, ast.Subscript):
                found.update(n.id for n in ast.walk(node.slice) if isinstance(n, ast.Name))
        return found

    @property
    def stores(self) -> list[ast.Assign | ast.AugAssign | ast.Expr]:
        """Statements of a Warp kernel that write to one of its arrays."""
        arrays = {a.arg for a in self.kernel.args.args}
        found = []
        for node in ast.walk(self.kernel):
            if isinstance(node, (ast.Assign, ast.AugAssign)):
                target = node.targets[0] if isinstance(node, ast.Assign) else node.target
                if isinstance(target, ast.Subscript) and isinstance(target.value, ast.Name):
                    found += [node] if target.value.id in arrays else []
            elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
                found += [node] if "atomic" in called(node.value) else []
        return found

    @property
    def outputs(self) -> list[ast.expr]:
        """The expressions that are stored or returned as outputs."""
        if self.warp:
            kept = [s for s in self.stores if not isinstance(s, ast.Expr)]
            calls = [n for n in ast.walk(self.kernel) if isinstance(n, ast.Call)]
            tiles = [c for c in calls if called(c) in ("wp.tile_store", "wp.tile_atomic_add")]
            return [s.value for s in kept] + [c.args[1] for c in tiles]
        last = self.kernel.body[-1]
        if not isinstance(last, ast.Return) or last.value is None:
            return []
        return last.value.elts if isinstance(last.value, ast.Tuple) else [last.value]


def functions(tree: ast.AST) -> list[ast.FunctionDef]:
    """All functions of a text that are not within others."""
    return [n for n in ast.iter_child_nodes(tree) if isinstance(n, ast.FunctionDef)]


def called(call: ast.expr) -> str:
    """The name of what a call calls, with its module; empty where it is no name."""
    return ast.unparse(call.func) if isinstance(call, ast.Call) else ""


def made(template: str, **parts: ast.expr) -> ast.expr:
    """An expression from a template, with names in it replaced by other expressions."""

    class Fill(ast.NodeTransformer):
        def visit_Name(self, node: ast.Name) -> ast.AST:
            return copy.deepcopy(parts[node.id]) if node.id in parts else node

    return Fill().visit(ast.parse(template, mode="eval")).body


def replaced(text: Text, site: Site) -> str:
    """The text with one site changed."""

    class Swap(ast.NodeTransformer):
        def visit(self, node: ast.AST) -> ast.AST | list[ast.stmt]:  # pyright: ignore
            return site.new if node is site.node else self.generic_visit(node)

    tree = Swap().visit(text.tree)
    ast.fix_missing_locations(tree)
    return site.prelude + ast.unparse(tree) + "\n"


def _of_module(node: ast.expr) -> bool:
    return ast.unparse(node).split(".")[0] in ("wp", "jnp", "jax")


def _values(tree: ast.Module) -> Iterator[Value]:
    for node in tree.body:
        if isinstance(node, ast.Assign):
            yield from _within(node.value, (), False, False)
        elif isinstance(node, ast.FunctionDef):
            yield from _of_function(node, ())


def _of_function(function: ast.FunctionDef, outer: tuple[str, ...]) -> Iterator[Value]:
    known = (*outer, *(a.arg for a in function.args.args))
    yield from _of_body(function.body, list(known))


def _of_body(body: list[ast.stmt], known: list[str]) -> Iterator[Value]:
    for node in body:
        if isinstance(node, ast.FunctionDef):
            yield from _of_function(node, tuple(known))
        elif isinstance(node, (ast.If, ast.While)):
            yield from _within(node.test, tuple(known), False, isinstance(node, ast.While))
            yield from _of_body(node.body, known)
            yield from _of_body(node.orelse, known)
        elif isinstance(node, ast.For):
            yield from _within(node.iter, tuple(known), True, False)
            known += [n.id for n in ast.walk(node.target) if isinstance(n, ast.Name)]
            yield from _of_body(node.body, known)
        elif isinstance(node, (ast.Assign, ast.AugAssign, ast.Return, ast.Expr)):
            if node.value is None or isinstance(node.value, ast.Constant):
                continue
            found = _within(node.value, tuple(known), False, False)
            if isinstance(node, ast.Expr):
                next(found, None)  # what it gives is not used: only its parts are values
            yield from found
            if isinstance(node, ast.Assign):
                named = [n for t in node.targets for n in ast.walk(t)]
                known += [
                    n.id for n in named if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
                ]


def _within(node: ast.expr, known: tuple[str, ...], index: bool, guard: bool) -> Iterator[Value]:
    """The value and its parts."""
    name = called(node)
    if name in _FIXED:
        return
    if isinstance(node, ast.Starred):
        return
    if isinstance(node, ast.Attribute) and (_of_module(node) or node.attr in _FACTS):
        return
    if not isinstance(node, (ast.Tuple, ast.List, ast.Lambda)):
        yield Value(node, known, index, guard)
    if isinstance(node, ast.Lambda):
        inner = (*known, *(a.arg for a in node.args.args))
        yield from _within(node.body, inner, index, guard)
    elif isinstance(node, ast.Subscript):
        if not isinstance(node.value, ast.Name):
            yield from _within(node.value, known, index, guard)
        yield from _within(node.slice, known, True, guard)
    elif isinstance(node, ast.Attribute):
        if not isinstance(node.value, ast.Name):
            yield from _within(node.value, known, index, guard)
    elif isinstance(node, ast.Call):
        if isinstance(node.func, ast.Attribute) and not _of_module(node.func):
            yield from _within(node.func.value, known, index, guard)
        where = index or "tile_" in name or "atomic" in name
        guards = guard or name.endswith("while_loop")
        shapes = name.rsplit(".", 1)[-1] in ("reshape", "arange", "split", "resize", "broadcast_to")
        for place, part in enumerate(node.args):
            yield from _within(part, known, where or (shapes and place > 0), guards and place == 0)
        for keyword in node.keywords:
            yield from _within(keyword.value, known, index or keyword.arg in _HOW, guard)
    else:
        for part in ast.iter_child_nodes(node):
            if isinstance(part, ast.expr):
                yield from _within(part, known, index, guard)
