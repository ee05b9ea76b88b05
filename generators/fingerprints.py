"""Fingerprints of kernels: hashes of source text with all that is only manner taken out."""

from __future__ import annotations

import ast
from functools import cache
from hashlib import blake2b
from typing import Any

from generators.texts import parse


def _docstring(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


_DEFINED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_NUMBERS = (int, float, complex)
_LEFT_OUT = frozenset(("ctx", "type_comment", "type_ignores", "type_params"))


@cache
def _fields(kind: type[ast.AST]) -> tuple[str, ...]:
    return tuple(field for field in kind._fields if field not in _LEFT_OUT)


class _Walk:
    """A tree as tokens, its own names numbered in order of appearance."""

    __slots__ = ("named", "numeric", "own", "tokens")

    def __init__(self, tree: ast.AST):
        self.tokens: list[str] = []
        self.numeric: list[int] = []  # where the tokens of numbers stand
        self.named: list[int] = []  # where those of names stand
        self.own: set[str] = set()
        self.visit(tree)
        numbers: dict[str, str] = {}
        for place in self.named:  # which names are its own is known only now
            name = self.tokens[place]
            if name in self.own:
                self.tokens[place] = numbers.setdefault(name, f"%{len(numbers)}")

    def name(self, name: str) -> None:
        """Add the token of a name."""
        self.named.append(len(self.tokens))
        self.tokens.append(name)

    def visit(self, node: Any) -> None:
        """Add the tokens of a node, fields in their fixed order."""
        kind, tokens = type(node), self.tokens
        if kind is ast.Name:
            if type(node.ctx) is ast.Store:
                self.own.add(node.id)
            self.named.append(len(tokens))
            tokens.append(node.id)
            return
        if kind is ast.Constant:
            if type(node.value) in _NUMBERS:
                self.numeric.append(len(tokens))
            tokens.append(repr(node.value))
            return
        if kind is ast.arg:
            self.own.add(node.arg)
        elif kind in _DEFINED:
            self.own.add(node.name)
        tokens.append(kind.__name__)
        for field in _fields(kind):
            value = getattr(node, field, None)
            if type(value) is list:
                tokens.append("[")
                for item in value:
                    if not isinstance(item, ast.AST):
                        self.name(str(item))
                    elif type(item) is not ast.Expr or not _docstring(item):
                        self.visit(item)
                tokens.append("]")
            elif isinstance(value, ast.AST):
                self.visit(value)
            elif field in ("name", "arg") and isinstance(value, str):
                self.name(value)
            else:
                tokens.append(repr(value))


def _hash(tokens: list[str]) -> str:
    return blake2b(" ".join(tokens).encode(), digest_size=16).hexdigest()


def fingerprints(python: str) -> tuple[str, str]:
    """Return the fingerprint and the structure of a source text, 32 hexadecimal digits each.

    The fingerprint ignores names that the text defines, docstrings, comments and layout; the
    structure ignores numeric constants too. Raises SyntaxError if it is no Python.
    """
    walk = _Walk(parse(python))
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
