"""The row of a JAX function that a user wrote."""

from __future__ import annotations

import inspect
import sys
import textwrap
from collections.abc import Callable
from types import ModuleType
from typing import Any

from .bundles import Bundle, NotSelfContainedError
from .jax_compiler import load_jax
from .jax_hlo import WIDE, extract_jax, function_texts
from .outcomes import Extracted, Job, Rejected, UserKernel
from .user_globals import name_in, written

Inputs = tuple[tuple[str, tuple[int, ...]], ...]


def row_of_function(
    function: Callable[..., Any],
    inputs: Inputs,
    language: str,
    device: str,
    mode: str,
    *,
    name: str | None = None,
    home: ModuleType | None = None,
) -> UserKernel:
    """Compile a function, jitted or not, for arguments of the given (dtype, shape).

    ``name`` is what it is called in the module ``home``; without it, its own name.
    """
    plain = inspect.unwrap(function)
    home = home or sys.modules.get(getattr(plain, "__module__", None) or "")
    if name is None:
        own: str = getattr(plain, "__name__", type(plain).__name__)
        name = own if own.isidentifier() else name_in(home, function) or "function"
    jax = load_jax()
    with jax.enable_x64(any(dtype in WIDE for dtype, _ in inputs)):
        live = function_texts(function, name, inputs, language, mode, device)
    python, self_contained = _source(plain), False
    if not python and home is not None:
        found = written(name, function, home)
        python = found.source + "\n" if found else ""
    try:
        bundled = Bundle("jax")
        bundled.add(name, function, home)
        text = bundled.text()
        # A jitted function need not say so where it is defined: g = jax.jit(f).
        for whole in (text, f"{text}\n\n{name} = jax.jit({name})\n"):
            if extract_jax(Job(language, whole, name, inputs, device, mode)) == live:
                python, self_contained = whole, isinstance(live, Extracted)
                break
    except NotSelfContainedError:
        pass  # the source as found will do
    if not python and isinstance(live, Extracted):
        reason = f"{name} is a {type(function).__name__} without Python source"
        live = Rejected("import", f"{reason}: write it as a function, with def")
    return UserKernel(
        name=name,
        language=language,
        python=python,
        arguments=_arguments(plain, inputs),
        outcome=live,
        self_contained=self_contained,
        line=getattr(getattr(plain, "__code__", None), "co_firstlineno", 0),
    )


def _arguments(function: Callable[..., Any], inputs: Inputs) -> tuple[tuple[str, str], ...]:
    try:
        names = list(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        names = []
    names += [f"arg{i}" for i in range(len(names), len(inputs))]
    return tuple(
        (name, f"{dtype}[{','.join(map(str, shape))}]")
        for name, (dtype, shape) in zip(names, inputs, strict=False)
    )


def _source(function: Callable[..., Any]) -> str:
    try:
        return textwrap.dedent(inspect.getsource(function))
    except (OSError, TypeError):
        return ""
