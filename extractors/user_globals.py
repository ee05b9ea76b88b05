"""Where a user's file gives a name its value: the statement that does so, read from the source."""

from __future__ import annotations

import ast
import inspect
import sys
import types
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

# What these hold depends on the machine or the moment, so a text that asks them says too little.
STATEFUL = frozenset(
    {"datetime", "os", "pathlib", "pickle", "random", "secrets", "shutil", "socket"}
    | {"subprocess", "tempfile", "time", "urllib", "uuid"}
)
_READS = frozenset({"__import__", "eval", "exec", "input", "open"})
_ARRAYS_READ = frozenset({"fromfile", "genfromtxt", "load", "loadtxt", "memmap"})


@dataclass(frozen=True)
class Written:
    """A statement at the top of a file that gives ``name`` its value there."""

    node: ast.Assign | ast.AnnAssign | ast.ImportFrom
    name: str
    home: types.ModuleType
    source: str

    @property
    def binds(self) -> set[str]:
        """Every name that the statement binds."""
        return _bound_by(self.node)


def written(name: str, value: Any, home: types.ModuleType) -> Written | None:
    """The one assignment or import behind ``name``; None for definitions and whatever is unsure.

    Imports from the user's other files are followed to the statement there.
    """
    for _ in range(10):
        if vars(home).get(name, home) is not value:
            return None
        try:
            text = inspect.getsource(home)
            binders = [node for node in _parsed(text).body if name in _bound_by(node)]
        except (OSError, TypeError, SyntaxError, ValueError):
            return None
        if len(binders) != 1:
            return None
        node = binders[0]
        if isinstance(node, ast.ImportFrom):
            origin = _origin(node, home)
            original = next(a.name for a in node.names if (a.asname or a.name) == name)
            if origin is not None and not _is_library(origin):
                name, home = original, origin
                continue
        elif not isinstance(node, (ast.Assign, ast.AnnAssign)) or node.value is None:
            return None
        return Written(node, name, home, ast.get_source_segment(text, node) or "")
    return None


def stateful(tree: ast.AST, scope: dict[str, Any]) -> str | None:
    """What in some code depends on files, on the machine or on chance; None when nothing does."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id in _READS:
            return node.id
        if not isinstance(node, ast.Attribute) or not isinstance(node.value, ast.Name):
            continue
        base = scope.get(node.value.id)
        library = base.__name__ if isinstance(base, types.ModuleType) else ""
        if library in ("numpy", "jax.numpy") and node.attr in _ARRAYS_READ:
            return f"{library}.{node.attr}"
        if library == "numpy" and node.attr == "random":
            return "numpy.random"
    return None


def name_in(home: types.ModuleType | None, value: Any) -> str | None:
    """The name by which a module knows ``value``."""
    names = [n for n, known in vars(home).items() if known is value] if home else []
    return names[0] if names else None


@lru_cache(maxsize=8)
def _parsed(text: str) -> ast.Module:
    return ast.parse(text)


def _origin(node: ast.ImportFrom, home: types.ModuleType) -> types.ModuleType | None:
    full = node.module or ""
    if node.level:
        parts = (getattr(home, "__package__", "") or "").split(".")
        parts = parts[: len(parts) - node.level + 1]
        full = ".".join([*parts, *filter(None, [node.module])])
    return sys.modules.get(full)


def _is_library(module: types.ModuleType) -> bool:
    from .bundles import IMPORTABLE

    return module.__name__.split(".")[0] in IMPORTABLE


def _bound_by(statement: ast.AST) -> set[str]:
    """Names that a statement at the top of a file binds, and those that it may bind."""
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return {statement.name}
    names: set[str] = set()
    for node in ast.walk(statement):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            names.add(node.id)
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            names.add(node.name)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            names |= {a.asname or a.name.split(".")[0] for a in node.names}
    return names
