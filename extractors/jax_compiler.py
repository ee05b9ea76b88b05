"""JAX where its public functions end: how far XLA compiles, and how its HLO is printed.

The only file that touches private parts of JAX, for the versions that ``toolchain.SUPPORTED``
names. A worker of ours takes the short way (``take_short_way``), which stops XLA where the text is
made; wherever a part of it is missing, and in a process of the user's, the public way stands.
Both give the same bytes. Everything is lowered and compiled for the CPU.
"""

from __future__ import annotations

import contextlib
import functools
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .toolchain import check_toolchain

THREADS = "PJRT_NPROC"
# No text holds machine code: HLO passes do not look at this level, only LLVM does.
COMPILER_OPTIONS = {"xla_backend_optimization_level": 0}
TO_RUN = {"xla_cpu_use_fusion_emitters": False, "xla_cpu_parallel_codegen_split_count": 1}
STOP = "jit_synthesis_stop"  # our step in XLA's pipeline
DUMP = "jit_synthesis_hlo_{pid}_"  # how the folders of a process's dumps begin
# What a private part that another release lacks, or has otherwise, raises.
MISSING = (ImportError, AttributeError, KeyError, TypeError, ValueError)

# All that the first line of a plain function's module holds, and the type of its result.
_HEAD = re.compile(
    r"HloModule [\w.-]+(, is_scheduled=true)?, "
    r"entry_computation_layout=\{\(.*\)->(?:[^=]|=\d+\*/)*\}"
    r"(, allow_spmd_sharding_propagation_to_(parameters|output)=\{[true,]+\})*"
)
_ROOT = re.compile(r"^  ROOT \S+ = (\(.*?\)|\S+) ", re.MULTILINE)

_jax: Any = None
_short = False
_wanted: list[bytes] | None = None  # where the module goes that XLA is to be stopped with
_context: Any = None


class _StopError(Exception):
    """Raised inside XLA's pipeline: all that a text needs has been done."""


def load_jax() -> Any:
    """Import JAX once, on the CPU unless JAX_PLATFORMS says otherwise; ValueError on versions.

    Where nothing has imported it before, XLA gets one thread: the number of threads is written
    into the optimized text of large loops, which would then differ from machine to machine.
    """
    global _jax
    if _jax is None:
        check_toolchain("jax")
        os.environ.setdefault("JAX_PLATFORMS", "cpu")
        ours = "jax" not in sys.modules and THREADS not in os.environ
        if ours:
            os.environ[THREADS] = "1"
        try:
            import jax
            import jax.extend

            if ours:
                jax.devices()  # reads the setting, which then need not stay
        finally:
            if ours:
                del os.environ[THREADS]
        _jax = jax
    return _jax


def take_short_way() -> None:
    """From now on, make texts without machine code. For a process that compiles nothing else."""
    global _short
    load_jax()
    if _short:
        return
    try:
        from jax.extend import xla

        xla.register_hlo_module_transformation(
            _stop, name=STOP, stage=xla.PipelineStage.POST_SCHEDULER, platforms="cpu"
        )
    except MISSING:
        return
    _short = True
    with contextlib.suppress(*MISSING):
        _share_contexts()


def take_long_way() -> None:
    """Take the short way back: texts by the public functions, each lowering in its own context."""
    global _short
    _short = False
    with contextlib.suppress(*MISSING):
        from jax._src.interpreters import mlir

        mlir.make_ir_context = mlir.make_ir_context.__wrapped__


def forget() -> None:
    """Let go of what JAX keeps of each function that it traced, lowered and compiled."""
    global _context
    _context = None
    load_jax().clear_caches()


def compile_lowered(lowered: Any) -> Any:
    """The executable of what was lowered; its HLO passes are those of any level."""
    return lowered.compile(compiler_options=COMPILER_OPTIONS)


def compile_to_run(lowered: Any) -> Any:
    """The executable of what was lowered, where nobody asks for the text of its HLO.

    XLA's older emitter writes all loops into one LLVM module, a third of the time; and one that is
    not cut into 32 for threads takes a third less again.
    """
    return lowered.compile(compiler_options=COMPILER_OPTIONS | TO_RUN)


def compile_together(traces: Sequence[Any]) -> Any:
    """One executable to run of several traced functions: takes a tuple of arguments a function."""
    jax = load_jax()
    functions = [jax.extend.core.jaxpr_as_fun(traced.jaxpr) for traced in traces]

    def together(given: Sequence[Any]) -> list[Any]:
        return [function(*values) for function, values in zip(functions, given, strict=True)]

    given = [
        tuple(jax.ShapeDtypeStruct(aval.shape, aval.dtype) for aval in traced.jaxpr.in_avals)
        for traced in traces
    ]
    return compile_to_run(jax.jit(together).lower(given))


def hlo_text(lowered: Any) -> str:
    """HLO as lowered, before any pass."""
    return lowered.as_text(dialect="hlo")


def both_texts(lowered: Any, run: bool = False) -> tuple[str, str, Any]:
    """HLO before and after XLA's passes: constants whole, no source lines or stack frames.

    After the passes XLA makes machine code, which takes many times as long. On the short way
    the last pass is ours, which keeps the module and raises; and the module as XLA took it is
    dumped, since lowering to it once more for its text takes as long as all passes. What is to be
    ``run`` afterwards is compiled to its end; its executable is the third, else None.
    """
    if not _is_plain(lowered):
        executable = compile_lowered(lowered)
        return hlo_text(lowered), _optimized(executable), executable
    make = _compiled if run else _stopped
    try:
        prefix = DUMP.format(pid=os.getpid())
        with tempfile.TemporaryDirectory(prefix=prefix) as folder:
            dump = {"xla_dump_to": folder, "xla_dump_hlo_as_proto": True}
            options = COMPILER_OPTIONS | dump | {"xla_dump_hlo_as_text": False}
            optimized, executable = make(lowered, options)
            before = _as_lowered(_dumped(folder))
    except OSError:  # a full disk, no folder for temporary files
        optimized, executable = make(lowered, COMPILER_OPTIONS)
        before = ""
    return before or hlo_text(lowered), optimized, executable


def optimized_text(lowered: Any, run: bool = False) -> tuple[str, Any]:
    """HLO after XLA's passes, and the executable if there is one, as ``both_texts`` gives them."""
    make = _compiled if run or not _is_plain(lowered) else _stopped
    return make(lowered, COMPILER_OPTIONS)


def remove_dumps(pid: int) -> None:
    """Remove what a process that was killed in the middle of a dump has left."""
    for folder in Path(tempfile.gettempdir()).glob(DUMP.format(pid=pid) + "*"):
        shutil.rmtree(folder, ignore_errors=True)


def _optimized(executable: Any) -> str:
    (module,) = executable.runtime_executable().hlo_modules()
    return module.to_string(_print_options())


def _is_plain(lowered: Any) -> bool:
    """Whether the short way will do: nothing is asked for but numbers.

    Devices, layouts and callbacks stand in the first line of a text in ways of their own.
    """
    if not _short:
        return False
    places = ("in_shardings", "out_shardings", "intermediate_shardings")
    special = ("ordered_effects", "unordered_effects", "host_callbacks")
    try:
        asked = lowered._lowering.compile_args
        choices = [choice for place in places for choice in asked[place]]
        return (
            asked["num_devices"] == 1
            and not any(asked[name] for name in special)
            and all(type(choice).__name__ == "UnspecifiedValue" for choice in choices)
            and all(layout is None for layout in (*asked["in_layouts"], *asked["out_layouts"]))
        )
    except MISSING:
        return False


def _compiled(lowered: Any, options: dict[str, Any]) -> tuple[str, Any]:
    """The optimized text of a function, and its executable.

    Where XLA fails after its passes the text stands, and running it will say why.
    """
    try:
        executable = lowered.compile(compiler_options=options)
    except load_jax().errors.JaxRuntimeError:
        if not _is_plain(lowered):
            raise
        return _stopped(lowered, options)
    return _optimized(executable), executable


def _stopped(lowered: Any, options: dict[str, Any]) -> tuple[str, Any]:
    """The optimized text of a plain function, XLA stopped after its passes; no executable."""
    global _wanted
    caught = _wanted = []
    try:
        executable = lowered.compile(compiler_options=options)
    except load_jax().errors.JaxRuntimeError:
        if not caught:
            raise
        executable = None
    finally:
        _wanted = None
    if executable is None:
        text = _configured(caught[0], lowered)
        # Whether there is a routine of that name, XLA asks when it makes machine code.
        if text and " custom-call(" not in text:
            return text, None
        executable = compile_lowered(lowered)
    return _optimized(executable), None


def _configured(module: bytes, lowered: Any) -> str:
    """A stopped module as its executable would be printed; empty where that is not known.

    XLA's configuration is not in the module: whether it may choose how arguments and results are
    divided among devices, which JAX permits where the user says nothing.
    """
    try:
        head, line, rest = _parse(module).to_string(_print_options()).partition("\n")
        asked = lowered._lowering.compile_args
        for what, avals in (("parameters", "global_in_avals"), ("output", "global_out_avals")):
            if asked[avals]:
                each = ",".join("true" for _ in asked[avals])
                head += f", allow_spmd_sharding_propagation_to_{what}={{{each}}}"
    except MISSING:
        return ""
    return head + line + rest if _HEAD.fullmatch(head) else ""


def _stop(module: bytes) -> None:
    if _wanted is not None:
        _wanted.append(module)
        raise _StopError


def _dumped(folder: str) -> bytes:
    """The one module that XLA dumped before its passes; nothing if there is none or more."""
    found = list(Path(folder).glob("*.before_optimizations.hlo.pb"))
    return found[0].read_bytes() if len(found) == 1 else b""


def _as_lowered(dumped: bytes) -> str:
    """The text of a dumped module as it was lowered; empty where it does not tell.

    Only the layout of its result has been asked for since: as lowered, it is that of the root. The
    first field of what XLA dumps (HloProto) is the module, its length before it.
    """
    size, at = 0, 1
    for byte in dumped[1:10]:
        size |= (byte & 127) << 7 * (at - 1)
        at += 1
        if byte < 128:
            break
    if not size or len(dumped) < at + size:  # cut short by a full disk
        return ""
    try:
        from jax._src.lib import hlo  # pyright: ignore

        options = hlo.HloPrintOptions.short_parsable()
        options.print_metadata = False
        head, line, rest = _parse(dumped[at : at + size]).to_string(options).partition("\n")
    except MISSING:
        return ""
    entry = rest.find("\nENTRY ")
    root = _ROOT.search(rest, entry) if entry >= 0 else None
    if root is None or not _HEAD.fullmatch(head):
        return ""
    arguments, arrow, _ = head.partition(")->")
    return f"{arguments}{arrow}{root.group(1)}}}{line}{rest}"


def _parse(module: bytes) -> Any:
    from jax._src.lib import hlo  # pyright: ignore

    return hlo.HloModule.from_serialized_hlo_module_proto(module)


def _print_options() -> Any:
    from jax._src.lib import hlo  # pyright: ignore

    options = hlo.HloPrintOptions()
    options.print_metadata = False
    options.print_large_constants = True
    return options


def _share_contexts() -> None:
    """Lower one function after the other in one MLIR context, which costs as much as a lowering."""
    from jax._src.interpreters import mlir

    make = mlir.make_ir_context

    @functools.wraps(make)
    def kept() -> Any:
        global _context
        if _context is None:
            _context = make()
        return _context

    mlir.make_ir_context = kept
