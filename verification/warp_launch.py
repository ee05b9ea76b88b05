"""Running Warp kernels by what their rows say of them: values in, outputs and adjoints out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from extractors.warp_codegen import load_warp
from extractors.warp_objects import argument_type
from generators import Argument, component
from verification.values import inputs, is_real


class LaunchError(Exception):
    """A kernel whose row does not say how it is launched."""


class WarpRun:
    """A compiled Warp kernel: its outputs and its adjoint on given values."""

    def __init__(self, kernel: Any, device: str = "cpu") -> None:
        self.kernel = kernel
        self.device = device
        self.wp = load_warp()

    def expect(
        self,
        sizes: Sequence[tuple[Sequence[Argument], Sequence[np.ndarray]]],
        gradient: bool,
    ) -> None:
        """Nothing to do: a compiled kernel runs at any size, and its adjoint is in it."""

    def outputs(self, arguments: Sequence[Argument], values: Sequence[np.ndarray]) -> list:
        """What the kernel writes, an array an output."""
        given, _ = self._given(arguments, values, grad=False)
        outs = self._outs(arguments, grad=False)
        self._launch(arguments, [*given, *outs])
        return [out.numpy() for out in outs]

    def gradients(
        self,
        arguments: Sequence[Argument],
        values: Sequence[np.ndarray],
        cotangents: Sequence[np.ndarray | None],
    ) -> list[np.ndarray | None]:
        """The gradient of the outputs, weighted by ``cotangents``, with respect to each input.

        None for inputs that have none: integers, and numbers that are no arrays.
        """
        wp = self.wp
        given, readers = self._given(arguments, values, grad=True)
        outs = self._outs(arguments, grad=True)
        tape = wp.Tape()
        with tape:
            self._launch(arguments, [*given, *outs])
        grads = {
            out: wp.array(np.asarray(weight), dtype=out.dtype, device=self.device)
            for out, weight in zip(outs, cotangents, strict=True)
            if weight is not None
        }
        tape.backward(grads=grads)
        return [None if read is None else read() for read in readers]

    def _launch(self, arguments: Sequence[Argument], given: list) -> None:
        launch = arguments[-1] if arguments else None
        if launch is None or launch.role != "launch" or not launch.shape:
            raise LaunchError("the last of its inputs must be the launch, with its dimension")
        shared = {"dim": launch.shape, "inputs": given, "device": self.device}
        if launch.low:
            self.wp.launch_tiled(self.kernel, **shared, block_dim=int(launch.low))
        else:
            self.wp.launch(self.kernel, **shared)

    def _type(self, dtype: str) -> Any:
        found = getattr(self.wp, dtype, None)
        if found is None:
            raise LaunchError(f"unknown dtype {dtype!r}")
        return found

    def _outs(self, arguments: Sequence[Argument], grad: bool) -> list:
        found = []
        for a in arguments:
            if a.role != "output":
                continue
            name, _ = component(a.dtype)
            real = is_real(np.dtype(name))
            out = self.wp.zeros(
                a.shape, dtype=self._type(a.dtype), requires_grad=grad and real, device=self.device
            )
            if a.low:
                out.fill_(a.low if real else int(a.low))
            found.append(out)
        return found

    def _given(
        self, arguments: Sequence[Argument], values: Sequence[np.ndarray], grad: bool
    ) -> tuple[list, list[Callable[[], np.ndarray] | None]]:
        """What the kernel is launched with, and how the gradient of each input is read."""
        given: list[Any] = []
        readers: list[Callable[[], np.ndarray] | None] = []
        fields: dict[str, list[tuple[Argument, np.ndarray]]] = {}
        for a, value in zip(inputs(arguments), values, strict=True):
            struct, _, field = a.name.partition(".")
            if field:
                if struct not in fields:
                    fields[struct] = []
                    given.append(struct)  # its place: the fields of one struct stand together
                fields[struct].append((a, value))
                continue
            if not a.shape and not component(a.dtype)[1]:
                given.append(value.item() if value.dtype.kind != "V" else float(value))
                readers.append(None)
            elif not a.shape:
                given.append(self._type(a.dtype)(*np.ravel(value).tolist()))
                readers.append(None)
            else:
                wanted = grad and is_real(value.dtype)
                held = self.wp.array(
                    value, dtype=self._type(a.dtype), requires_grad=wanted, device=self.device
                )
                given.append(held)
                readers.append((lambda h=held: h.grad.numpy()) if wanted else None)
        at = [place for place, one in enumerate(given) if isinstance(one, str)]
        for place in at:
            given[place], read = self._struct(given[place], fields[given[place]], grad)
            readers = [*readers[:place], *read, *readers[place:]]
        return given, readers

    def _struct(
        self, name: str, fields: list[tuple[Argument, np.ndarray]], grad: bool
    ) -> tuple[Any, list[Callable[[], np.ndarray] | None]]:
        """A struct, or an array of them, filled; and how each field's gradient is read."""
        type_ = argument_type(self.kernel, name)
        keys = [a.name.partition(".")[2] for a, _ in fields]
        if not fields[0][0].shape:
            held = type_()
            for key, (_, value) in zip(keys, fields, strict=True):
                setattr(held, key, value.item())
            return held, [None] * len(fields)
        rows: Any = np.zeros(fields[0][0].shape, type_.dtype.numpy_dtype())
        for key, (_, value) in zip(keys, fields, strict=True):
            rows[key] = value
        held = self.wp.array(rows, dtype=type_.dtype, requires_grad=grad, device=self.device)
        if not grad:
            return held, [None] * len(fields)
        return held, [
            (lambda key=key: held.grad.numpy()[key]) if is_real(value.dtype) else None
            for key, (_, value) in zip(keys, fields, strict=True)
        ]
