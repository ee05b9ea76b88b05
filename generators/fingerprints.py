"""Fingerprints of kernels: hashes of source text with all that is only manner taken out."""

from __future__ import annotations

import ast
from hashlib import blake2b

from generators.texts import parse


def _docstring(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


_DEFINED = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
_LEFT_OUT = frozenset(("ctx", "type_comment", "type_ignores", "type_params"))


class _Walk:
    """Writes a tree as tokens, its own names numbered in order of appearance."""

    def __init__(self, tree: ast.AST):
        self.tokens: list[str] = []
        self.numeric: list[int] = []  # where the tokens of numbers stand
        self.numbers: dict[str, str] = {}
        self.own: set[str] = set()
        for node in ast.walk(tree):
            if isinstance(node, ast.Name):
                if isinstance(node.ctx, ast.Store):
                    self.own.add(node.id)
            elif isinstance(node, ast.arg):
                self.own.add(node.arg)
            elif isinstance(node, _DEFINED):
                self.own.add(node.name)

    def name(self, name: str) -> str:
        """Return the number of a name that the text defines, any other name as it is."""
        if name not in self.own:
            return name
        return self.numbers.setdefault(name, f"%{len(self.numbers)}")

    def visit(self, node: ast.AST) -> None:
        """Add the tokens of a node, fields in their fixed order."""
        if isinstance(node, ast.Constant):
            value = node.value
            if isinstance(value, int | float | complex) and not isinstance(value, bool):
                self.numeric.append(len(self.tokens))
            self.tokens.append(repr(value))
            return
        if isinstance(node, ast.Name):
            self.tokens.append(self.name(node.id))
            return
        self.tokens.append(type(node).__name__)
        for field in node._fields:
            value = getattr(node, field, None)
            if field in _LEFT_OUT:
                continue
            if isinstance(value, ast.AST):
                self.visit(value)
            elif isinstance(value, list):
                self.tokens.append("[")
                for item in value:
                    if isinstance(item, ast.AST):
                        if not _docstring(item):
                            self.visit(item)
                    else:
                        self.tokens.append(self.name(str(item)))
                self.tokens.append("]")
            elif field in ("name", "arg") and isinstance(value, str):
                self.tokens.append(self.name(value))
            else:
                self.tokens.append(repr(value))


def _hash(tokens: list[str]) -> str:
    return blake2b(" ".join(tokens).encode(), digest_size=16).hexdigest()


def fingerprints(python: str) -> tuple[str, str]:
    """Return the fingerprint and the structure of a source text, 32 hexadecimal digits each.

    The fingerprint ignores names that the text defines, docstrings, comments and layout; the
    structure ignores numeric constants too. Raises SyntaxError if it is no Python.
    """
    tree = parse(python)
    walk = _Walk(tree)
    walk.visit(tree)
    whole = _hash(walk.tokens)
    for place in walk.numeric:
        walk.tokens[place] = "#"
    return whole, _hash(walk.tokens)


def fingerprint(python: str) -> str:
    """Return the hash of a text with its names and formatting normalised."""
    return fingerprints(python)[0]


def structure(python: str) -> str:
    """Return the hash of a text with its names, formatting and numeric constants normalised."""
    return fingerprints(python)[1]
