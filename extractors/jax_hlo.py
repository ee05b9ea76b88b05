"""JAX: a function's Python source in, its HLO and StableHLO texts out."""

from __future__ import annotations

import contextlib
import inspect
import types
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from .jax_compiler import both_texts, forget, hlo_text, load_jax, optimized_text
from .outcomes import COLUMNS, Extracted, Job, Outcome, Rejected, refused

FILE_NAME = "<kernel>"
WIDE = ("float64", "int64", "uint64", "complex128")
FLOATS = ("float16", "bfloat16", "float32", "float64")
DTYPES = (
    "bool",
    *("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    *FLOATS,
    *("complex64", "complex128"),
)
# JAX keeps what it traced and compiled; letting go costs it a little tracing anew.
CLEAR_EVERY = 32
KEEP = 64  # functions extracted to be run that nobody has run yet

_done = 0


@dataclass
class Kept:
    """What extracting a function has made that running it needs; None where it was not made."""

    forward: Any = None  # traced
    executable: Any = None  # the one that ``hlo_optimized`` is the text of
    gradient: Any = None  # traced
    backward: Any = None  # the gradient, lowered


_kept: dict[tuple, Kept] = {}


def extract_jax(job: Job) -> Outcome:
    """Extract the columns of ``job.language``, "jax" or "stablehlo", of the function it names.

    With ``job.run`` what running it needs is kept until ``take`` asks for it.
    """
    global _done
    jax = load_jax()
    kept = Kept()
    wide = any(dtype in WIDE for dtype, _ in job.inputs)
    with jax.enable_x64(wide):
        try:
            function = run_source(job.python, job.name)
            outcome = function_texts(
                function,
                job.name,
                job.inputs,
                job.language,
                job.mode,
                job.device,
                kept if job.run else None,
            )
        except (Exception, SystemExit) as error:  # noqa: BLE001  foreign code runs here
            outcome = refused("import", error)
    if job.run and isinstance(outcome, Extracted):
        while len(_kept) >= KEEP:
            del _kept[next(iter(_kept))]  # the oldest: nobody came for it
        _kept[job.python, job.name, job.inputs] = kept
    _done += 1
    if _done % CLEAR_EVERY == 0:
        forget()
    return outcome


def take(python: str, name: str, inputs: tuple[tuple[str, tuple[int, ...]], ...]) -> Kept:
    """What was kept of a function that was extracted in this process; it is kept no longer."""
    return _kept.pop((python, name, inputs), Kept())


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
    kept: Kept | None = None,
) -> Outcome:
    """Texts of a function by column, with (dtype, shape) for each argument in ``inputs``.

    What running it needs is made too where there is a ``kept`` to put it in.
    """
    unknown = [dtype for dtype, _ in inputs if dtype not in DTYPES]
    if unknown:
        return Rejected("trace", f"unknown dtype {unknown[0]!r}: choose from {', '.join(DTYPES)}")
    stage = "trace"
    try:
        forward = backward = gradient = None
        traced = trace(function, inputs)
        if mode != "backward":
            stage = "lower"
            forward = traced.lower()
        if mode != "forward":
            stage = "trace"
            gradient = trace_gradient(function, name, inputs, traced)
            stage = "lower"
            backward = gradient and gradient.lower()
        stage = "compile"
        make = _stablehlo_columns if language == "stablehlo" else _jax_columns
        texts, executable = make(forward, backward, device, kept is not None)
        if kept is not None:
            kept.forward, kept.executable = traced, executable
            kept.gradient, kept.backward = gradient, backward
        return Extracted(texts)
    except (Exception, SystemExit) as error:  # noqa: BLE001  foreign code is traced here
        return refused(stage, error)


def trace(function: Callable[..., Any], inputs: Sequence[tuple[str, tuple[int, ...]]]) -> Any:
    """A function traced for inputs of these dtypes and shapes."""
    jitted: Any = function if is_jitted(function) else load_jax().jit(function)
    return jitted.trace(*_specs(inputs))


def is_jitted(function: Callable[..., Any]) -> bool:
    """Whether a function is one that ``jax.jit`` made."""
    return hasattr(function, "lower")


def _specs(inputs: Sequence[tuple[str, tuple[int, ...]]]) -> list[Any]:
    return [load_jax().ShapeDtypeStruct(shape, dtype) for dtype, shape in inputs]


def trace_gradient(
    function: Callable[..., Any],
    name: str,
    inputs: Sequence[tuple[str, tuple[int, ...]]],
    traced: Any,
) -> Any:
    """The traced gradient of the sum of all floating outputs, with respect to floating inputs.

    ``traced`` is what ``trace`` made of the function: a plain one is not traced a second time.
    None where there is no floating input or no floating output.
    """
    jax = load_jax()
    jnp = jax.numpy
    floats = tuple(i for i, (dtype, _) in enumerate(inputs) if dtype in FLOATS)
    outputs = traced.jaxpr.out_avals
    summed = [n for n, out in enumerate(outputs) if jnp.issubdtype(out.dtype, jnp.floating)]
    if not floats or not summed:
        return None
    # A jitted one stays a call of its own in the text of its gradient.
    inner = function if is_jitted(function) else jax.extend.core.jaxpr_as_fun(traced.jaxpr)

    def total(*values: Any) -> Any:
        leaves = jax.tree_util.tree_leaves(inner(*values))
        sums = [jnp.sum(leaves[n]) for n in summed]
        return sum(sums[1:], start=sums[0])

    gradient = jax.grad(total, argnums=floats)

    def named(*values: Any) -> Any:
        return gradient(*values)

    named.__name__ = named.__qualname__ = f"{name}_grad"
    with contextlib.suppress(ValueError, TypeError):  # arguments keep their names in the text
        named.__signature__ = inspect.signature(function)  # pyright: ignore
    return jax.jit(named).trace(*_specs(inputs))


def _jax_columns(forward: Any, backward: Any, device: str, run: bool) -> tuple[dict[str, str], Any]:
    """Texts by column, and the executable of the function if it is to be run."""
    texts = dict.fromkeys(COLUMNS["jax"], "")
    executable = None
    if forward is not None:
        texts["hlo_forward"], texts["hlo_optimized"], executable = both_texts(forward, run)
    if backward is not None:
        texts["hlo_backward"] = hlo_text(backward)
    return texts, executable


def _stablehlo_columns(
    forward: Any, backward: Any, device: str, run: bool
) -> tuple[dict[str, str], Any]:
    """StableHLO in ``cpp`` and optimized HLO in ``cuda``; the gradient's module comes second."""
    texts = dict.fromkeys(COLUMNS["stablehlo"], "")
    stages = [stage for stage in (forward, backward) if stage is not None]
    executable = None
    if device != "cuda":
        texts["cpp"] = "\n".join(stage.as_text() for stage in stages)
    if device != "cpu":
        found = [optimized_text(stage, run and stage is forward) for stage in stages]
        texts["cuda"] = "\n".join(text for text, _ in found)
        executable = found[0][1] if forward is not None else None
    return texts, executable
