"""Reading Python texts, from any thread.

In CPython 3.11 two threads that parse at once can end in "AST constructor recursion depth mismatch"
(python/cpython issue 106905): the depth is counted for all of them together.
"""

from __future__ import annotations

import ast
import os
import threading

_lock = threading.Lock()


def _renew() -> None:
    """Make the lock anew: a fork may have copied it while another thread held it."""
    global _lock
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew)


def parse(text: str, mode: str = "exec") -> ast.AST:
    """Return the tree of a Python text, one at a time; raises SyntaxError if it is none."""
    with _lock:
        return ast.parse(text, mode=mode)
