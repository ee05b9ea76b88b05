"""Manner: comments, named constants, augmented assignment; none changes what is computed."""

from __future__ import annotations

from generators.streams import Stream

COMMENTED = 0.22  # share of kernels with comments
_AUGMENTED = 0.25  # share of kernels that write x += y for x = x + y where they can
_NAMED = 0.12  # share of kernels with a constant before them

# What a comment may say before a statement of a kind; each is true of any such statement.
REMARKS: dict[str, tuple[str, ...]] = {
    "tid": ("one thread per element", "index of this thread", "where this thread works"),
    "block": ("one block of threads per tile", "which tile this block works on"),
    "tiles": ("load the tiles", "tiles of this block"),
    "load": ("read the inputs", "inputs of this element", "local copies"),
    "branch": ("which side of the threshold", "pick one of two formulas", "two cases"),
    "loop": ("iterate", "run the rounds one after the other"),
    "reduce": ("reduce along the last axis", "go through the row"),
    "atomic": ("add this element's share", "combine with the other threads"),
    "store": ("write the result", "store what was computed", "result of this element"),
    "result": ("final value", "what is returned"),
}
CONSTANTS = (
    "SCALE", "GAIN", "ALPHA", "BETA", "RATE", "OFFSET", "EPS", "FACTOR", "STEP", "STRENGTH",
)  # fmt: skip


class Manner:
    """The habits of one kernel's author, drawn once."""

    def __init__(self, draw: Stream):
        self.draw = draw
        self.comments = draw.chance(COMMENTED)
        self.constants = 1 if draw.chance(_NAMED) else 0
        self.augments = draw.chance(_AUGMENTED)

    def remark(self, kind: str) -> str:
        """Return a comment for a statement of a kind, empty where there is none."""
        if not self.comments or not self.draw.chance(0.6):
            return ""
        return f"# {self.draw.choice(REMARKS[kind])}"

    def named(self) -> bool:
        """Tell whether the next literal is a constant with a name."""
        if self.constants and self.draw.chance(0.5):
            self.constants -= 1
            return True
        return False
