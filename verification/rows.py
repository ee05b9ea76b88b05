"""Making a row: the one way, for the builder, the command line and whatever scales it out.

A row is a pure function of its options, split and index. It says what was shown for it: the tier
in ``verified`` is the highest of ``TIERS`` that was reached.
"""

from __future__ import annotations

import logging
import shlex
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple, Protocol
from urllib.parse import urlencode

import extractors
import generators
from extractors.outcomes import COLUMNS, Job, Outcome, Rejected
from extractors.workers import Died
from verification.tasks import LEVELS, NOT_DIFFERENTIABLE, TIERS, Place, Task, Verdict

BATCH = 32  # kernels sent to the compiler at once where nobody waits for the first row
TRIES = 8  # compiled variants of an index that may be rejected, until that is called an error
DEFAULT_MODES = {"warp": "both", "jax": "both", "stablehlo": "forward", "paired": "both"}

log = logging.getLogger("jit_synthesis")


class Options(Protocol):
    """What a row depends on beside its place: JitSynthesisConfig has it all."""

    name: str
    seed: int
    categories: Sequence[str] | None
    extended: bool
    device: str
    mode: str | None
    preamble: bool
    min_verified: str | None

    @property
    def level(self) -> str:
        """Up to which of ``LEVELS`` rows are verified."""
        ...


def differing(options: Options) -> dict[str, Any]:
    """The options that shape rows and differ from their defaults, the seed left out."""
    defaults = {
        "categories": None,
        "extended": False,
        "device": "both",
        "mode": DEFAULT_MODES[options.name],
        "preamble": False,
        "verify": "extract",
        "min_verified": None,
    }
    given = {k: options.level if k == "verify" else getattr(options, k) for k in defaults}
    found = {k: v for k, v in given.items() if v != defaults[k]}
    if "categories" in found:
        found["categories"] = ",".join(found["categories"])
    return found


def job(options: Options, kernel: generators.Kernel) -> Job:
    """The extraction of one kernel under these options."""
    return Job(
        language=options.name,
        python=kernel.python,
        name=kernel.name,
        inputs=kernel.inputs(),
        device=options.device,
        mode=options.mode or DEFAULT_MODES[options.name],
        preamble=options.preamble,
        twin=kernel.twin,
        run=options.level != LEVELS[0],
    )


def sources(config: str) -> tuple[str, ...]:
    """The columns of a config that hold Python."""
    return ("python_warp", "python_jax") if config == "paired" else ("python",)


def warn(rejection: Rejection) -> None:
    """Log one line on a kernel that gave no row."""
    if rejection.kept:
        return
    log.warning("rejected in %s: %s (%s)", rejection.stage, rejection.reason, rejection.repro)


@dataclass(frozen=True)
class Rejection:
    """Why a kernel gave no row, or a row that was not shown all that was asked for.

    ``stage`` is where it was stopped and ``reason`` says why; ``repro`` is the command that shows
    it. ``kept`` tells that its row stands, with the tier below.
    """

    split: str
    index: int
    variant: int
    stage: str
    reason: str
    repro: str
    category: str = ""
    kept: bool = False


class Made(NamedTuple):
    """What one variant of an index came to: a row, what is missing of it, or both."""

    row: dict[str, Any] | None
    missed: Rejection | None


class Compiler(Protocol):
    """What compiles jobs, in order, and does tasks: an Extractor or anything like it."""

    def extract(self, jobs: Sequence[Job]) -> list[Outcome]:
        """One outcome a job."""
        ...

    def each(self, function: Callable[..., Any], tasks: Sequence[Any]) -> list[Any]:
        """What ``function(tasks, deadline_s)`` says of each, or a Died."""
        ...


def row_key(options: Options, split: str, index: int, variant: int) -> str:
    """The text that regenerates a row: ``jax?seed=7&split=train&index=17&variant=0``."""
    place = {"seed": options.seed, "split": split, "index": index, "variant": variant}
    more = {k: int(v) if v is True else v for k, v in differing(options).items()}
    return f"{options.name}?{urlencode(place | more, safe=',')}"


def attempt(
    options: Options,
    split: str,
    indexes: Sequence[int],
    variant: int,
    compiler: Compiler,
) -> list[Made]:
    """For each index, what one variant of it comes to."""
    kernels = [
        generators.generate(
            options.name,
            options.seed,
            index,
            split=split,
            categories=options.categories,
            extended=options.extended,
            variant=variant,
        )
        for index in indexes
    ]
    hopeful = [k.differentiable or options.min_verified != TIERS[-1] for k in kernels]
    asked = [kernel for kernel, hope in zip(kernels, hopeful, strict=True) if hope]
    outcomes = iter(compiler.extract([job(options, kernel) for kernel in asked]))
    refused = Rejected("generate", NOT_DIFFERENTIABLE)
    found = [next(outcomes) if hope else refused for hope in hopeful]
    verdicts = _verdicts(options, split, indexes, variant, kernels, found, compiler)
    return [
        _made(options, split, index, variant, kernel, outcome, verdict)
        for index, kernel, outcome, verdict in zip(indexes, kernels, found, verdicts, strict=True)
    ]


def _verdicts(
    options: Options,
    split: str,
    indexes: Sequence[int],
    variant: int,
    kernels: Sequence[generators.Kernel],
    outcomes: Sequence[Outcome],
    compiler: Compiler,
) -> list[Verdict]:
    """The tier of each kernel that was extracted."""
    level = options.level
    found = [Verdict(TIERS[0])] * len(kernels)
    if level == LEVELS[0]:
        return found
    from verification.examine import examine

    places = [n for n, outcome in enumerate(outcomes) if not isinstance(outcome, Rejected)]
    chosen = options.categories
    tasks = [
        Task(
            language=options.name,
            python=kernels[n].python,
            name=kernels[n].name,
            arguments=kernels[n].arguments,
            twin=kernels[n].twin,
            level=level,
            place=Place(
                language=options.name,
                seed=options.seed,
                index=indexes[n],
                split=split,
                categories=None if chosen is None else tuple(chosen),
                extended=options.extended,
                variant=variant,
            ),
        )
        for n in places
    ]
    for n, verdict in zip(places, compiler.each(examine, tasks), strict=True):
        died = isinstance(verdict, Died)
        found[n] = Verdict(TIERS[0], LEVELS[1], verdict.reason) if died else verdict
    return found


def _made(
    options: Options,
    split: str,
    index: int,
    variant: int,
    kernel: generators.Kernel,
    outcome: Outcome,
    verdict: Verdict,
) -> Made:
    """A row, and what is missing of it."""
    refused = outcome if isinstance(outcome, Rejected) else None
    enough = TIERS.index(verdict.tier) >= TIERS.index(options.min_verified or TIERS[0])
    missed = None
    if refused or not enough or verdict.reason not in ("", NOT_DIFFERENTIABLE):
        missed = Rejection(
            split=split,
            index=index,
            variant=variant,
            stage=refused.stage if refused else verdict.stage,
            reason=refused.reason if refused else verdict.reason,
            repro=repro_command(options, split, index, variant),
            category=kernel.category,
            kept=not refused and enough,
        )
    if isinstance(outcome, Rejected) or not enough:
        return Made(None, missed)
    row = {
        "id": index,
        "kernel_name": kernel.name,
        **dict(zip(sources(options.name), (kernel.python, kernel.twin), strict=False)),
        **{column: outcome.texts.get(column, "") for column in COLUMNS[options.name]},
        "type": kernel.type,
        "category": kernel.category,
        "inputs": [asdict(a) | {"shape": list(a.shape)} for a in kernel.arguments],
        "operations": list(kernel.operations),
        "differentiable": kernel.differentiable,
        "verified": verdict.tier,
        "fingerprint": kernel.fingerprint,
        "structure": kernel.structure,
        "row_key": row_key(options, split, index, variant),
    }
    return Made(row, missed)


def repro_command(options: Options, split: str, index: int, variant: int) -> str:
    """The command that shows one variant of one index of a split."""
    words = ["jit-synthesis", "show", options.name, str(index), "--seed", str(options.seed)]
    words += ["--split", split, "--variant", str(variant)]
    for option, value in differing(options).items():
        flag = f"--{option.replace('_', '-')}"
        words += [flag] if value is True else [flag, value]
    return shlex.join(words)


def rows(
    options: Options,
    split: str,
    start: int,
    stop: int,
    *,
    batch: int = BATCH,
    compiler: Compiler | None = None,
    on_reject: Callable[[Rejection], None] | None = None,
) -> Iterator[dict[str, Any]]:
    """Rows [start, stop) of a split, in order: the one place where rows are made.

    A kernel that gives no row goes to ``on_reject`` (a warning in the log by default) and its
    index's next variant takes its place; so does one whose row was not shown all that was asked,
    and its row stands. ``batch`` only says how many are compiled ahead. Raises RuntimeError when
    no variant of an index will do. Labels are names here; features encode them.
    """
    note = on_reject or warn
    with (
        extractors.Extractor(options.name) if compiler is None else nullcontext(compiler) as worker
    ):
        for low in range(start, stop, batch):
            indexes = range(low, min(low + batch, stop))
            done: dict[int, dict[str, Any]] = {}
            tried: Counter[int] = Counter()
            last: dict[int, Rejection] = {}
            for variant in range(generators.VARIANTS):
                missing = [i for i in indexes if i not in done and tried[i] < TRIES]
                if not missing:
                    break
                for index, made in zip(
                    missing, attempt(options, split, missing, variant, worker), strict=True
                ):
                    if made.missed:
                        tried[index] += made.missed.stage != "generate"
                        last[index] = made.missed
                        note(made.missed)
                    if made.row:
                        done[index] = made.row
            for index in indexes:
                if index not in done:
                    why = last[index]
                    raise RuntimeError(
                        f"no variant of {options.name} {split} index {index} will do: the last of "
                        f"{why.variant + 1} was stopped by {why.stage}: {why.reason} ({why.repro})"
                    )
                yield done[index]
