"""Which texts do nothing but define a kernel: those may share a process with others."""

from __future__ import annotations

import ast
import re

LIBRARIES = ("wp", "jax", "jnp")
BUILTINS = re.compile(
    r"abs|bool|dict|divmod|enumerate|float|int|isinstance|len|list|max|min|pow|range"
    r"|reversed|round|sorted|str|sum|tuple|zip"
)
# Below these, attributes are functions of numbers; elsewhere in the libraries are files, callbacks,
# settings and other modules.
MODULES = re.compile(
    r"wp|jnp(\.linalg|\.fft)?|jax(\.lax(\.linalg|\.Precision|\.FftType|\.RoundingMethod)?|\.nn"
    r"|\.random|\.ops|\.tree|\.image|\.checkpoint_policies|\.scipy(\.(stats(\.\w+)?|linalg|special"
    r"|signal|fft|ndimage|integrate|sparse(\.linalg)?))?)?"
)
METHODS = ("at", "reduce", "accumulate", "outer", "reduceat")  # of jnp.add and its like
BEYOND = re.compile(
    r"config|load|save|savez|loads|dumps|fromfile|frombuffer|tofile|debug|pure_callback"
    r"|io_callback|experimental|distributed|profiler|monitoring|export|dlpack|printf|print"
    r"|native|func_native|func_replay|launch|load_module|get_module|Module|Function|build"
    r"|codegen|context|utils|types|fem|sim|render|optim|autograd"
)
_DOTTED = re.compile(r"\w+(\.\w+)*")
_STATEMENTS = ast.FunctionDef | ast.ClassDef | ast.Assign | ast.AnnAssign | ast.Expr
_NEVER = (
    *(ast.Import, ast.ImportFrom, ast.Global, ast.Nonlocal, ast.Delete, ast.Try, ast.With),
    *(ast.Raise, ast.AsyncFunctionDef, ast.Await, ast.Yield, ast.YieldFrom),
)


def is_plain(python: str) -> bool:
    """Whether a text only defines things, and names nothing but numbers' functions in them.

    It is no proof of harmlessness: what is plain may still loop, crash or use up memory.
    """
    try:
        tree = ast.parse(python)
        nodes = list(ast.walk(tree))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    if not all(isinstance(node, _STATEMENTS) for node in tree.body):
        return False
    names = [node for node in nodes if isinstance(node, ast.Name)]
    own = {node.id for node in names if not isinstance(node.ctx, ast.Load)}
    own |= {node.arg for node in nodes if isinstance(node, ast.arg)}
    own |= {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    if own & {*LIBRARIES} or not all(_is_known(node.id, own) for node in names):
        return False
    reached = {id(node.value) for node in nodes if isinstance(node, ast.Attribute)}
    if any(node.id in LIBRARIES and id(node) not in reached for node in names):
        return False  # a library handed on, under whatever name
    return not any(isinstance(node, _NEVER) or _reaches_out(node) for node in nodes)


def _is_known(name: str, own: set[str]) -> bool:
    if "__" in name:
        return False
    return name in own or name in LIBRARIES or BUILTINS.fullmatch(name) is not None


def _reaches_out(node: ast.AST) -> bool:
    if not isinstance(node, ast.Attribute):
        return False
    if node.attr.startswith("_"):
        return True
    place = ast.unparse(node.value)
    if _DOTTED.fullmatch(place) is None or place.partition(".")[0] not in LIBRARIES:
        return False  # of a value, not of a library
    known = MODULES.fullmatch(place) or (node.attr in METHODS and place.startswith("jnp."))
    return not known or bool(BEYOND.fullmatch(node.attr)) or not isinstance(node.ctx, ast.Load)
