"""Running JAX functions as XLA's executables: values in, outputs and gradients out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from extractors.jax_compiler import compile_lowered, load_jax
from extractors.jax_hlo import WIDE, lower_gradient, run_source, trace
from generators import Argument, specs
from verification.values import is_real


class JaxRun:
    """A JAX function: its outputs and its gradient on given values, compiled once a shape."""

    def __init__(self, python: str, name: str, arguments: Sequence[Argument]) -> None:
        self.jax = load_jax()
        self.name = name
        self.wide = any(dtype in WIDE for dtype, _ in specs(arguments))
        self._traces: dict[tuple, Any] = {}
        self._forward: dict[tuple, Any] = {}
        self._backward: dict[tuple, Any] = {}
        with self.jax.enable_x64(self.wide):
            self.function = run_source(python, name)

    def outputs(self, arguments: Sequence[Argument], values: Sequence[np.ndarray]) -> list:
        """What the function returns, an array a leaf."""
        key = specs(arguments)
        with self.jax.enable_x64(self.wide):
            if key not in self._forward:
                self._forward[key] = compile_lowered(self._trace(key).lower())
            found = self._forward[key](*map(self.jax.numpy.asarray, values))
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
        key = specs(arguments)
        with self.jax.enable_x64(self.wide):
            if key not in self._backward:
                lowered = lower_gradient(self.function, self.name, key, self._trace(key))
                self._backward[key] = lowered and compile_lowered(lowered)
            made = self._backward[key]
            taken = iter(made(*map(self.jax.numpy.asarray, values)) if made else ())
            return [np.asarray(next(taken)) if made and is_real(v.dtype) else None for v in values]

    def _trace(self, key: tuple) -> Any:
        if key not in self._traces:
            self._traces[key] = trace(self.function, key)
        return self._traces[key]
