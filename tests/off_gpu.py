"""What tests have a worker do in place of a GPU: compare the CPU with itself, with faults."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

sys.path.insert(0, str(Path(__file__).parent.parent / "benchmarks"))

import on_gpu

from verification.warp_launch import WarpRun


class Faulty(WarpRun):
    """A run on the second device that goes wrong."""

    fault = ""

    def __init__(self, kernel, device=""):
        super().__init__(kernel, device or "cpu")
        self.wrong = bool(device)

    def outputs(self, arguments, values):
        if self.wrong and self.fault == "launch":
            raise RuntimeError("no launch")
        found = super().outputs(arguments, values)
        return [out * 1.01 for out in found] if self._is("outputs") else found

    def gradients(self, arguments, values, cotangents):
        found = super().gradients(arguments, values, cotangents)
        if self._is("gradients"):
            return [g if g is None else g * 1.01 for g in found]
        if self._is("element") and all(w is None or (w == 1).all() for w in cotangents):
            found[0].flat[5] *= 1.001
        return found

    def _is(self, fault: str) -> bool:
        return self.wrong and self.fault == fault


def faulty(cases: Sequence, fault: str) -> list:
    """What is said of kernels on a device with a fault."""
    with patch.object(on_gpu, "WarpRun", Faulty), patch.object(Faulty, "fault", fault):
        return on_gpu.compare(cases, 0.0)


def broken(cases: Sequence, place: int) -> list:
    """What is said of kernels one of which no compiler takes."""
    generated = on_gpu.generated

    def with_one_bad(asked):
        kernel = generated(asked)
        if asked != cases[place].place:
            return kernel
        head, _, body = kernel.python.partition(" = ")
        return replace(kernel, python=f"{head} = wp.nonsense(1.0) + {body}")

    with patch.object(on_gpu, "generated", with_one_bad):
        return on_gpu.compare(cases, 0.0)


def devices(names: Sequence[str]) -> list[bool]:
    """Which of them there are."""
    return [on_gpu.there_is(name) for name in names]
