"""Running a user's file and finding the kernels in it: what the worker does for ``extract``."""

from __future__ import annotations

import ast
import contextlib
import importlib
import importlib.util
import inspect
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from .outcomes import Outcome, Rejected, UserKernel, refused


@dataclass(frozen=True)
class How:
    """How to extract: ``inputs`` is (dtype, shape) for each argument of a JAX function."""

    language: str
    device: str
    mode: str
    preamble: bool
    inputs: tuple[tuple[str, tuple[int, ...]], ...]

    def rejected(self, name: str, outcome: Outcome, line: int = 0, python: str = "") -> UserKernel:
        """A row without texts."""
        return UserKernel(name, self.language, python, (), outcome, line=line)


@dataclass(frozen=True)
class Found:
    """A kernel seen in a file: its place among the kernels there, or why it gives no row."""

    name: str
    line: int
    place: tuple[int, int] = (0, 0)
    python: str = ""
    outcome: Rejected | None = None


def written_kernels(path: str) -> list[Found]:
    """Every ``@wp.kernel`` that stands in a file, read without running it."""
    text = Path(path).read_text(encoding="utf-8", errors="replace")
    found: list[Found] = []

    def visit(node: ast.AST, inside: str) -> None:
        for child in ast.iter_child_nodes(node):
            scope = inside
            if isinstance(child, ast.FunctionDef):
                scope = child.name
                if any(map(_is_kernel, child.decorator_list)):
                    line = min(d.lineno for d in child.decorator_list)
                    source = textwrap.dedent("\n".join(lines[line - 1 : child.end_lineno])) + "\n"
                    where = f"inside {inside}, which" if inside else "where"
                    why = Rejected("import", f"declared {where} running the file does not reach")
                    found.append(Found(child.name, line, (0, 0), source, why))
            visit(child, scope)

    lines = text.splitlines()
    with contextlib.suppress(SyntaxError, ValueError):
        visit(ast.parse(text), "")
    return found


def _is_kernel(decorator: ast.AST) -> bool:
    target = decorator.func if isinstance(decorator, ast.Call) else decorator
    name = target.attr if isinstance(target, ast.Attribute) else getattr(target, "id", "")
    return name == "kernel"


_modules: dict[str, ModuleType] = {}
_declared: dict[str, list[Any]] = {}


def find_kernels(path: str) -> list[Found] | Rejected:
    """The kernels of a file, which is run for it."""
    from . import warp_objects

    try:
        kernels = _kernels(path)
    except (Exception, SystemExit, KeyboardInterrupt) as error:  # noqa: BLE001  a user's file
        return refused("import", error)
    found = []
    lines = set()
    for i, kernel in enumerate(kernels):
        line = warp_objects.line_of(kernel)
        lines.add(line)
        name = kernel.func.__name__
        variants = warp_objects.overloads_of(kernel)
        found += [Found(name, line, (i, j)) for j in range(len(variants))]
        if not variants:
            found.append(Found(name, line, (i, 0)))
    found += [one for one in written_kernels(path) if one.line not in lines]
    return sorted(found, key=lambda item: (item.line, item.place))


def warp_row(path: str, place: tuple[int, int], how: How) -> UserKernel:
    """The row of the kernel at ``place``: its number in the file and that of the overload."""
    from .user_warp import rows_of_kernel

    kernel = _kernels(path)[place[0]]
    return rows_of_kernel(kernel, how.device, how.mode, how.preamble, only=place[1])[0]


def _kernels(path: str) -> list[Any]:
    """The file's kernels in order; once a process, or a restarted worker runs the file again."""
    from .user_warp import kernels_in_order

    if path not in _declared:
        import_file(path)
        _declared[path] = kernels_in_order(path)
    return _declared[path]


def find_functions(path: str) -> list[str] | Rejected:
    """Names of the functions in a file, which is run for it, that JAX could be asked for."""
    try:
        module = import_file(path)
    except (Exception, SystemExit, KeyboardInterrupt) as error:  # noqa: BLE001  a user's file
        return refused("import", error)
    tree = ast.parse(Path(path).read_text(encoding="utf-8", errors="replace"))
    found: list[str] = []
    for node in tree.body:
        if isinstance(node, (ast.Import, ast.ImportFrom, ast.ClassDef)):
            continue
        own = getattr(node, "name", None)
        stored = [n for n in ast.walk(node) if isinstance(n, ast.Name)]
        names = [own] if own else [n.id for n in stored if isinstance(n.ctx, ast.Store)]
        found += [name for name in names if _is_function(getattr(module, str(name), None))]
    return list(dict.fromkeys(found))


def _is_function(value: Any) -> bool:
    of_warp = type(value).__module__.split(".")[0] == "warp"
    return callable(value) and not isinstance(value, type) and not of_warp


def jax_row(path: str, name: str, how: How) -> UserKernel:
    """The row of the function that the file calls ``name``."""
    from .user_jax import row_of_function

    try:
        module = import_file(path)
        function = getattr(module, name)
    except (Exception, SystemExit, KeyboardInterrupt) as error:  # noqa: BLE001  a user's file
        return how.rejected(name, refused("import", error))
    options = (how.inputs, how.language, how.device, how.mode)
    return row_of_function(function, *options, name=name, home=module)


def import_file(path: str) -> ModuleType:
    """Run a file as a module, once a process: by its dotted name when it is in a package."""
    if path in _modules:
        return _modules[path]
    file = Path(path)
    root = file.parent
    while (root / "__init__.py").exists() and root != root.parent:
        root = root.parent
    sys.argv = [path]
    if str(root) not in sys.path:
        sys.path.insert(0, str(root))
    if root != file.parent:
        parts = file.relative_to(root).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        module = importlib.import_module(name)
        if Path(inspect.getfile(module)).resolve() != file:
            raise ImportError(f"{name} is another module that is installed here")
    else:
        # Its own name could be that of a library; neighbours find it under that name still.
        spec = importlib.util.spec_from_file_location(f"user_file_{file.stem}", path)
        if spec is None or spec.loader is None:
            raise ImportError(f"{file.name} is not a Python file")
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
    _modules[path] = module
    return module
