"""What Warp knows of kernels that a user declared: where they are, their types, how to spell them.

Like ``warp_codegen`` this reads Warp's private objects, for the versions supported there.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .warp_codegen import MODULE_OPTIONS, load_warp


def kernels_of_file(path: str) -> list[Any]:
    """Every kernel that the imported file at ``path`` declared, in no particular order."""
    context = load_warp()._src.context
    found: dict[int, Any] = {}
    for module in list(context.user_modules.values()):
        for kernel in [*module.kernels.values(), *module._get_live_kernels()]:
            source = inspect.getsourcefile(inspect.unwrap(kernel.func))
            if source and Path(source).resolve() == Path(path) and not kernel.generic_parent:
                found[id(kernel)] = kernel
    return list(found.values())


def line_of(kernel: Any) -> int:
    """Line in its file, from 1, where a kernel's definition begins."""
    return inspect.unwrap(kernel.func).__code__.co_firstlineno


def signature(kernel: Any) -> str:
    """Argument types in one string: what tells kernels of one name apart."""
    return ", ".join(f"{name}: {kind}" for name, kind in arguments_of(kernel))


def arguments_of(kernel: Any) -> tuple[tuple[str, str], ...]:
    """(name, type) of each argument, as in ("x", "array(ndim=1, dtype=vec3)")."""
    return tuple((name, type_name(kind)) for name, kind in kernel.adj.arg_types.items())


def type_name(kind: Any) -> str:
    """A type's name without where it comes from: float32, vec3, a struct by its own name."""
    warp = load_warp()
    if isinstance(kind, warp._src.codegen.Struct):
        return kind.cls.__name__
    if kind in (int, float):
        return f"{kind.__name__}32"
    dtype = getattr(kind, "dtype", None)
    shown = str(warp._src.types.type_repr(kind))
    if dtype is not None and hasattr(kind, "ndim") and "(" in shown:
        return f"{shown.split('(')[0]}(ndim={kind.ndim}, dtype={type_name(dtype)})"
    for name in (shown, getattr(kind, "__name__", "")):
        if name.endswith("f") and getattr(warp, name[:-1], None) is kind:
            return name[:-1]  # vec3f is vec3
    return shown


def overloads_of(kernel: Any) -> list[Any]:
    """The kernel itself, or of a generic one each set of types that was registered for it."""
    return list(kernel.overloads.values()) if kernel.is_generic else [kernel]


def module_options(kernel: Any) -> dict[str, Any]:
    """Options that a kernel's file set for all its kernels, as ``wp.set_module_options`` takes."""
    usual = load_warp()._src.context.Module("usual", None).options | MODULE_OPTIONS
    usual["strip_hash"] = kernel.module.options["strip_hash"]  # shapes names only
    return {k: v for k, v in kernel.module.options.items() if v != usual.get(k, v)}


def is_kernel(value: object) -> bool:
    """Whether ``value`` is what ``@wp.kernel`` makes."""
    return isinstance(value, load_warp()._src.context.Kernel)


def definitions(value: Any) -> list[Callable[..., Any]] | None:
    """Python functions or classes behind a kernel, a user's ``@wp.func`` or a struct.

    A function comes with all its overloads, then its custom gradients and replays; None for
    anything else.
    """
    warp = load_warp()
    if isinstance(value, warp._src.codegen.Struct):
        return [value.cls]
    if is_kernel(value):
        return [inspect.unwrap(value.func)]
    if not isinstance(value, warp._src.context.Function) or value.is_builtin():
        return None
    overloads = [*value.user_overloads.values(), *value.user_templates.values()] or [value]
    written = [f for f in overloads if f.generic_parent is None]
    extras = [f.custom_grad_func for f in written] + [f.custom_replay_func for f in written]
    functions = {id(f.func): f.func for f in [*written, *filter(None, extras)]}
    ordered = sorted(functions.values(), key=lambda f: f.__code__.co_firstlineno)
    return [inspect.unwrap(f) for f in ordered]


def decorator_of(value: Any) -> str:
    """The decorator that declares a kernel, a ``@wp.func`` or a struct."""
    if is_kernel(value):
        return "@wp.kernel"
    is_struct = isinstance(value, load_warp()._src.codegen.Struct)
    return "@wp.struct" if is_struct else "@wp.func"


def builtin_name(value: Any) -> str | None:
    """The name under ``wp`` of one of Warp's own functions or decorators; None for the rest."""
    warp = load_warp()
    name = None
    if isinstance(value, warp._src.context.Function):
        name = value.key if value.is_builtin() else None
    elif inspect.isfunction(value) and value.__module__.split(".")[0] == "warp":
        name = value.__name__
    return name if name and getattr(warp, name, None) is value else None


def spell_type(kind: Any) -> str | None:
    """Python text for a type, with only ``wp`` at hand; a struct by its own name; or None."""
    warp = load_warp()
    if kind in (bool, int, float):
        return kind.__name__
    if isinstance(kind, warp._src.codegen.Struct):
        return kind.cls.__name__
    if warp._src.types.is_array(kind):
        family = getattr(kind, "_concrete_cls", type(kind)).__name__
        inner = spell_type(kind.dtype)
        return f"wp.{family}(dtype={inner}, ndim={kind.ndim})" if inner else None
    if not isinstance(kind, type):
        return None
    if getattr(warp, kind.__name__, None) is kind:
        return f"wp.{kind.__name__}"
    scalar = spell_type(getattr(kind, "_wp_scalar_type_", None))
    shape = getattr(kind, "_shape_", None)
    if not scalar or not shape:
        return None
    return {
        "vec_t": f"wp.types.vector(length={shape[0]}, dtype={scalar})",
        "mat_t": f"wp.types.matrix(shape={tuple(shape)}, dtype={scalar})",
        "quat_t": f"wp.types.quaternion(dtype={scalar})",
        "transform_t": f"wp.types.transformation(dtype={scalar})",
    }.get(getattr(kind, "_wp_generic_type_str_", ""))


def spell_constant(value: Any) -> str | None:
    """Python text for a plain value, a sequence of them, or a Warp scalar, vector or matrix."""
    if value is None or isinstance(value, (bool, str)):
        return repr(value)
    if isinstance(value, int):
        return int.__repr__(value)
    if isinstance(value, float):
        return repr(float(value)) if math.isfinite(value) else f'float("{float(value)}")'
    if isinstance(value, (tuple, list)) and type(value) in (tuple, list):
        parts = [spell_constant(item) for item in value]
        if None in parts:
            return None
        inner = ", ".join(str(part) for part in parts)
        if isinstance(value, list):
            return f"[{inner}]"
        return f"({inner},)" if len(parts) == 1 else f"({inner})"
    return _spell_instance(value)


def _spell_instance(value: Any) -> str | None:
    kind = spell_type(type(value))
    if kind is None or not kind.startswith("wp."):
        return None
    if hasattr(value, "value"):
        return f"{kind}({value.value!r})"
    shape = getattr(value, "_shape_", None)
    if not shape:
        return None
    pairs = [(i, j) for i in range(shape[0]) for j in range(shape[1])] if len(shape) == 2 else []
    flat = [value[pair] for pair in pairs] or list(value)
    parts = [spell_constant(getattr(item, "value", item)) for item in flat]
    return f"{kind}({', '.join(map(str, parts))})"


def argument_type(kernel: Any, name: str) -> Any:
    """The Warp type of the argument called ``name``; KeyError where there is none."""
    return kernel.adj.arg_types[name]
