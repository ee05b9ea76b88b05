"""Structs of Warp kernels: single numbers, or the arrays of an element, kept under one name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from generators.names import Names
from generators.program import Gather, Neighbor, Param, Program, Reduce
from generators.streams import Stream

SETTINGS = ("Params", "Settings", "Config", "Options", "Model")
SETTINGS_NAMES = ("params", "settings", "config", "opts", "model")
ELEMENTS = ("Particle", "Cell", "Sample", "Node", "Item", "Site", "Body", "Record")
_RATES = {1: 0.15, 2: 0.4}  # by how many single numbers there are
_ELEMENTS_RATE = 0.12


@dataclass(frozen=True)
class Struct:
    """A struct: its type's name, the argument's name, its fields by parameter id.

    ``element`` is the local that holds one entry of an array of structs, empty for a single one.
    """

    type: str
    name: str
    fields: dict[int, str] = field(default_factory=dict)
    element: str = ""

    def text(self, annotation: Callable[[int], str]) -> list[str]:
        """Return its declaration."""
        lines = [f"    {name}: {annotation(id_)}" for id_, name in self.fields.items()]
        return ["@wp.struct", f"class {self.type}:", *lines]

    def read(self, id_: int) -> str:
        """Return how a field is read."""
        return f"{self.element or self.name}.{self.fields[id_]}"


def group(program: Program, names: Names, draw: Stream) -> Struct | None:
    """Draw which parameters of a program stand in a struct; None for none."""
    scalars = [p for p in program.params if not p.axes and p.type in "fk"]
    if scalars and draw.chance(_RATES[min(len(scalars), 2)]):
        return _struct(scalars, SETTINGS, names.pick(SETTINGS_NAMES), "", names, draw)
    whole = [p for p in program.params if p.axes == program.space and p.type in "fvqm"]
    many = len(program.space) == 1 and len(whole) > 1
    if many and not _elsewhere(program) and draw.chance(_ELEMENTS_RATE):
        type_ = draw.choice(ELEMENTS)
        return _struct(whole[:4], (type_,), names.reserve(f"{type_.lower()}s"), type_, names, draw)
    return None


def _elsewhere(program: Program) -> bool:
    """Tell whether arrays are read by other indices than the point's."""
    return any(isinstance(s, (Reduce, Neighbor, Gather)) for s in program.every)


def _struct(
    params: list[Param], types: tuple[str, ...], name: str, element: str, names: Names, draw: Stream
) -> Struct:
    type_ = names.outside(types)
    fields = {
        p.id: names.reserve(p.stem) if p.stem else names.param(p.type, scalar=not p.axes)
        for p in params
    }
    return Struct(type_, name, fields, names.reserve(element.lower()) if element else "")
