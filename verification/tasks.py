"""What goes into a verification and what comes out: values, never exceptions."""

from __future__ import annotations

from dataclasses import dataclass

from generators import Argument

TIERS = ("extracted", "ran", "matched", "gradient")
NOT_DIFFERENTIABLE = "not differentiable"
LEVELS = ("extract", "run", "match", "gradient")  # of the option ``verify``: up to which tier


@dataclass(frozen=True)
class Place:
    """What `generators.generate` makes a kernel from."""

    language: str
    seed: int
    index: int
    split: str
    categories: tuple[str, ...] | None = None
    extended: bool = False
    variant: int = 0


@dataclass(frozen=True)
class Task:
    """A kernel to verify up to ``level``.

    ``arguments`` are those of a row's ``inputs``. ``place`` tells which program the text is meant
    to be: without it there is no reference, and a kernel can be run but not matched.
    """

    language: str
    python: str
    name: str
    arguments: tuple[Argument, ...]
    twin: str = ""  # of a pair: the JAX function beside the Warp kernel in ``python``
    level: str = "run"
    place: Place | None = None


@dataclass(frozen=True)
class Verdict:
    """The highest of ``TIERS`` that was shown, and why not the next one of those asked for."""

    tier: str
    stage: str = ""  # the first of ``LEVELS`` that was missed; empty where all asked for was shown
    reason: str = ""
