"""Running JAX functions as XLA's executables: values in, outputs and gradients out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from extractors.jax_compiler import (
    compile_lowered,
    compile_to_run,
    compile_together,
    load_jax,
)
from extractors.jax_hlo import WIDE, run_source, take, trace, trace_gradient
from generators import Argument, specs
from verification.values import is_real

Key = tuple[tuple[str, tuple[int, ...]], ...]  # dtypes and shapes of the inputs
OUTPUTS, GRADIENT = "outputs", "gradient"


class JaxRun:
    """A JAX function: its outputs and its gradient on given values, compiled once a shape.

    At the row's own sizes its outputs are those of the executable that ``hlo_optimized`` is the
    text of. What ``expect`` names is compiled as one executable beside it: each by itself would
    cost as much as all of them do. Where that does not work they are compiled one by one.
    """

    def __init__(self, python: str, name: str, arguments: Sequence[Argument]) -> None:
        self.jax = load_jax()
        self.name = name
        self.wide = any(dtype in WIDE for dtype, _ in specs(arguments))
        self._traces: dict[tuple[str, Key], Any] = {}
        self._made: dict[tuple[str, Key], Any] = {}
        self._together: dict[tuple[str, Key], Sequence[np.ndarray]] = {}
        self._executable: Any = None
        self._own = specs(arguments)
        self._kept = take(python, name, self._own)
        if self._kept.forward is not None:
            self._traces[OUTPUTS, self._own] = self._kept.forward
        if self._kept.gradient is not None:
            self._traces[GRADIENT, self._own] = self._kept.gradient
        if self._kept.executable is not None:
            self._made[OUTPUTS, self._own] = self._kept.executable
        with self.jax.enable_x64(self.wide):
            self.function = run_source(python, name)

    def expect(
        self,
        sizes: Sequence[tuple[Sequence[Argument], Sequence[np.ndarray]]],
        gradient: bool,
    ) -> None:
        """Say at which sizes the function will be run, with values to run it on meanwhile.

        The first are its own; with ``gradient`` its gradient will be run at these.
        """
        own, *others = [(specs(arguments), values) for arguments, values in sizes]
        self._together = {(OUTPUTS, key): values for key, values in others}
        if gradient:
            self._together[GRADIENT, own[0]] = own[1]

    def outputs(self, arguments: Sequence[Argument], values: Sequence[np.ndarray]) -> list:
        """What the function returns, an array a leaf."""
        with self.jax.enable_x64(self.wide):
            found = self._run((OUTPUTS, specs(arguments)), values)
            return [np.asarray(leaf) for leaf in self.jax.tree.leaves(found)]

    def gradients(
        self,
        arguments: Sequence[Argument],
        values: Sequence[np.ndarray],
        cotangents: Sequence[np.ndarray | None],
    ) -> list[np.ndarray | None]:
        """The gradient of the sum of all floating outputs with respect to each input.

        It is the function of the row's ``hlo_backward``: ``cotangents`` are ones. None for inputs
        that are no real floats.
        """
        which = GRADIENT, specs(arguments)
        with self.jax.enable_x64(self.wide):
            if self._trace(which) is None:
                return [None] * len(values)
            taken = iter(self._run(which, values))
            return [np.asarray(next(taken)) if is_real(v.dtype) else None for v in values]

    def _run(self, which: tuple[str, Key], values: Sequence[np.ndarray]) -> Any:
        executable = self._shared() if which in self._together else None
        if executable is not None:
            self._together[which] = values
            place = list(self._together).index(which)
            try:
                return executable([tuple(given) for given in self._together.values()])[place]
            except self.jax.errors.JaxRuntimeError:
                self._together = {}
        if which not in self._made:
            self._made[which] = compile_lowered(self._trace(which).lower())
        return self._made[which](*values)

    def _trace(self, which: tuple[str, Key]) -> Any:
        """The function, or its gradient, traced; None for a gradient that there is none of."""
        if which not in self._traces:
            kind, key = which
            self._traces[which] = (
                trace(self.function, key)
                if kind == OUTPUTS
                else trace_gradient(self.function, self.name, key, self._trace((OUTPUTS, key)))
            )
        return self._traces[which]

    def _shared(self) -> Any:
        """The executable of all that was expected; None where it cannot be made."""
        if self._executable is None:
            try:
                traces = {which: self._trace(which) for which in self._together}
                for which in [which for which, traced in traces.items() if traced is None]:
                    del self._together[which], traces[which]
                one = next(iter(traces)) if len(traces) == 1 else None
                self._executable = (
                    compile_together(list(traces.values())) if one is None else self._of_one(one)
                )
            except (Exception, SystemExit):  # noqa: BLE001  by itself, each says what is wrong
                self._together = {}
        return self._executable

    def _of_one(self, which: tuple[str, Key]) -> Any:
        """An executable of one function, called as ``compile_together`` says."""
        lowered = self._kept.backward if which == (GRADIENT, self._own) else None
        executable = compile_to_run(self._trace(which).lower() if lowered is None else lowered)
        return lambda given: [executable(*given[0])]
