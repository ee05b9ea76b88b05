"""Examining kernels in a worker: each gets the highest tier that can be shown for it."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from typing import Any

import numpy as np

import generators
from extractors.outcomes import refused
from extractors.workers import each_in_turn
from verification import checks
from verification.expected import Expected
from verification.tasks import LEVELS, NOT_DIFFERENTIABLE, TIERS, Task, Verdict

WARPS = ("warp", "paired")


def examine(tasks: Sequence[Task], deadline_s: float) -> list[Verdict]:
    """The tier of each kernel. To be run in a worker, by ``Extractor.each``.

    Warp kernels are compiled as one module; one that breaks it is found by halving it. With a
    deadline, in seconds, a kernel that overruns it ends the process.
    """
    if not any(task.language in WARPS for task in tasks):
        return each_in_turn(lambda task: _verdict(task, None), tasks, deadline_s)
    from extractors.warp_codegen import running

    with ExitStack() as stack:
        try:
            sources = [(task.python, task.name) for task in tasks]
            kernels = stack.enter_context(running(sources, "cpu"))
        except (Exception, SystemExit) as error:  # noqa: BLE001  whatever Warp refuses a text with
            if len(tasks) == 1:
                return [Verdict(TIERS[0], LEVELS[1], refused(LEVELS[1], error).reason)]
        else:
            pairs = list(zip(tasks, kernels, strict=True))
            return each_in_turn(lambda pair: _verdict(*pair), pairs, deadline_s)
    half = len(tasks) // 2
    return [*examine(tasks[:half], deadline_s), *examine(tasks[half:], deadline_s)]


def _verdict(task: Task, kernel: Any) -> Verdict:
    """Check one tier after the other, up to the first that is missed."""
    wanted = LEVELS.index(task.level)
    tier = 0
    steps = _steps(task, kernel)
    while tier < wanted:
        try:
            reason = next(steps)
        except (Exception, SystemExit, KeyboardInterrupt) as error:  # noqa: BLE001  foreign code
            reason = refused(LEVELS[tier + 1], error).reason
        if reason:
            return Verdict(TIERS[tier], LEVELS[tier + 1], reason[:300])
        tier += 1
    return Verdict(TIERS[tier])


def _steps(task: Task, kernel: Any) -> Iterator[str]:
    """Show a tier at each step; what is yielded is why it is not shown."""
    seed = [zlib.crc32(task.python.encode())]
    runs = list(_runs(task, kernel))
    sets = checks.input_sets(task.arguments, seed)
    found = [[run.outputs(task.arguments, values) for values in sets] for run, _ in runs]
    reason = next(filter(None, map(checks.ran, found)), "")
    yield reason or (checks.alike(*found) if len(found) == 2 else "")

    if task.place is None:
        yield "it is not known what it is meant to compute"
    place = asdict(task.place)  # pyright: ignore
    subjects = generators.subjects(
        place.pop("language"), place.pop("seed"), place.pop("index"), **place
    )
    own = Expected(subjects[0])
    if own.subject.arguments != task.arguments:
        yield "its inputs are not those of its program"
    sizes = [
        (s.arguments, checks.draws(s.arguments, np.random.default_rng(seed))) for s in subjects
    ]
    for run, _ in runs:
        run.expect(sizes, task.level == LEVELS[-1] and own.subject.program.differentiable)
    reasons = [checks.matched(own, sets, outputs) for outputs in found]
    for number, subject in enumerate(subjects[1:], checks.SETS):
        values = [
            checks.draws(subject.arguments, np.random.default_rng([*seed, number, again]))
            for again in range(checks.BOUNDARY_SETS)
        ]
        for run, _ in runs:
            outputs = [run.outputs(subject.arguments, each) for each in values]
            reasons.append(checks.matched(Expected(subject), values, outputs, sure=False))
    if len(found) == 2 and not any(reasons):
        reasons.append(checks.agreeing(own, sets, *found))
    yield next(filter(None, reasons), "")

    if not own.subject.program.differentiable:
        yield NOT_DIFFERENTIABLE
    reasons = []
    for run, ones in runs:
        for number, subject in enumerate(subjects if not ones else subjects[:1]):
            rng = np.random.default_rng([*seed, 100 + number])
            reasons.append(checks.gradient(run, Expected(subject), rng, ones))
    yield next(filter(None, reasons), "")


def _runs(task: Task, kernel: Any) -> Iterator[tuple[checks.Run, bool]]:
    """Each language's form of a kernel, and whether its cotangents are ones."""
    if task.language in WARPS:
        from verification.warp_launch import WarpRun

        yield WarpRun(kernel), False
    if task.language != "warp":
        from verification.jax_launch import JaxRun

        yield JaxRun(task.twin or task.python, task.name, task.arguments), True
