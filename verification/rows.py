"""Making a row: the one way, for the builder, the command line and whatever scales it out.

A row is a pure function of its options, split and index. It says what was shown for it: the tier
in ``verified`` is the highest of ``TIERS`` that was reached.
"""

from __future__ import annotations

import logging
import shlex
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from typing import Any, Protocol
from urllib.parse import urlencode

import extractors
import generators
from extractors.outcomes import COLUMNS, Job, Outcome, Rejected

BATCH = 16  # kernels sent to the compiler at once where nobody waits for the first row
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


def differing(options: Options) -> dict[str, Any]:
    """The options that shape rows and differ from their defaults, the seed left out."""
    defaults = {
        "categories": None,
        "extended": False,
        "device": "both",
        "mode": DEFAULT_MODES[options.name],
        "preamble": False,
    }
    found = {k: getattr(options, k) for k, v in defaults.items() if getattr(options, k) != v}
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
    )


def sources(config: str) -> tuple[str, ...]:
    """The columns of a config that hold Python."""
    return ("python_warp", "python_jax") if config == "paired" else ("python",)


def warn(rejection: Rejection) -> None:
    """Log one line on a rejection."""
    log.warning("rejected in %s: %s (%s)", rejection.stage, rejection.reason, rejection.repro)


@dataclass(frozen=True)
class Rejection:
    """A kernel that gave no row: where it was stopped, why, and the command that shows it."""

    split: str
    index: int
    variant: int
    stage: str
    reason: str
    repro: str


class Compiler(Protocol):
    """What compiles jobs, in order: an Extractor or anything like it."""

    def extract(self, jobs: Sequence[Job]) -> list[Outcome]:
        """One outcome a job."""
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
) -> list[dict[str, Any] | Rejection]:
    """For each index, the row that one variant of it gives, or why it gives none."""
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
    outcomes = compiler.extract([job(options, kernel) for kernel in kernels])
    return [
        Rejection(
            split=split,
            index=index,
            variant=variant,
            stage=outcome.stage,
            reason=outcome.reason,
            repro=repro_command(options, split, index, variant),
        )
        if isinstance(outcome, Rejected)
        else {
            "id": index,
            "kernel_name": kernel.name,
            **dict(zip(sources(options.name), (kernel.python, kernel.twin), strict=False)),
            **{column: outcome.texts.get(column, "") for column in COLUMNS[options.name]},
            "type": kernel.type,
            "category": kernel.category,
            "inputs": [asdict(a) | {"shape": list(a.shape)} for a in kernel.arguments],
            "operations": list(kernel.operations),
            "differentiable": kernel.differentiable,
            "verified": "extracted",
            "fingerprint": kernel.fingerprint,
            "structure": kernel.structure,
            "row_key": row_key(options, split, index, variant),
        }
        for index, kernel, outcome in zip(indexes, kernels, outcomes, strict=True)
    ]


def repro_command(options: Options, split: str, index: int, variant: int) -> str:
    """The command that shows one variant of one index of a split."""
    words = ["jit-synthesis", "show", options.name, str(index), "--seed", str(options.seed)]
    words += ["--split", split, "--variant", str(variant)]
    for option, value in differing(options).items():
        words += [f"--{option}"] if value is True else [f"--{option}", value]
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

    A rejected kernel goes to ``on_reject`` (a warning in the log by default) and its index's next
    variant takes its place. ``batch`` only says how many are compiled ahead. Raises RuntimeError
    when no variant of an index compiles. Labels are names here; features encode them.
    """
    note = on_reject or warn
    with (
        extractors.Extractor(options.name) if compiler is None else nullcontext(compiler) as worker
    ):
        for low in range(start, stop, batch):
            indexes = range(low, min(low + batch, stop))
            done: dict[int, dict[str, Any]] = {}
            for variant in range(generators.VARIANTS):
                missing = [index for index in indexes if index not in done]
                if not missing:
                    break
                for result in attempt(options, split, missing, variant, worker):
                    if isinstance(result, Rejection):
                        note(result)
                    else:
                        done[result["id"]] = result
            for index in indexes:
                if index not in done:
                    repro = repro_command(options, split, index, generators.VARIANTS - 1)
                    raise RuntimeError(
                        f"none of the {generators.VARIANTS} variants of {options.name} {split} "
                        f"index {index} compiles; see the last one: {repro}"
                    )
                yield done[index]
