"""Rows of the Warp kernels that a user declared."""

from __future__ import annotations

import inspect
import re
import textwrap
from typing import Any

from .bundles import Bundle, NotSelfContainedError
from .outcomes import Extracted, Job, Outcome, Rejected, UserKernel, refused
from .warp_codegen import extract_warp, live_texts
from .warp_objects import (
    arguments_of,
    kernels_of_file,
    line_of,
    module_options,
    overloads_of,
    signature,
    spell_constant,
    spell_type,
)

_TOKEN = re.compile(r"[A-Za-z_]\w*|\S")
_NUMBER = re.compile(r"_\d+$")


def kernels_in_order(path: str) -> list[Any]:
    """The kernels of an imported file by line; those of one line by what they close over."""

    def order(kernel: Any) -> tuple[int, str, str, str]:
        try:
            closed = bundle(kernel) if "<locals>" in kernel.func.__qualname__ else ""
        except NotSelfContainedError:
            closed = ""
        return line_of(kernel), kernel.key, signature(kernel), closed

    return sorted(kernels_of_file(path), key=order)


def rows_of_kernel(
    kernel: Any, device: str, mode: str, preamble: bool, only: int | None = None
) -> list[UserKernel]:
    """One row for a declared kernel; for a generic one, a row for each of its overloads."""
    variants = overloads_of(kernel)
    chosen = variants if only is None else variants[only : only + 1]
    if not chosen:
        reason = f"generic: name its types in the file with wp.overload({kernel.key}, [...])"
        return [_row(kernel, Rejected("codegen", reason), source_of(kernel))]
    return [_row_of(variant, device, mode, preamble) for variant in chosen]


def _row_of(kernel: Any, device: str, mode: str, preamble: bool) -> UserKernel:
    source = source_of(kernel)
    try:
        live = live_texts(kernel, device, mode, preamble)
    except Exception as error:  # noqa: BLE001  Warp raises any type for what it refuses
        return _row(kernel, refused("codegen", error), source)
    try:
        bundled = bundle(kernel)
    except NotSelfContainedError:
        return _row(kernel, Extracted(live), source)
    name = kernel.func.__name__
    outcome = extract_warp(Job("warp", bundled, name, (), device, mode, preamble))
    same = isinstance(outcome, Extracted) and all(
        _same_code(live[column], text, kernel.key, name) for column, text in outcome.texts.items()
    )
    if not same:
        return _row(kernel, Extracted(live), source)
    return _row(kernel, outcome, bundled, self_contained=True)


def _row(kernel: Any, outcome: Outcome, python: str, self_contained: bool = False) -> UserKernel:
    return UserKernel(
        name=kernel.func.__name__,
        language="warp",
        python=python,
        arguments=arguments_of(kernel),
        outcome=outcome,
        self_contained=self_contained,
        line=line_of(kernel),
    )


def bundle(kernel: Any) -> str:
    """The kernel's self-contained text; NotSelfContainedError when it has none."""
    bundled = Bundle("warp")
    name = kernel.func.__name__
    base = kernel.generic_parent or kernel
    options = module_options(kernel)
    if options and 'module="unique"' not in source_of(kernel).replace("'", '"'):
        parts = [f"{key!r}: {spell_constant(value)}" for key, value in options.items()]
        bundled.append(f"wp.set_module_options({{{', '.join(parts)}}})")
    bundled.add(name, base)
    if kernel.generic_parent is not None:
        kinds = [spell_type(kind) for kind in kernel.adj.arg_types.values()]
        if None in kinds:
            raise NotSelfContainedError("an overload's types have no spelling")
        bundled.append(f"\nwp.overload({name}, [{', '.join(map(str, kinds))}])")
    return bundled.text()


def source_of(kernel: Any) -> str:
    """The kernel's own source as found, outdented; empty when there is none to be found."""
    try:
        return textwrap.dedent(inspect.getsource(inspect.unwrap(kernel.func)))
    except (OSError, TypeError):
        return ""


def _same_code(live: str, bundled: str, key: str, name: str) -> bool:
    """Whether two texts differ only in comments and in how the user's functions are numbered."""
    first = _TOKEN.findall(_without_comments(live))
    second = _TOKEN.findall(_without_comments(bundled))
    if len(first) != len(second):
        return False
    there: dict[str, str] = {}
    back: dict[str, str] = {}
    for a, b in zip(first, second, strict=True):
        if there.setdefault(a, b) != b or back.setdefault(b, a) != a:
            return False
        if a != b and _stem(a.replace(key, name)) != _stem(b):
            return False
    return True


def _without_comments(text: str) -> str:
    return re.sub(r"//[^\n]*", "", text)


def _stem(name: str) -> str:
    """A name without where it was declared (``outer__locals__``) and without its number."""
    return _NUMBER.sub("", re.sub(r"^(adj_|wp_args_)?\w*__locals__", r"\1", name))
