"""Kernels that a user wrote: the same extraction for a file, or for a kernel in this process."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .outcomes import DEVICES, LANGUAGES, MODES, Rejected, UserKernel
from .toolchain import check_toolchain
from .user_imports import (
    How,
    find_functions,
    find_kernels,
    jax_row,
    warp_row,
    written_kernels,
)
from .workers import Died, Extractor

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


class NeedsInputsError(ValueError):
    """The function that was asked for is no Warp kernel, and JAX needs its argument types."""


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
    cannot be compiled comes back with a Rejected outcome, and so does what takes more than
    ``deadline_s`` seconds: running the file, or one kernel. ValueError for arguments that make no
    sense, a name that the file has not, and for a missing or unsupported compiler.
    """
    if not deadline_s > 0:
        raise ValueError(f"deadline_s={deadline_s} must be more than 0")
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
    how = How(language, device, mode, preamble, types)
    if not isinstance(target, (str, os.PathLike)):
        return _extract_object(target, how, function)
    if language != "warp" and not function:
        raise ValueError('name the JAX function to extract: function="f"')
    path = Path(target).resolve()
    if path.is_dir():
        raise ValueError(f"{target} is a folder: name one Python file")
    if not path.is_file():
        raise ValueError(f"no such file: {target}")
    with Extractor(language, deadline_s=deadline_s) as extractor:
        return _extract_file(extractor, str(path), function, how)


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
    extractor: Extractor, path: str, function: str | None, how: How
) -> list[UserKernel]:
    """Rows of a file, each compiled under its own deadline in the worker."""
    find = find_kernels if how.language == "warp" else find_functions
    found = _found(extractor, find, path)
    if isinstance(found, Rejected):
        return _all_rejected(path, found, how, function)
    if how.language != "warp":
        name = str(function)
        if name not in found:
            raise ValueError(_unknown("function", name, path, found))
        return [_asked(extractor, jax_row, (path, name, how), how, name)]
    if function is not None:
        chosen = [item for item in found if item.name == function]
        if not chosen:
            others = _found(extractor, find_functions, path)
            others = [] if isinstance(others, Rejected) else others
            if function in others:
                what = f"{function} in {Path(path).name} is no Warp kernel"
                raise NeedsInputsError(f'{what}: for JAX, add inputs="f32[8,16],i32[]"')
            known = [*(item.name for item in found), *others]
            raise ValueError(_unknown("kernel or function", function, path, known))
        found = chosen
    rows = []
    for item in found:
        if item.outcome is not None:
            rows.append(how.rejected(item.name, item.outcome, item.line, item.python))
            continue
        arguments = (path, item.place, how)
        rows.append(_asked(extractor, warp_row, arguments, how, item.name))
    return rows


def _found(extractor: Extractor, find: Callable[..., Any], path: str) -> Any:
    """What ``find`` sees in the file once that is run, or why it cannot be run."""
    found = extractor.call(find, (path,), extractor.deadline_s)
    if not isinstance(found, Died):
        return found
    limit = f"no end within {extractor.deadline_s:g} s"
    return Rejected("import", limit if found.hung else found.reason)


def _unknown(what: str, name: str, path: str, known: list[str]) -> str:
    has = ", ".join(dict.fromkeys(known)) or "no other"
    return f"no {what} named {name!r} in {Path(path).name}: it has {has}"


def _all_rejected(path: str, why: Rejected, how: How, function: str | None) -> list[UserKernel]:
    """One rejection for each kernel that stands in a file which could not be run."""
    if how.language != "warp":
        return [how.rejected(str(function), why)]
    written = [one for one in written_kernels(path) if function in (None, one.name)]
    if not written:
        return [how.rejected(Path(path).stem, why)]
    return [how.rejected(one.name, why, one.line, one.python) for one in written]


def _asked(
    extractor: Extractor,
    ask: Callable[..., UserKernel],
    arguments: tuple[Any, ...],
    how: How,
    name: str,
) -> UserKernel:
    answer = extractor.call(ask, arguments, extractor.deadline_s)
    if isinstance(answer, Died):
        return how.rejected(name, Rejected("worker", answer.reason))
    return answer


def _extract_object(target: Any, how: How, name: str | None) -> list[UserKernel]:
    if how.language == "warp":
        from .user_warp import rows_of_kernel
        from .warp_objects import is_kernel

        if not is_kernel(target):
            raise ValueError("not a Warp kernel; for a JAX function give inputs as well")
        return rows_of_kernel(target, how.device, how.mode, how.preamble)
    from .user_jax import row_of_function

    if not callable(target):
        raise ValueError(f"not a function: {target!r}")
    options = (how.inputs, how.language, how.device, how.mode)
    return [row_of_function(target, *options, name=name)]
