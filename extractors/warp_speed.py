"""Warp's own steps, done once: the same texts and the same refusals in less time.

Warp works out anew, for every call in every kernel, which of a built-in's overloads takes it and
what each type is called in C++. Here both are remembered, and what is written out four times (two
devices, forward and backward) is put together once. A kernel made inside ``quick`` is built this
way; nobody else's is. Like ``warp_codegen`` this touches Warp's private API, and therefore not at
all where a function that it stands in for is not word for word the one it was written for.
"""

from __future__ import annotations

import ast
import contextlib
import functools
import hashlib
import inspect
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

# What is replaced or relied on, and the first digits of the SHA-256 of its text.
WRITTEN_FOR = {
    "codegen.Adjoint.resolve_func": "9a9f3facf8ad",
    "codegen.Adjoint.resolve_call": "45d01f1fa205",
    "codegen.Adjoint.get_line_directive": "a78502b44efc",
    "codegen.Adjoint.format_args": "9d08f74fa037",
    "codegen.Adjoint.type_contains_native_value": "57b0ad280912",
    "codegen.Var.__init__": "0f674ed2bbf8",
    "codegen.Var.ctype": "cb4e8a3abe02",
    "codegen.Var.dtype_to_ctype": "f1169e84b947",
    "codegen.Var.type_to_ctype": "0553f9b53d8d",
    "codegen.Var.emit": "0ca37916ef48",
    "codegen.codegen_func_forward": "3420e5b1e700",
    "codegen.codegen_func_reverse": "57a825717d7b",
    "codegen.func_match_args": "fc45c082d0ab",
    "codegen.apply_defaults": "3a5942671874",
    "codegen.constant_str": "47e7df3db031",
    "codegen.get_callable_arg_values": "c340fb555283",
    "codegen.get_arg_type": "759d1595d9f9",
    "codegen.get_arg_value": "44771b143ddd",
    "context.Function.is_builtin": "ce10aec2c1b6",
    "context.ModuleBuilder._collect_native_types": "0f4fcb0dd7bb",
    "context.ModuleBuilder._get_tile_helper_struct_hashes": "6a604ee2d176",
    "context.ModuleBuilder._kernel_has_value_return": "e0f8df850b9d",
    "types.concrete_array_type": "8b36d796c301",
    "types.scalars_equal_generic": "705e06dd972d",
    "types.is_array": "7515144afb10",
    "types.strip_reference": "77ba1de0bcc8",
    "types.types_equal_generic": "d6efe16005cc",
}
MOST = 4096  # calls remembered; a kernel has some 30, and most are like those of others

# Fields of a statement in which other statements stand.
_INNER = ("body", "orelse", "handlers", "finalbody", "cases")


class Steps(NamedTuple):
    """What takes the place of Warp's own: module-level names, and its class for building."""

    replaced: tuple[tuple[Any, str, Any], ...]
    builder: Any
    remembered: dict[Any, Any]


@contextlib.contextmanager
def quick(warp: Any) -> Iterator[None]:
    """While this lasts kernels are declared, built and written the quick way, where it fits."""
    steps = quick_steps(warp)
    kept = [(owner, name, getattr(owner, name)) for owner, name, _ in steps.replaced]
    try:
        for owner, name, value in steps.replaced:
            setattr(owner, name, value)
        yield
    finally:
        for owner, name, value in kept:
            setattr(owner, name, value)


@functools.cache
def quick_steps(warp: Any) -> Steps:
    """The quick steps for this Warp; Warp's own where it is not the one they were written for."""
    if not fits(warp):
        return Steps((), warp._src.context.ModuleBuilder, {})
    names = Names(warp)
    remembered: dict[Any, Any] = {}
    codegen, kinds = warp._src.codegen, warp._src.types
    asked = _quick_questions(warp, names)
    adjoint = _quick_adjoint(warp, names, remembered, asked["get_arg_type"])
    forward, backward = _quick_writers(warp, names, adjoint)
    replaced = (
        *((codegen, name, function) for name, function in asked.items()),
        (kinds, "strip_reference", asked["strip_reference"]),
        (codegen, "Adjoint", adjoint),
        (codegen, "codegen_func_forward", forward),
        (codegen, "codegen_func_reverse", backward),
    )
    return Steps(replaced, _quick_builder(warp), remembered)


def fits(warp: Any) -> bool:
    """Whether what is replaced or relied on reads as it did when this file was written."""
    try:
        return found_texts(warp) == WRITTEN_FOR
    except (AttributeError, OSError, SyntaxError, TypeError, UnicodeError):
        return False  # gone, of another kind, or without its text


def found_texts(warp: Any) -> dict[str, str]:
    """The keys of ``WRITTEN_FOR`` with the digits that the installed Warp has."""
    lines: dict[str, list[str]] = {}  # not linecache, which would keep these large files
    found = {}
    for name in WRITTEN_FOR:
        value = warp._src
        for part in name.split("."):
            value = getattr(value, part)
        code = value.__code__
        if code.co_filename not in lines:
            text = Path(code.co_filename).read_text(encoding="utf-8")
            lines[code.co_filename] = text.splitlines(keepends=True)
        block = inspect.getblock(lines[code.co_filename][code.co_firstlineno - 1 :])
        found[name] = hashlib.sha256("".join(block).encode()).hexdigest()[:12]
    return found


class Names:
    """C++ names of types, of those that last as long as Warp does.

    They are told by identity: a type's own hash or equality may be a user's code.
    """

    def __init__(self, warp: Any) -> None:
        codegen, kinds = warp._src.codegen, warp._src.types
        self.var, self.reference = codegen.Var, kinds.Reference
        lasting = [v for v in vars(kinds).values() if isinstance(v, type)]
        self.lasting = {id(kind): kind for kind in (*lasting, bool, int, float, str)}
        pairs = kinds._ARRAY_ANNOTATION_MAP.items()
        self.families = {
            id(kind): f"wp::{family.__name__}_t"
            for family, note in pairs
            for kind in (family, note)
        }
        self.tiles = (kinds.tile, kinds.tile_stack)
        self.known: dict[int, str] = {}

    def key(self, kind: Any) -> Any:
        """What tells ``kind`` from others when an overload is chosen; None for what may not last.

        Of an array the number of dimensions makes no difference.
        """
        number = id(kind)
        if number in self.lasting:
            return number
        family = id(type(kind))
        if family in self.families and id(kind.dtype) in self.lasting:
            return family, id(kind.dtype)
        return None

    def plain(self, kind: Any) -> str | None:
        """The C++ name of a type, reference or array whose name never changes; else None."""
        number = id(kind)
        name = self.known.get(number)
        if name is None and number in self.lasting:
            name = self.known[number] = self.var.type_to_ctype(kind)
        return name

    def of(self, kind: Any) -> tuple[str, str] | None:
        """The C++ names of a variable of this type and of its adjoint; None for a tile."""
        name = self.plain(kind)
        if name is not None:
            return name, name
        if type(kind) is self.reference:
            inner = self.of(kind.value_type)
            return inner and (f"{inner[0]}*", inner[0])
        family = self.families.get(id(type(kind)))
        if family is not None:
            inner_name = self.plain(kind.dtype) or self.var.dtype_to_ctype(kind.dtype)
            name = f"{family}<{inner_name}>"
            return name, name
        if isinstance(kind, self.tiles):
            return None
        return self.var.type_to_ctype(kind), self.var.type_to_ctype(kind, True)


def _quick_questions(warp: Any, names: Names) -> dict[str, Any]:
    """Functions that Warp asks about every argument: the common answers come first."""
    codegen, kinds = warp._src.codegen, warp._src.types
    slow_strip, slow_type = kinds.strip_reference, codegen.get_arg_type
    slow_value = codegen.get_arg_value
    var, reference = names.var, names.reference
    lasting, families = names.lasting, names.families
    candidates = {type(kind) for kind in lasting.values()} | {var, warp._src.context.Function}
    candidates |= {*kinds._ARRAY_ANNOTATION_MAP.values(), int, float, bool, type(None)}
    looked_into = (str, Sequence, reference)
    itself = frozenset(id(cls) for cls in candidates if not issubclass(cls, looked_into))

    def strip_reference(arg: Any) -> Any:
        cls = type(arg)
        if id(cls) in itself:
            return arg
        if cls is reference:
            return arg.value_type
        return slow_strip(arg)

    def get_arg_type(arg: Any) -> Any:
        kind = arg.type if type(arg) is var else arg
        if type(kind) is reference:
            kind = kind.value_type
        if id(kind) in lasting or id(type(kind)) in families:
            return kind
        return slow_type(arg)

    def get_arg_value(arg: Any) -> Any:
        if type(arg) is var and id(arg.type) in lasting:
            return arg if arg.constant is None else arg.constant
        return slow_value(arg)

    return {
        "strip_reference": strip_reference,
        "get_arg_type": get_arg_type,
        "get_arg_value": get_arg_value,
    }


def _quick_adjoint(warp: Any, names: Names, remembered: dict[Any, Any], type_of: Any) -> Any:
    """Warp's translator of a function, with a memory for what calls of built-ins come to."""
    native, var = warp._src.types._native_value_types, names.var
    positional = inspect.Parameter.POSITIONAL_OR_KEYWORD
    builtins = warp._src.context.builtin_functions

    class Adjoint(warp._src.codegen.Adjoint):
        def resolve_func(self, func, arg_types, kwarg_types, min_outputs):
            # What a text declares must not be kept; a few of Warp's own are written in Python.
            if func.func is not None or builtins.get(func.key) is not func:
                return super().resolve_func(func, arg_types, kwarg_types, min_outputs)
            parts = [names.key(kind) for kind in (*arg_types, *kwarg_types.values())]
            if None in parts:
                return super().resolve_func(func, arg_types, kwarg_types, min_outputs)
            call = (func, len(func.overloads), min_outputs, *kwarg_types, *parts)
            found = remembered.get(call)
            if found is None:
                found = super().resolve_func(func, arg_types, kwarg_types, min_outputs)
                if len(remembered) >= MOST:
                    remembered.clear()
                remembered[call] = found
            return found

        def resolve_call(self, func, args, kwargs, type_args=None, min_outputs=None, **nodes):
            if not (kwargs or type_args or nodes.get("kwarg_nodes") or func.func is not None):
                arg_types = tuple([type_of(arg) for arg in args])
                found = self.resolve_func(func, arg_types, {}, min_outputs)
                wanted, given = found.signature.parameters, nodes.get("arg_nodes")
                # Each parameter got its argument: there is nothing to bind and no default.
                if len(wanted) == len(args) == len(args if given is None else given) and all(
                    p.kind is positional for p in wanted.values()
                ):
                    of = {} if given is None else dict(zip(wanted, given, strict=True))
                    return found, dict(zip(wanted, args, strict=True)), of
            return super().resolve_call(func, args, kwargs, type_args, min_outputs, **nodes)

        def get_line_directive(self, statement, relative_lineno=None):
            if _has_lines(self):
                return super().get_line_directive(statement, relative_lineno)
            return None

        def format_args(self, prefix, args):
            found = []
            for arg in args:
                if type(arg) is var:
                    found.append(f"{prefix}_{arg.label}" if arg.prefix else arg.label)
                else:
                    found += super().format_args(prefix, [arg])
            return found

        @staticmethod
        def type_contains_native_value(var_type):
            return bool(native) and slow_contains(var_type)

    slow_contains = warp._src.codegen.Adjoint.type_contains_native_value
    Adjoint.__qualname__ = Adjoint.__name__  # as Warp's
    return Adjoint


def _has_lines(adj: Any) -> bool:
    """Whether Warp is to print a ``#line`` before each statement."""
    options = adj.builder_options
    return bool(options.get("lineinfo")) or options.get("mode", "release") == "debug"


def _quick_writers(warp: Any, names: Names, adjoint: Any) -> tuple[Any, Any]:
    """Warp's writers of the forward and of the backward function's body."""
    codegen = warp._src.codegen
    slow_forward, slow_backward = codegen.codegen_func_forward, codegen.codegen_func_reverse
    rule = "//---------"

    def declarations(adj: Any) -> tuple[list[str], list[str]] | None:
        """Lines that declare the variables and their adjoints; None for what Warp is to do."""
        if type(adj) is not adjoint or _has_lines(adj):
            return None
        kept = adj.__dict__.get("_declared")
        if kept is not None and kept[0] is adj.variables:
            return kept[1]
        primal, dual = [rule, "// primal vars"], [rule, "// dual vars"]
        for var in adj.variables:
            kind = names.of(var.type)
            if kind is None:
                return None
            label = var.label
            name, dual_name = (f"var_{label}", f"adj_{label}") if var.prefix else (label, label)
            if var.constant is None:
                primal.append(f"{kind[0]} {name};")
            else:
                primal.append(f"const {kind[0]} {name} = {codegen.constant_str(var.constant)};")
            dual.append(f"{kind[1]} {dual_name} = {{}};")
        adj._declared = adj.variables, (primal, dual)
        return primal, dual

    def arguments(adj: Any, adjoints: bool) -> list[str]:
        lines = [rule, "// argument vars"]
        kinds = [names.of(v.type) or (v.ctype(),) for v in adj.args]
        args = list(zip(kinds, adj.args, strict=True))
        lines += [f"{kind[0]} {v.emit()} = _wp_args->{v.label};" for kind, v in args]
        if adjoints:
            lines += [f"{kind[0]} {v.emit_adj()} = _wp_adj_args->{v.label};" for kind, v in args]
        return lines

    def joined(lines: list[str], device: str, func_type: str) -> str | None:
        indent = " " * (8 if device == "cuda" and func_type == "kernel" else 4)
        text = indent + f"\n{indent}".join(lines) + "\n"
        return None if "#line" in text else text  # which would stand at the margin

    def codegen_func_forward(adj, func_type="kernel", device="cpu", grid_stride=False):
        declared = declarations(adj) if device in ("cpu", "cuda") else None
        text = None
        if declared is not None:
            of_kernel = func_type == "kernel"
            lines = arguments(adj, False) if device == "cpu" and of_kernel else []
            lines += [*declared[0], rule, "// forward"]
            body = adj.blocks[0].body_forward
            if grid_stride and of_kernel and device == "cuda":
                lines += [
                    line.replace("return;", "continue;")
                    if line.lstrip().startswith("return;")
                    else line
                    for line in body
                ]
            else:
                lines += body
            text = joined(lines, device, func_type)
        return slow_forward(adj, func_type, device, grid_stride) if text is None else text

    def codegen_func_reverse(adj, func_type="kernel", device="cpu", grid_stride=False):
        fits_here = adj.slot_augassign_error is None and device in ("cpu", "cuda")
        declared = declarations(adj) if fits_here else None
        text = None
        if declared is not None:
            of_kernel = func_type == "kernel"
            lines = arguments(adj, True) if device == "cpu" and of_kernel else []
            lines += [*declared[0], *declared[1], rule, "// forward", *adj.blocks[0].body_replay]
            lines += [rule, "// reverse", *reversed(adj.blocks[0].body_reverse)]
            onward = grid_stride and of_kernel and device == "cuda"
            lines.append("continue;" if onward else "return;")
            text = joined(lines, device, func_type)
        return slow_backward(adj, func_type, device, grid_stride) if text is None else text

    return codegen_func_forward, codegen_func_reverse


def _quick_builder(warp: Any) -> Any:
    """Warp's builder of a module, which does not look for what cannot be there."""
    native = warp._src.types._native_value_types

    class ModuleBuilder(warp._src.context.ModuleBuilder):
        def _collect_native_types(self, var_type):
            if native:
                super()._collect_native_types(var_type)

        def _get_tile_helper_struct_hashes(self):
            return super()._get_tile_helper_struct_hashes() if self.structs else set()

        @staticmethod
        def _kernel_has_value_return(kernel):
            # Only statements can hold a return: Warp looks through their expressions as well.
            pending = list(kernel.adj.tree.body[0].body)
            scopes = (ast.AsyncFunctionDef, ast.FunctionDef, ast.ClassDef)
            while pending:
                node = pending.pop()
                if isinstance(node, ast.Return):
                    if node.value is not None:
                        return True
                elif not isinstance(node, scopes):
                    for name in _INNER:
                        pending += getattr(node, name, ())
            return False

    return ModuleBuilder
