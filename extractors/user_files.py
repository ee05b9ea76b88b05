"""Kernels that a user wrote: the same extraction for a file, or for a kernel in this process."""

from __future__ import annotations

import ast
import contextlib
import importlib
import importlib.util
import inspect
import os
import re
import sys
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from .outcomes import (
    COLUMNS,
    DEVICES,
    LANGUAGES,
    MODES,
    Extracted,
    Outcome,
    Rejected,
    one_line,
)
from .toolchain import check_toolchain
from .workers import Died, Extractor

IMPORT_S = 300.0  # a user's file may compute at import
SHORT = {
    "pred": "bool",
    **{f"s{n}": f"int{n}" for n in (8, 16, 32, 64)},
    **{f"i{n}": f"int{n}" for n in (8, 16, 32, 64)},
    **{f"u{n}": f"uint{n}" for n in (8, 16, 32, 64)},
    **{f"f{n}": f"float{n}" for n in (16, 32, 64)},
    "bf16": "bfloat16",
    "c64": "complex64",
    "c128": "complex128",
}
_INPUT = re.compile(r"\s*(\w+)\s*\[([\d\s,]*)\]\s*(?:,|$)")


@dataclass(frozen=True)
class UserKernel:
    """A kernel of a user's with what became of it.

    ``python`` compiles to the same by itself when ``self_contained``, else it is the source as
    found. ``arguments`` are (name, type) in call order; ``line`` is where it begins in its file.
    """

    name: str
    language: str
    python: str
    arguments: tuple[tuple[str, str], ...]
    outcome: Outcome
    self_contained: bool = False
    line: int = 0

    @property
    def texts(self) -> dict[str, str]:
        """Compiled texts by column; empty strings when the kernel was rejected."""
        if isinstance(self.outcome, Extracted):
            return self.outcome.texts
        return dict.fromkeys(COLUMNS[self.language], "")


def extract(
    target: str | os.PathLike[str] | Callable[..., Any],
    *,
    function: str | None = None,
    inputs: str | None = None,
    language: str | None = None,
    device: str = "both",
    mode: str = "both",
    preamble: bool = False,
    deadline_s: float = 60,
) -> list[UserKernel]:
    """Extract every ``@wp.kernel`` of a Python file, or one JAX function of it.

    A JAX function is named by ``function`` with argument types as in ``"f32[8,16],i32[]"``;
    ``function`` alone picks one Warp kernel. The file is run in a worker process. Instead of a
    file, a Warp kernel or a JAX function can be given, which is compiled in this process. What
    cannot be compiled comes back with a Rejected outcome; ValueError for arguments that make no
    sense and for a missing or unsupported compiler.
    """
    language = language or ("jax" if inputs is not None else "warp")
    for what, value, choices in (
        ("language", language, LANGUAGES),
        ("device", device, DEVICES),
        ("mode", mode, MODES),
    ):
        if value not in choices:
            raise ValueError(f"unknown {what} {value!r}: choose from {', '.join(choices)}")
    types = parse_inputs(inputs) if inputs is not None else ()
    if language != "warp" and inputs is None:
        raise ValueError('a JAX function needs its argument types: inputs="f32[8,16],i32[]"')
    if language == "warp" and inputs is not None:
        raise ValueError("inputs are for JAX functions: a Warp kernel declares its own types")
    check_toolchain(language)
    how = _How(language, device, mode, preamble, types)
    if not isinstance(target, (str, os.PathLike)):
        return _extract_object(target, how)
    if language != "warp" and not function:
        raise ValueError('name the JAX function to extract: function="f"')
    path = Path(target).resolve()
    if not path.is_file():
        raise ValueError(f"no such file: {target}")
    with Extractor(language, deadline_s=deadline_s) as extractor:
        return _extract_file(extractor, str(path), function, how)


@dataclass(frozen=True)
class _How:
    language: str
    device: str
    mode: str
    preamble: bool
    inputs: tuple[tuple[str, tuple[int, ...]], ...]

    def rejected(self, name: str, outcome: Outcome, line: int = 0, python: str = "") -> UserKernel:
        return UserKernel(name, self.language, python, (), outcome, line=line)


def parse_inputs(text: str) -> tuple[tuple[str, tuple[int, ...]], ...]:
    """(dtype, shape) for each argument of ``"f32[8,16],i32[]"``; ValueError says what is wrong."""
    inputs: list[tuple[str, tuple[int, ...]]] = []
    at = 0
    while at < len(text.rstrip()):
        found = _INPUT.match(text, at)
        if not found:
            raise ValueError(
                f'cannot read inputs at {text[at:]!r}: write them like "f32[8,16],i32[]"'
            )
        dtype = SHORT.get(found[1], found[1])
        if dtype not in SHORT.values():
            raise ValueError(f"unknown dtype {found[1]!r}: choose from {', '.join(SHORT)}")
        sizes = [part.strip() for part in found[2].split(",")] if found[2].strip() else []
        if not all(size.isdigit() for size in sizes):
            raise ValueError(f"cannot read the shape in {found[0].strip()!r}")
        inputs.append((dtype, tuple(int(size) for size in sizes)))
        at = found.end()
    return tuple(inputs)


def _extract_file(
    extractor: Extractor, path: str, function: str | None, how: _How
) -> list[UserKernel]:
    """Rows of a file, each compiled under its own deadline in the worker."""
    if how.language != "warp":
        name = str(function)
        return [_asked(extractor, _jax_row, (path, name, how), how, name, IMPORT_S)]
    found = extractor.call(_find_kernels, (path,), IMPORT_S)
    if isinstance(found, Died):
        found = Rejected("import", found.reason)
    if isinstance(found, Rejected):
        return _all_rejected(path, found, how)
    if function is not None:
        found = [item for item in found if item.name == function]
        if not found:
            raise ValueError(f"no kernel named {function!r} in {Path(path).name}")
    rows = []
    for item in found:
        if item.outcome is not None:
            rows.append(how.rejected(item.name, item.outcome, item.line, item.python))
            continue
        arguments = (path, item.place, how)
        row = _asked(extractor, _warp_row, arguments, how, item.name, extractor.deadline_s)
        rows.append(row)
    return rows


def _all_rejected(path: str, why: Rejected, how: _How) -> list[UserKernel]:
    """One rejection for each kernel that stands in a file which could not be run."""
    written = written_kernels(path)
    if not written:
        return [how.rejected(Path(path).stem, why)]
    return [how.rejected(one.name, why, one.line, one.python) for one in written]


def _asked(
    extractor: Extractor,
    ask: Callable[..., UserKernel],
    arguments: tuple[Any, ...],
    how: _How,
    name: str,
    limit_s: float,
) -> UserKernel:
    answer = extractor.call(ask, arguments, limit_s)
    if isinstance(answer, Died):
        return how.rejected(name, Rejected("worker", answer.reason))
    return answer


def _extract_object(target: Any, how: _How) -> list[UserKernel]:
    if how.language == "warp":
        from .user_warp import rows_of_kernel
        from .warp_objects import is_kernel

        if not is_kernel(target):
            raise ValueError("not a Warp kernel; for a JAX function give inputs as well")
        return rows_of_kernel(target, how.device, how.mode, how.preamble)
    from .user_jax import row_of_function

    if not callable(target):
        raise ValueError(f"not a function: {target!r}")
    return [row_of_function(target, how.inputs, how.language, how.device, how.mode)]


# What follows runs in the worker.


@dataclass(frozen=True)
class _Found:
    """A kernel seen in a file: its place among the kernels there, or why it gives no row."""

    name: str
    line: int
    place: tuple[int, int] = (0, 0)
    python: str = ""
    outcome: Rejected | None = None


def written_kernels(path: str) -> list[_Found]:
    """Every ``@wp.kernel`` that stands in a file, read without running it."""
    text = Path(path).read_text(encoding="utf-8", errors="replace")
    found: list[_Found] = []

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
                    found.append(_Found(child.name, line, (0, 0), source, why))
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


def _find_kernels(path: str) -> list[_Found] | Rejected:
    """The kernels of a file, which is run for it."""
    from . import warp_objects

    try:
        kernels = _kernels(path)
    except (Exception, SystemExit, KeyboardInterrupt) as error:  # noqa: BLE001  a user's file
        return Rejected("import", one_line(error))
    found = []
    lines = set()
    for i, kernel in enumerate(kernels):
        line = warp_objects.line_of(kernel)
        lines.add(line)
        name = kernel.func.__name__
        variants = warp_objects.overloads_of(kernel)
        found += [_Found(name, line, (i, j)) for j in range(len(variants))]
        if not variants:
            found.append(_Found(name, line, (i, 0)))
    found += [one for one in written_kernels(path) if one.line not in lines]
    return sorted(found, key=lambda item: (item.line, item.place))


def _warp_row(path: str, place: tuple[int, int], how: _How) -> UserKernel:
    from .user_warp import rows_of_kernel

    kernel = _kernels(path)[place[0]]
    return rows_of_kernel(kernel, how.device, how.mode, how.preamble, only=place[1])[0]


def _kernels(path: str) -> list[Any]:
    """The file's kernels in order; once a process, or a restarted worker runs the file again."""
    from .user_warp import kernels_in_order

    if path not in _declared:
        _import_file(path)
        _declared[path] = kernels_in_order(path)
    return _declared[path]


def _jax_row(path: str, name: str, how: _How) -> UserKernel:
    from .user_jax import row_of_function

    try:
        function = getattr(_import_file(path), name)
    except (Exception, SystemExit, KeyboardInterrupt) as error:  # noqa: BLE001  a user's file
        return how.rejected(name, Rejected("import", one_line(error)))
    if not callable(function):
        return how.rejected(name, Rejected("import", f"{name} is not a function"))
    return row_of_function(function, how.inputs, how.language, how.device, how.mode)


def _import_file(path: str) -> ModuleType:
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
