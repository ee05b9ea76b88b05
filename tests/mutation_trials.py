"""Trying the verification on wrong code: mutants of rows, what they change, whether it is seen.

Whether a mutant is another function is decided by running it beside the original on inputs that the
verification does not draw: where no element of an output lies further apart than `APART` units of
the last place of the output's largest value, and, where the kernel is differentiable, no element
of its gradient further than as many of the gradient's largest value, the mutant is none. What only
computes in lower precision is judged by its outputs: a gradient may jump with any rounding.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any

import numpy as np
from mutations import KINDS, mutate

import generators
from extractors import Extractor
from extractors.outcomes import Job, Rejected, one_line
from extractors.workers import Died, each_in_turn, extract_all
from verification.examine import examine
from verification.tasks import NOT_DIFFERENTIABLE, TIERS, Place, Task, Verdict
from verification.tolerances import EPS
from verification.values import draws, wide

APART = 100.0  # units of the last place, beside the largest value, from which numbers differ
DRAWS = 4  # of inputs that both are run on, one of them with ends of the intervals
BATCH = 48  # kernels at a time: they share one module of Warp
DEADLINE_S = 20.0
BROKEN = "broken"  # a mutant that does not compile, or that ends its process


@dataclass(frozen=True)
class Mutant:
    """A changed kernel: the half of a row that was changed, and the whole row."""

    row: str
    category: str
    kind: str
    original: Task
    task: Task
    half: Task  # of a pair the language that was changed, else the same as ``task``
    first: Task  # likewise of the original


@dataclass(frozen=True)
class Trial:
    """What became of a mutant: whether it is another function, and what was said of it."""

    mutant: Mutant
    changed: str  # how it differs; BROKEN where there is nothing to run; empty where it is equal
    right: Verdict
    verdict: Verdict | None = None

    @property
    def caught(self) -> bool:
        """Whether the mutant ended below the tier of its original."""
        return self.verdict is None or _rank(self.verdict) < _rank(self.right)


def _rank(verdict: Verdict) -> int:
    return TIERS.index(verdict.tier)


def _refused(verdict: Verdict) -> bool:
    return verdict.reason not in ("", NOT_DIFFERENTIABLE)


def _row(task: Task) -> str:
    """The key that names a row."""
    place = task.place
    at = f"seed={place.seed}&split={place.split}&index={place.index}" if place else ""
    return f"{task.language}?{at}&variant=0&extended=1"


def trials(
    language: str, rows: int, each: int, seed: int, start: int, refused: dict[str, str]
) -> Iterator[Trial]:
    """Try ``each`` mutants of ``rows`` rows of every category of a config.

    Rows that miss a tier themselves are entered in ``refused`` with the reason; those that do not
    even match, which a dataset leaves out as well, have no mutants.
    """
    rng = Random(f"{language} {seed}")
    count = rows * len(generators.categories(language, extended=True))
    used: Counter[str] = Counter()
    with Extractor(language, deadline_s=DEADLINE_S) as worker:
        step = max(1, BATCH // each)
        for lo in range(start, start + count, step):
            tasks = [original(language, n) for n in range(lo, min(lo + step, start + count))]
            said = answers(worker, examine, [t for t, _ in tasks])
            said = [Verdict(TIERS[0], "run", v.reason) if isinstance(v, Died) else v for v in said]
            right = dict(zip(tasks, said, strict=True))
            made = [
                mutant
                for (task, kernel), verdict in right.items()
                for mutant in mutants(task, kernel, each, rng, used)
                if verdict.tier in ("matched", "gradient")
            ]
            verdicts = {task: verdict for (task, _), verdict in right.items()}
            refused.update({_row(t): v.reason for t, v in verdicts.items() if _refused(v)})
            yield from _tried(worker, made, verdicts)


def original(language: str, index: int) -> tuple[Task, generators.Kernel]:
    """A row's task and kernel."""
    kernel = generators.generate(language, 0, index, extended=True)
    place = Place(language, 0, index, "train", None, True)
    task = Task(
        language, kernel.python, kernel.name, kernel.arguments, kernel.twin, "gradient", place
    )
    return task, kernel


def mutants(
    task: Task, kernel: generators.Kernel, each: int, rng: Random, used: Counter[str]
) -> Iterator[Mutant]:
    """Up to so many mutants of a row, of different kinds, the least used first."""
    twin = bool(task.twin) and rng.random() < 0.5
    text = task.twin if twin else task.python
    language = "jax" if task.language == "stablehlo" or twin else task.language
    language = "warp" if language == "paired" else language
    first = replace(task, language=language, python=text, twin="")
    kinds = [k for k in KINDS if kernel.differentiable or k != "wrong_adjoint"]
    order = sorted(kinds, key=lambda kind: (used[kind], rng.random()))
    for kind in order:
        if each and (found := mutate(text, task.name, kind, rng)):
            used[kind] += 1
            each -= 1
            whole = replace(task, twin=found) if twin else replace(task, python=found)
            half = replace(first, python=found)
            yield Mutant(_row(task), kernel.category, kind, task, whole, half, first)


def _tried(
    worker: Extractor, made: Sequence[Mutant], right: dict[Task, Verdict]
) -> Iterator[Trial]:
    """What is changed by mutants that compile, and what the verification says of them."""
    warps = [m for m in made if m.half.language == "warp"]
    jobs = [Job("warp", m.half.python, m.half.name, ()) for m in warps]
    said = answers(worker, extract_all, jobs)
    bad = {m.half for m, o in zip(warps, said, strict=True) if isinstance(o, (Rejected, Died))}
    halves = list(dict.fromkeys(t for m in made for t in (m.first, m.half) if t not in bad))
    outputs: dict[Task, Any] = dict(zip(halves, answers(worker, outputs_of, halves), strict=True))
    outputs |= dict.fromkeys(bad, BROKEN)
    same = [
        m
        for m in made
        if m.kind != "low_precision" and right[m.original].tier == "gradient"
        if not apart(outputs[m.first], outputs[m.half])
    ]
    halves = list(dict.fromkeys(t for m in same for t in (m.first, m.half)))
    slopes = dict(zip(halves, answers(worker, gradients_of, halves), strict=True))
    changed = [
        apart(outputs[m.first], outputs[m.half])
        or (m in same and apart(slopes[m.first], slopes[m.half], True) and "in its adjoint")
        or ""
        for m in made
    ]
    tried = [m.task for m, how in zip(made, changed, strict=True) if how and how != BROKEN]
    verdicts = dict(zip(tried, answers(worker, examine, tried), strict=True))
    for mutant, how in zip(made, changed, strict=True):
        verdict = verdicts.get(mutant.task)
        yield Trial(
            mutant, how, right[mutant.original], verdict if isinstance(verdict, Verdict) else None
        )


def answers(worker: Extractor, function: Callable, tasks: Sequence) -> list:
    """What a function of tasks says of each in the worker; a ``Died`` for one that ends it."""
    if not tasks:
        return []
    found = worker.call(function, (list(tasks), DEADLINE_S), DEADLINE_S * (len(tasks) + 2))
    if not isinstance(found, Died):
        return found
    if len(tasks) == 1:
        return [found]
    half = len(tasks) // 2
    return [
        *answers(worker, function, tasks[:half]),
        *answers(worker, function, tasks[half:]),
    ]


def apart(first: Any, other: Any, together: bool = False) -> str:
    """How far what one kernel gives is from what another gives; empty where it is the same.

    With ``together``, all that it gives is measured by the largest of it.
    """
    if isinstance(first, (str, Died)) or isinstance(other, (str, Died)):
        return BROKEN
    for ones, others in zip(first, other, strict=True):
        if len(ones) != len(others):
            return "in number"
        for one, two in zip(ones, others, strict=True):
            if one is None or two is None:
                if one is not two:
                    return "in what has a gradient"
                continue
            if one.shape != two.shape and not one.size == two.size == 1:
                return "in shape"
            if one.dtype != two.dtype:
                return "in dtype"
            unit = EPS.get(one.dtype.name, 2.0**-23 if one.dtype == "complex64" else 2.0**-52)
            one, two = wide(one).ravel(), wide(two).ravel()
            if one.dtype.kind in "biu":
                if np.any(one != two):
                    return "in whole numbers"
                continue
            if not np.array_equal(np.isfinite(one), np.isfinite(two)):
                return "in what is finite"
            fine = np.isfinite(one)
            far = np.max(np.abs(one - two)[fine], initial=0.0)
            most = np.max(np.abs(one)[fine], initial=0.0)
            if together:
                every = [np.abs(wide(o)) for o in ones if o is not None and o.dtype.kind in "fV"]
                most = max(float(np.max(o, initial=0.0, where=np.isfinite(o))) for o in every)
            if far > APART * unit * most:
                return f"by {far / (unit * most) if most else np.inf:.3g} units"
    return ""


# What follows runs in the worker.


def outputs_of(tasks: Sequence[Task], deadline_s: float) -> list:
    """The outputs of each kernel on a few draws; where there are none, a text that says why."""
    return _each(tasks, deadline_s, _outputs)


def gradients_of(tasks: Sequence[Task], deadline_s: float) -> list:
    """The gradients of each kernel on a few draws; where there are none, a text that says why."""
    return _each(tasks, deadline_s, _gradients)


def _each(tasks: Sequence[Task], deadline_s: float, do: Callable) -> list:
    from extractors.warp_codegen import running

    found: list[Any] = [None] * len(tasks)
    for warp in (True, False):
        at = [n for n, task in enumerate(tasks) if (task.language == "warp") == warp]
        if not at:
            continue
        sources = [(tasks[n].python, tasks[n].name) for n in at]
        if warp:
            try:
                with running(sources, "cpu") as kernels:
                    pairs = [(tasks[n], k) for n, k in zip(at, kernels, strict=True)]
                    said = each_in_turn(lambda pair: _attempt(do, *pair), pairs, deadline_s)
            except (Exception, SystemExit) as error:  # noqa: BLE001
                half = len(at) // 2
                if not half:
                    said = [one_line(error)]
                else:
                    parts = at[:half], at[half:]
                    said = [f for p in parts for f in _each([tasks[n] for n in p], deadline_s, do)]
        else:
            said = each_in_turn(lambda n: _attempt(do, tasks[n], None), at, deadline_s)
        for n, one in zip(at, said, strict=True):
            found[n] = one
    return found


def _attempt(do: Callable, task: Task, kernel: Any) -> Any:
    from verification.jax_launch import JaxRun
    from verification.warp_launch import WarpRun

    try:
        run = WarpRun(kernel) if kernel else JaxRun(task.python, task.name, task.arguments)
        return do(run, task)
    except (Exception, SystemExit) as error:  # noqa: BLE001  whatever a mutant leads to
        return one_line(error)


def _inputs(task: Task, number: int) -> list[np.ndarray]:
    rng = np.random.default_rng([77, zlib.crc32(repr(task.arguments).encode()), number])
    return draws(task.arguments, rng, ends=number == DRAWS - 1)


def _outputs(run: Any, task: Task) -> list:
    return [run.outputs(task.arguments, _inputs(task, number)) for number in range(DRAWS)]


def _gradients(run: Any, task: Task) -> list:
    found = []
    for number in range(DRAWS // 2):
        values = _inputs(task, number)
        rng = np.random.default_rng(number)
        weights = [
            rng.uniform(0.5, 1.5, out.shape).astype(out.dtype) if out.dtype.kind in "fV" else None
            for out in run.outputs(task.arguments, values)
        ]
        found.append(run.gradients(task.arguments, values, weights))
    return found
