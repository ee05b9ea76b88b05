"""A user's kernel or function as one text that stands by itself, where that can be had.

The text holds the source of the kernel, and before it, in the order they need one another, the
functions, structs, constants and imports that it names. Executed with only ``wp``, or only ``jax``
and ``jnp``, at hand, it declares the same kernel. Whoever calls checks that it compiles the same.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import math
import sys
import textwrap
import types
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from .user_globals import STATEFUL, stateful, written

GIVEN = {"warp": {"wp": "warp"}, "jax": {"jax": "jax", "jnp": "jax.numpy"}}
# Packages that wherever a row is read are there too, or are named as what it needs.
IMPORTABLE = frozenset({"warp", "jax", "numpy", *sys.stdlib_module_names})
_PLAIN = (bool, int, float, str, type(None))


class NotSelfContainedError(Exception):
    """What the source names cannot be written down: closures over objects, foreign libraries."""


class Bundle:
    """Collects definitions for one kernel; ``text()`` is their source in order."""

    def __init__(self, language: str) -> None:
        self.language = language
        self._imports: list[str] = []
        self._parts: list[str] = []
        self._bound: dict[str, Any] = {}

    def text(self) -> str:
        """The collected source: imports, then the rest in order, definitions well apart."""
        out = "".join(line + "\n" for line in dict.fromkeys(self._imports))
        before = "import" if out else ""
        for part in self._parts:
            kind = "definition" if part.startswith(("def ", "class ", "@")) else "line"
            if before:
                apart = "definition" in (kind, before)
                out += "\n\n" if apart else "\n" if before == "import" else ""
            out += part.rstrip("\n") + "\n"
            before = kind
        return out

    def add(self, name: str, value: Any, home: types.ModuleType | None = None) -> None:
        """Write down that ``name`` is ``value``; NotSelfContainedError when that has no text.

        ``home`` is the module in which it is called so.
        """
        if name in self._bound:
            known = self._bound[name]
            if known is not value and not _same(known, value):
                raise NotSelfContainedError(f"two things are called {name}")
            return
        self._bound[name] = value
        if isinstance(value, types.ModuleType):
            self._add_module(name, value)
            return
        if self._add_statement(name, value, home):
            return
        found = self._definitions(value)
        if found is not None:
            self._add_definitions(name, found)
            return
        line = self._one_line(name, value)
        if line is None:
            raise NotSelfContainedError(f"{name} is a {type(value).__name__}")
        (self._imports if " import " in line else self._parts).append(line)

    def append(self, line: str) -> None:
        """Add a line of source as it is."""
        self._parts.append(line)

    def _add_statement(self, name: str, value: Any, home: types.ModuleType | None) -> bool:
        """Copy the assignment or import at the top of a file that makes ``value``, for JAX."""
        if self.language != "jax" or home is None or type(value) in _PLAIN:
            return False
        found = written(name, value, home)
        if found is None:
            return False
        if isinstance(found.node, ast.ImportFrom):
            self._check_library(name, str(found.node.module))
            own = next(a.name for a in found.node.names if (a.asname or a.name) == found.name)
            line = f"from {found.node.module} import {own}"
            self._imports.append(line + (f" as {name}" if own != name else ""))
            return True
        scope = vars(found.home)
        self._check_pure(found.node, scope)
        for other in found.binds - {name}:
            self._bound[other] = scope.get(other)
        for needed in _read_inside([found.node]):
            if needed in scope:
                self.add(needed, scope[needed], found.home)
            elif not hasattr(builtins, needed):
                raise NotSelfContainedError(f"{needed} is gone")
        self._parts.append(found.source)
        if found.name != name:
            self._parts.append(f"{name} = {found.name}")
        return True

    def _check_pure(self, tree: ast.AST, scope: dict[str, Any]) -> None:
        reads = stateful(tree, scope) if self.language == "jax" else None
        if reads:
            raise NotSelfContainedError(f"what {reads} gives is not in the text")

    def _check_library(self, name: str, full: str) -> None:
        root = full.split(".")[0]
        unsure = root in STATEFUL or full == "numpy.random"
        if root not in IMPORTABLE or (self.language == "jax" and unsure):
            raise NotSelfContainedError(f"{name} is of the module {full}")

    def _definitions(self, value: Any) -> list[Callable[..., Any]] | None:
        if self.language == "warp":
            from .warp_objects import builtin_name, definitions

            if builtin_name(value):
                return None
            found = definitions(value)
            if found is not None:
                return found
        value = inspect.unwrap(value) if callable(value) else value
        if isinstance(value, types.FunctionType):
            return [value]
        if isinstance(value, type) and value.__module__.split(".")[0] not in IMPORTABLE:
            return [value]
        return None

    def _add_definitions(self, name: str, found: Sequence[Callable[..., Any]]) -> None:
        """Write down the definitions behind ``name``, each after what it needs itself."""
        first = found[0]
        own = first.__name__
        if (first.__module__ or "").split(".")[0] in IMPORTABLE - {"warp"}:
            self._imports.append(f"from {first.__module__} import {own}")
            found = ()
        for definition in found:
            source, tree = _source(definition)
            self._bound.setdefault(tree.name, self._bound[name])
            home = sys.modules.get(definition.__module__)
            self._check_pure(tree, vars(home) if home else {})
            for needed, value in _needs(tree, definition).items():
                self.add(needed, value, home)
            if self.language == "warp" and not tree.decorator_list:
                source = self._decorator(self._bound[name]) + source
            self._parts.append(source)
        if own != name:
            self._parts.append(f"{name} = {own}")

    def _decorator(self, value: Any) -> str:
        """What ``wp.kernel(f)``, in place of a decorator, leaves out of the source of f."""
        from .warp_objects import decorator_of, definitions

        return "" if definitions(value) is None else decorator_of(value) + "\n"

    def _add_module(self, name: str, module: types.ModuleType) -> None:
        full = module.__name__
        if GIVEN[self.language].get(name) == full:
            return
        self._check_library(name, full)
        self._imports.append(f"import {full}" if name == full else f"import {full} as {name}")

    def _one_line(self, name: str, value: Any) -> str | None:
        home = (getattr(value, "__module__", None) or "").split(".")[0]
        known = getattr(value, "__name__", None) or getattr(value, "_name", None)
        if home == "typing" and known:
            return f"from typing import {known}" + (f" as {name}" if known != name else "")
        if self.language == "warp":
            from .warp_objects import builtin_name, spell_constant, spell_type

            own = builtin_name(value)
            text = f"wp.{own}" if own else spell_constant(value) or spell_type(value)
            if text is not None:
                return None if text == name else f"{name} = {text}"
        elif type(value) in _PLAIN:
            finite = not isinstance(value, float) or math.isfinite(value)
            return f"{name} = {value!r}" if finite else f'{name} = float("{value}")'
        if home in IMPORTABLE and isinstance(known, str) and known.isidentifier():
            return f"from {value.__module__} import {known}" + (
                f" as {name}" if known != name else ""
            )
        return None


def _same(first: Any, second: Any) -> bool:
    """Whether two constants are the same value, so that one line serves both."""
    plain = (bool, int, float, str)
    return type(first) is type(second) and isinstance(first, plain) and first == second


def _source(definition: Callable[..., Any]) -> tuple[str, Any]:
    """Source text, outdented, and its syntax tree, of a function or a class."""
    try:
        source = textwrap.dedent(inspect.getsource(definition)).rstrip() + "\n"
        node = ast.parse(source).body[0]
    except (OSError, TypeError, SyntaxError, IndexError) as error:
        raise NotSelfContainedError(f"no source: {type(error).__name__}") from None
    if not isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        raise NotSelfContainedError("not a definition of its own")
    return source.rstrip("\n"), node


def _needs(tree: ast.AST, definition: Callable[..., Any]) -> dict[str, Any]:
    """What the names in a definition stand for, but for its own locals and Python's builtins."""
    scope = dict(getattr(sys.modules.get(definition.__module__), "__dict__", {}))
    scope |= getattr(definition, "__globals__", {})
    code = getattr(definition, "__code__", None)
    for name, cell in (
        zip(
            getattr(code, "co_freevars", ()),
            definition.__closure__ or (),
            strict=False,  # type: ignore[attr-defined]
        )
        if code
        else ()
    ):
        try:
            scope[name] = cell.cell_contents
        except ValueError:
            raise NotSelfContainedError(f"{name} is not bound yet") from None
    scope = _annotated(tree, definition) | scope
    needed: dict[str, Any] = {}
    for name in _free_names(tree):
        if name in scope and scope[name] is not getattr(builtins, name, None):
            needed[name] = scope[name]
        elif not hasattr(builtins, name):
            raise NotSelfContainedError(f"{name} is a local of what encloses it")
    return needed


def _annotated(tree: Any, definition: Callable[..., Any]) -> dict[str, Any]:
    """Names that only annotations use, which a closure does not keep: ``a: wp.array(dtype=T)``."""
    found: dict[str, Any] = {}
    kinds = getattr(definition, "__annotations__", {})
    names: list[tuple[ast.AST, Any]] = []
    for argument in ast.walk(getattr(tree, "args", tree)):
        if not isinstance(argument, ast.arg) or argument.arg not in kinds:
            continue
        kind, written = kinds[argument.arg], argument.annotation
        if written is not None:
            names.append((written, kind))
        if isinstance(written, ast.Call) and hasattr(kind, "dtype"):
            inner = [k.value for k in written.keywords if k.arg == "dtype"] or written.args[:1]
            names += [(node, kind.dtype) for node in inner]
        elif isinstance(written, ast.Subscript) and hasattr(kind, "dtype"):
            names.append((written.slice, kind.dtype))
    for node, kind in names:
        if isinstance(node, ast.Name) and not hasattr(builtins, node.id):
            found[node.id] = kind
    return found


def _free_names(tree: Any) -> list[str]:
    """Names that a definition reads and does not itself assign, in the order it reads them."""
    outside: list[ast.AST] = list(tree.decorator_list)
    inside: list[ast.AST] = list(tree.body)
    local: set[str] = set()
    if isinstance(tree, ast.FunctionDef):
        every = [n for n in ast.walk(tree.args) if isinstance(n, ast.arg)]
        outside += [n.annotation for n in every if n.annotation]
        outside += [*tree.args.defaults, *filter(None, tree.args.kw_defaults)]
        outside += [tree.returns] if tree.returns else []
        local |= {n.arg for n in every}
    else:
        outside += tree.bases
    read = dict.fromkeys(_read_names(outside))
    read.update(dict.fromkeys(_read_inside(inside, local)))
    read.pop(tree.name, None)
    return list(read)


def _read_inside(nodes: Sequence[ast.AST], local: Iterable[str] = ()) -> list[str]:
    """Names that some code reads and does not itself bind, besides those in ``local``."""
    bound = set(local)
    for node in (n for part in nodes for n in ast.walk(part)):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            bound.add(node.id)
        elif isinstance(node, ast.arg):
            bound.add(node.arg)
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            bound.add(node.name)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            bound |= {(a.asname or a.name).split(".")[0] for a in node.names}
        elif isinstance(node, ast.ExceptHandler) and node.name:
            bound.add(node.name)
    return list(dict.fromkeys(n for n in _read_names(nodes) if n not in bound))


def _read_names(nodes: Iterable[ast.AST]) -> Iterable[str]:
    for node in nodes:
        for child in ast.walk(node):
            if isinstance(child, ast.Name) and isinstance(child.ctx, ast.Load):
                yield child.id
