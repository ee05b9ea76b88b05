"""What goes into an extraction and what comes out: values, never exceptions."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

LANGUAGES = ("warp", "jax", "stablehlo")
PAIRED = "paired"  # one program in two texts, compiled as warp and as jax
DEVICES = ("cpu", "cuda", "both")
MODES = ("forward", "backward", "both")
COLUMNS = {
    "warp": ("cpp", "cuda"),
    "jax": ("hlo_forward", "hlo_backward", "hlo_optimized"),
    "stablehlo": ("cpp", "cuda"),
    PAIRED: ("cpp", "cuda", "hlo_forward", "hlo_backward", "hlo_optimized"),
}
REASON_LENGTH = 300

# A folder in front of a file name. A slash after a word or a bracket is a division.
_FOLDER = re.compile(r"(?<![\w)\]/.])(?:[A-Za-z]:)?[/\\](?:[\w.+~-]+[/\\])+")
_ADDRESS = re.compile(r"\b0x[0-9a-fA-F]{6,}\b")
_PLACE = re.compile(r'Error while parsing function "(\w+)" at .*:(\d+):$')


@dataclass(frozen=True)
class Job:
    """One kernel to compile.

    ``inputs`` holds (dtype, shape) for each argument in call order; the JAX languages need it,
    Warp reads its types from the annotations in ``python``.
    """

    language: str
    python: str
    name: str
    inputs: tuple[tuple[str, tuple[int, ...]], ...] = ()
    device: str = "both"
    mode: str = "both"
    preamble: bool = False
    twin: str = ""  # of a pair: the JAX function beside the Warp kernel in ``python``
    run: bool = False  # it will be run in this process: keep what that needs

    def __post_init__(self) -> None:
        """Raise ValueError for a language, device or mode that does not exist."""
        for what, value, choices in (
            ("language", self.language, (*LANGUAGES, PAIRED)),
            ("device", self.device, DEVICES),
            ("mode", self.mode, MODES),
        ):
            if value not in choices:
                raise ValueError(f"unknown {what} {value!r}: choose from {', '.join(choices)}")


@dataclass(frozen=True)
class Extracted:
    """The compiled texts by column name; a column that was not asked for is an empty string."""

    texts: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Rejected:
    """Why a kernel gave no row: the stage that stopped it and the reason, one line."""

    stage: str  # "generate", "import", "trace", "lower", "codegen", "compile", "worker"
    reason: str


Outcome = Extracted | Rejected


@dataclass(frozen=True)
class UserKernel:
    """A kernel of a user's with what became of it.

    ``python`` compiles to the same by itself when ``self_contained``, else it is the source as
    found. ``arguments`` are (name, type) in call order; ``line`` is where it begins in its file.
    """

    name: str
    language: str
    python: str
    arguments: tuple[tuple[str, str], ...]
    outcome: Outcome
    self_contained: bool = False
    line: int = 0

    @property
    def texts(self) -> dict[str, str]:
        """Compiled texts by column; empty strings when the kernel was rejected."""
        if isinstance(self.outcome, Extracted):
            return self.outcome.texts
        return dict.fromkeys(COLUMNS[self.language], "")


def refused(stage: str, error: BaseException) -> Rejected:
    """What a compiler raised, as a value; MemoryError, which is of the process, is raised again."""
    if isinstance(error, MemoryError):
        raise error
    if "RESOURCE_EXHAUSTED" in str(error):  # XLA's word for it
        raise MemoryError(one_line(error)) from error
    return Rejected(stage, one_line(error))


def one_line(error: BaseException) -> str:
    """An exception as one line that is the same on every machine: no folders, no addresses."""
    # A KeyError's own text is the repr of its message.
    message = error.args[0] if len(error.args) == 1 and isinstance(error.args[0], str) else error
    lines = [line.strip(" ;") for line in str(message).splitlines()]
    lines = [line for line in lines if line]
    text = lines[0] if lines else ""
    # Warp says first where it happened, outermost first, each with its line, and last what did.
    places = [i for i, line in enumerate(lines) if _PLACE.match(line)]
    if places and len(lines) > places[-1] + 2:
        at = places[-1]
        name, number = _PLACE.match(lines[at]).groups()  # pyright: ignore
        text = f"{lines[at + 2]} (in {name}, line {number}: {lines[at + 1]})"
    text = _ADDRESS.sub("0x", _FOLDER.sub("", text))
    name = type(error).__name__
    return f"{name}: {text}"[:REASON_LENGTH] if text else name
