"""The CUDA form of Warp rows, executed and compared with the CPU's numbers and the reference.

``python benchmarks/on_gpu.py --count 500`` compiles the first rows of config warp, all kernel
types, for the CPU and for ``--device``, runs both on the same inputs and prints a table by
category: rows, the same, differing, failed; then every reason. Numbers agree within the tolerances
of `verification.checks`, not to the bit: atomic additions come in any order, and CUDA contracts
products and sums. The adjoints of differentiable rows are compared too.

It ends with 0 when all rows are the same, with 1 when one differs or failed, and with 3 when
nothing was run: there is no such device. ``--device cpu`` compares the CPU with itself.
"""

from __future__ import annotations

import argparse
import os
import sys
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from rich.console import Console
from rich.progress import track

import generators
from extractors import Extractor
from extractors.outcomes import one_line
from extractors.warp_codegen import be_quiet, load_warp, running
from extractors.workers import Died, each_in_turn
from verification import Place, checks
from verification.expected import AGAIN, Expected, Shake, distance
from verification.tolerances import EPS
from verification.values import is_real, wide
from verification.warp_launch import WarpRun

MODULE = 24  # kernels compiled as one
DEADLINE_S = 300.0  # a kernel: those on tiles that need libmathdx take a minute to compile
NO_DEVICE = "no CUDA device: nothing was run; it needs an NVIDIA GPU and its driver"


class Case(NamedTuple):
    """A kernel to run on the CPU and on ``device``."""

    place: Place
    device: str


class Found(NamedTuple):
    """What came of a case: "same", "differ" or "failed", and why."""

    state: str
    reason: str = ""


def compare(cases: Sequence[Case], deadline_s: float) -> list[Found]:
    """Run kernels on both devices. To be run in a worker, by ``Extractor.each``.

    They are compiled as one module; one that breaks it is found by halving it.
    """
    kernels = [generated(case.place) for case in cases]
    with ExitStack() as stack:
        try:
            texts = [(kernel.python, kernel.name) for kernel in kernels]
            made = stack.enter_context(running(texts, "cpu"))
            # With the block of its launch: a kernel on tiles is other code for each.
            block = int(kernels[0].arguments[-1].low) or None
            load_warp().load_module(made[0].module, device=cases[0].device, block_dim=block)
        except (Exception, SystemExit) as error:  # noqa: BLE001  whatever a compiler refuses
            if len(cases) == 1:
                return [Found("failed", f"compile: {one_line(error)}")]
        else:
            pairs = list(zip(cases, made, strict=True))
            return each_in_turn(lambda pair: _found(*pair), pairs, deadline_s)
    half = len(cases) // 2
    return [*compare(cases[:half], deadline_s), *compare(cases[half:], deadline_s)]


def generated(place: Place) -> generators.Kernel:
    """The kernel of a place."""
    told = asdict(place)
    return generators.generate(told.pop("language"), told.pop("seed"), told.pop("index"), **told)


def _found(case: Case, kernel: Any) -> Found:
    warp = load_warp()
    warp.config.verify_cuda = True  # a launch that goes wrong says so, not the next one
    try:
        reason = next(filter(None, _reasons(case, kernel)), "")
        return Found("differ", reason) if reason else Found("same")
    except Exception as error:  # noqa: BLE001  a launch raises any type
        try:
            warp.synchronize_device(case.device)
        except Exception:  # noqa: BLE001
            # CUDA does nothing more in this process: the worker ends, each is tried by itself.
            os._exit(1)
        return Found("failed", f"run: {one_line(error)}")


def _reasons(case: Case, kernel: Any) -> Iterator[str]:
    """Each comparison in turn: why it fails, empty where it does not."""
    told = asdict(case.place)
    names = told.pop("language"), told.pop("seed"), told.pop("index")
    expected = Expected(generators.subjects(*names, **told)[0])
    arguments = expected.subject.arguments
    seed = [zlib.crc32(repr(case.place).encode())]
    sets = checks.input_sets(arguments, seed)
    here, there = WarpRun(kernel), WarpRun(kernel, case.device)
    both = [[run.outputs(arguments, values) for values in sets] for run in (here, there)]
    for device, found in zip(("cpu", case.device), both, strict=True):
        yield _beside(f"{device} beside the reference", checks.matched(expected, sets, found))
    reason = checks.agreeing(expected, sets, both[1], both[0])
    yield _beside(f"{case.device} beside cpu", reason.partition(", ")[2])
    if not expected.subject.program.differentiable:
        return
    for device, run in (("cpu", here), (case.device, there)):
        reason = checks.gradient(run, expected, np.random.default_rng(seed))
        yield _beside(f"{device} beside the reference", reason)
    yield _beside(f"{case.device} beside cpu", _adjoints(here, there, expected, sets))


def _beside(what: str, reason: str) -> str:
    return reason and f"{what}: {reason}"


def _adjoints(
    here: WarpRun, there: WarpRun, expected: Expected, sets: Sequence[Sequence[np.ndarray]]
) -> str:
    """Why the adjoints of two devices differ.

    What rounding may do to one is measured: how far it moves when its inputs move by that much.
    """
    program, arguments = expected.subject.program, expected.subject.arguments
    eps = EPS[program.dtype]
    for number, values in enumerate(sets):
        ones = [
            np.ones(out.shape, program.dtype) if out.dtype.kind == "f" else None
            for out in expected.outputs(values)
        ]
        one, other = (run.gradients(arguments, values, ones) for run in (here, there))
        moved = []
        for again in range(1, AGAIN + 1):
            shake = Shake(program.dtype, again)
            near = [shake(wide(v), "").astype(v.dtype) if is_real(v.dtype) else v for v in values]
            moved.append(here.gradients(arguments, near, ones))
        for place, (a, b) in enumerate(zip(one, other, strict=True)):
            if a is None or b is None:
                continue
            a, b = wide(a), wide(b)
            noise = np.max([distance(wide(m[place]), a) for m in moved], axis=0)
            allowed = checks.STEEP_MARGIN * noise + checks.FLOOR * eps * np.max(np.abs(a))
            wrong = ~(distance(b, a) <= allowed)
            if wrong.any():
                at = tuple(np.argwhere(wrong)[0])
                return (
                    f"adjoint of input {place}: {int(wrong.sum())} of {wrong.size} differ, "
                    f"{b[at]} for {a[at]} at {[int(n) for n in at]} on inputs {number}"
                )
    return ""


def modules(count: int, seed: int, device: str) -> list[list[Case]]:
    """The first ``count`` rows, in modules whose kernels are launched with the same block."""
    by_block: dict[float, list[Case]] = defaultdict(list)
    for index in range(count):
        place = Place("warp", seed, index, "train", extended=True)
        by_block[generated(place).arguments[-1].low].append(Case(place, device))
    return [
        cases[low : low + MODULE]
        for cases in by_block.values()
        for low in range(0, len(cases), MODULE)
    ]


def table(found: dict[Case, Found]) -> Iterator[str]:
    """Lines of Markdown: a category each, all together, then the reasons."""
    states = ("same", "differ", "failed")
    counts: dict[str, Counter[str]] = {n: Counter() for n in generators.categories("warp", True)}
    reasons = []
    for case, (state, reason) in sorted(found.items(), key=lambda item: item[0].place.index):
        kernel = generated(case.place)
        counts[kernel.category][state] += 1
        if reason:
            reasons.append(f"warp {case.place.index} ({kernel.category}) {state}: {reason}")
    yield "| category | rows | same | differ | failed |"
    yield "|---|---|---|---|---|"
    for name, count in [*counts.items(), ("all", sum(counts.values(), Counter()))]:
        if count:
            cells = (count.total(), *(count[state] for state in states))
            yield f"| {name} | {' | '.join(map(str, cells))} |"
    yield from reasons


def there_is(device: str) -> bool:
    """Whether Warp has a device of this name."""
    be_quiet()
    try:
        load_warp().get_device(device)
    except (ValueError, RuntimeError):
        return False
    return True


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=500, help="rows (default 500)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cuda:0", help="of Warp's names (default cuda:0)")
    given = parser.parse_args(arguments)
    if not there_is(given.device):
        print(NO_DEVICE if given.device == "cuda:0" else f"no device {given.device}: {NO_DEVICE}")
        return 3
    sys.path.insert(0, str(Path(__file__).parent))
    import on_gpu  # as the worker will call it

    found: dict[Case, Found] = {}
    with Extractor("warp", deadline_s=DEADLINE_S) as worker:
        todo = on_gpu.modules(given.count, given.seed, given.device)
        told = Console(stderr=True)
        for cases in track(todo, description=given.device, transient=True, console=told):
            for case, one in zip(cases, worker.each(on_gpu.compare, cases), strict=True):
                died = isinstance(one, Died)
                found[case] = Found("failed", f"worker: {one.reason}") if died else one
    warp = load_warp()
    print(f"warp {warp.__version__}, {warp.get_device(given.device).name}, beside the CPU\n")
    print("\n".join(table(found)))
    return int(any(one.state != "same" for one in found.values()))


if __name__ == "__main__":
    sys.exit(main())
