"""Running JAX functions as XLA's executables: values in, outputs and gradients out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from extractors.jax_hlo import WIDE, compile_lowered, load_jax, lower_gradient, run_source, trace
from generators import Argument, component
from verification.values import inputs, is_real


class JaxRun:
    """A JAX function: its outputs and its gradient on given values, compiled once a shape."""

    def __init__(self, python: str, name: str, arguments: Sequence[Argument]) -> None:
        self.jax = load_jax()
        self.name = name
        self.wide = any(component(a.dtype)[0] in WIDE for a in inputs(arguments))
        self._forward: dict[tuple, Any] = {}
        self._backward: dict[tuple, Any] = {}
        with self.jax.enable_x64(self.wide):
            self.function = run_source(python, name)

    def outputs(self, arguments: Sequence[Argument], values: Sequence[np.ndarray]) -> list:
        """What the function returns, an array a leaf."""
        specs = _specs(arguments)
        with self.jax.enable_x64(self.wide):
            if specs not in self._forward:
                self._forward[specs] = compile_lowered(trace(self.function, specs).lower())
            found = self._forward[specs](*map(self.jax.numpy.asarray, values))
            return [np.asarray(leaf) for leaf in self.jax.tree.leaves(found)]

    def gradients(
        self,
        arguments: Sequence[Argument],
        values: Sequence[np.ndarray],
        cotangents: Sequence[np.ndarray | None],
    ) -> list[np.ndarray | None]:
        """The gradient of the sum of all floating outputs with respect to each input.

        It is that of the row's ``hlo_backward``: ``cotangents`` are ones. None for inputs that are
        no real floats.
        """
        specs = _specs(arguments)
        with self.jax.enable_x64(self.wide):
            if specs not in self._backward:
                lowered = lower_gradient(self.function, self.name, specs)
                self._backward[specs] = lowered and compile_lowered(lowered)
            made = self._backward[specs]
            taken = iter(made(*map(self.jax.numpy.asarray, values)) if made else ())
            return [np.asarray(next(taken)) if made and is_real(v.dtype) else None for v in values]


def _specs(arguments: Sequence[Argument]) -> tuple[tuple[str, tuple[int, ...]], ...]:
    found = []
    for argument in inputs(arguments):
        dtype, parts = component(argument.dtype)
        found.append((dtype, argument.shape + parts))
    return tuple(found)
