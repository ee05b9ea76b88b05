"""JAX: a function's Python source in, its HLO and StableHLO texts out.

The only file that touches JAX beyond its public functions: the HLO printer of jaxlib, for the
versions that ``toolchain.SUPPORTED`` names. Everything is lowered and compiled for the CPU.
"""

from __future__ import annotations

import contextlib
import inspect
import os
import sys
import types
from collections.abc import Callable, Sequence
from typing import Any

from .outcomes import COLUMNS, Extracted, Job, Outcome, Rejected, refused
from .toolchain import check_toolchain

FILE_NAME = "<kernel>"
WIDE = ("float64", "int64", "uint64", "complex128")
FLOATS = ("float16", "bfloat16", "float32", "float64")
DTYPES = (
    "bool",
    *("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    *FLOATS,
    *("complex64", "complex128"),
)
THREADS = "PJRT_NPROC"
# Machine code is thrown away: HLO passes do not look at this level, only LLVM does.
COMPILER_OPTIONS = {"xla_backend_optimization_level": 0}
# JAX keeps what it traced and compiled; letting go costs it a little tracing anew.
CLEAR_EVERY = 32

_jax: Any = None
_done = 0


class _NoGradientError(Exception):
    """The function has no floating output, so nothing to differentiate."""


def load_jax() -> Any:
    """Import JAX once, on the CPU unless JAX_PLATFORMS says otherwise; ValueError on versions.

    Where nothing has imported it before, XLA gets one thread: the number of threads is written
    into the optimized text of large loops, which would then differ from machine to machine.
    """
    global _jax
    if _jax is None:
        check_toolchain("jax")
        os.environ.setdefault("JAX_PLATFORMS", "cpu")
        ours = "jax" not in sys.modules and os.environ.setdefault(THREADS, "1") == "1"
        import jax

        if ours:
            jax.devices()  # reads the setting, which then need not stay
            del os.environ[THREADS]
        _jax = jax
    return _jax


def extract_jax(job: Job) -> Outcome:
    """Extract the columns of ``job.language``, "jax" or "stablehlo", of the function it names."""
    global _done
    jax = load_jax()
    wide = any(dtype in WIDE for dtype, _ in job.inputs)
    with jax.enable_x64(wide):
        try:
            function = run_source(job.python, job.name)
            outcome = function_texts(
                function, job.name, job.inputs, job.language, job.mode, job.device
            )
        except (Exception, SystemExit) as error:  # noqa: BLE001  foreign code runs here
            outcome = refused("import", error)
    _done += 1
    if _done % CLEAR_EVERY == 0:
        jax.clear_caches()
    return outcome


def run_source(source: str, name: str) -> Callable[..., Any]:
    """Execute ``source`` with only ``jax`` and ``jnp`` at hand; the function it calls ``name``."""
    jax = load_jax()
    module = types.ModuleType("jit_synthesis_kernel")
    module.__dict__.update(jax=jax, jnp=jax.numpy)
    exec(compile(source, FILE_NAME, "exec", dont_inherit=True), module.__dict__)
    function = module.__dict__.get(name)
    if not callable(function):
        raise NameError(f"no function named {name!r} in the text")
    return function


def function_texts(
    function: Callable[..., Any],
    name: str,
    inputs: Sequence[tuple[str, tuple[int, ...]]],
    language: str,
    mode: str,
    device: str,
) -> Outcome:
    """Texts of a function by column, with (dtype, shape) for each argument in ``inputs``."""
    unknown = [dtype for dtype, _ in inputs if dtype not in DTYPES]
    if unknown:
        return Rejected("trace", f"unknown dtype {unknown[0]!r}: choose from {', '.join(DTYPES)}")
    stage = "trace"
    try:
        forward = backward = None
        if mode != "backward":
            traced = trace(function, inputs)
            stage = "lower"
            forward = traced.lower()
        if mode != "forward":
            stage = "trace"
            backward = lower_gradient(function, name, inputs)
        stage = "compile"
        make = _stablehlo_columns if language == "stablehlo" else _jax_columns
        return Extracted(make(forward, backward, device))
    except (Exception, SystemExit) as error:  # noqa: BLE001  foreign code is traced here
        return refused(stage, error)


def trace(function: Callable[..., Any], inputs: Sequence[tuple[str, tuple[int, ...]]]) -> Any:
    """A function traced for inputs of these dtypes and shapes."""
    jax = load_jax()
    jitted: Any = function if hasattr(function, "lower") else jax.jit(function)
    return jitted.trace(*_specs(inputs))


def _specs(inputs: Sequence[tuple[str, tuple[int, ...]]]) -> list[Any]:
    return [load_jax().ShapeDtypeStruct(shape, dtype) for dtype, shape in inputs]


def lower_gradient(
    function: Callable[..., Any], name: str, inputs: Sequence[tuple[str, tuple[int, ...]]]
) -> Any:
    """Lowered gradient of the sum of all floating outputs, with respect to floating inputs.

    None where there is none of either.
    """
    jax = load_jax()
    floats = tuple(i for i, (dtype, _) in enumerate(inputs) if dtype in FLOATS)
    if not floats:
        return None
    jnp = jax.numpy

    def total(*values: Any) -> Any:
        leaves = jax.tree_util.tree_leaves(function(*values))
        sums = [jnp.sum(leaf) for leaf in leaves if jnp.issubdtype(leaf.dtype, jnp.floating)]
        if not sums:
            raise _NoGradientError
        return sum(sums[1:], start=sums[0])

    gradient = jax.grad(total, argnums=floats)

    def named(*values: Any) -> Any:
        return gradient(*values)

    named.__name__ = named.__qualname__ = f"{name}_grad"
    with contextlib.suppress(ValueError, TypeError):  # arguments keep their names in the text
        named.__signature__ = inspect.signature(function)  # pyright: ignore
    try:
        return jax.jit(named).lower(*_specs(inputs))
    except _NoGradientError:
        return None


def _jax_columns(forward: Any, backward: Any, device: str) -> dict[str, str]:
    texts = dict.fromkeys(COLUMNS["jax"], "")
    if forward is not None:
        texts["hlo_forward"] = forward.as_text(dialect="hlo")
        texts["hlo_optimized"] = _optimized(forward)
    if backward is not None:
        texts["hlo_backward"] = backward.as_text(dialect="hlo")
    return texts


def _stablehlo_columns(forward: Any, backward: Any, device: str) -> dict[str, str]:
    """StableHLO in ``cpp`` and optimized HLO in ``cuda``; the gradient's module comes second."""
    texts = dict.fromkeys(COLUMNS["stablehlo"], "")
    stages = [stage for stage in (forward, backward) if stage is not None]
    if device != "cuda":
        texts["cpp"] = "\n".join(stage.as_text() for stage in stages)
    if device != "cpu":
        texts["cuda"] = "\n".join(_optimized(stage) for stage in stages)
    return texts


def _optimized(lowered: Any) -> str:
    """HLO after XLA's passes: constants whole, without source lines and stack frames."""
    from jax._src.lib import hlo  # pyright: ignore

    options = hlo.HloPrintOptions()
    options.print_metadata = False
    options.print_large_constants = True
    (module,) = compile_lowered(lowered).runtime_executable().hlo_modules()
    return module.to_string(options)


def compile_lowered(lowered: Any) -> Any:
    """The executable of what was lowered; its HLO passes are those of any level."""
    return lowered.compile(compiler_options=COMPILER_OPTIONS)
