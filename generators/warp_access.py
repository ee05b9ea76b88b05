"""Warp: what a kernel reads near its point or through an index, and slots that points share."""

from __future__ import annotations

from generators.names import AHEAD, BEHIND, PLACES, SIZES
from generators.program import Cell, Gather, Neighbor, Param, Store, Whole
from generators.spellings import ATOM, PRODUCT
from generators.writer import Writer

_INLINE = 32  # an access longer than this is given a name


class WarpAccess(Writer):
    """The part of a Warp writer that spells accesses."""

    titles: dict[int, str]
    letters: dict[str, str]
    whole: dict[int, str]
    scalar: str
    early: bool
    augmented: bool
    _sizes: dict[str, str] | None = None
    _places: dict[tuple, str] | None = None

    def start(self, value: float = 0.0) -> str:
        """Write what a variable starts from."""
        raise NotImplementedError

    def param(self, id_: int) -> Param:
        """Return a parameter by its id."""
        return next(p for p in self.program.params if p.id == id_)

    # -- neighbours -----------------------------------------------------------------------------

    def extent(self, param: Param, axis: str) -> str:
        """Write how long an axis is, by a name if the kernel keeps sizes in variables."""
        text = f"{self.titles[param.id]}.shape[{param.axes.index(axis)}]"
        if self._sizes is None:
            self._sizes = {}
            self.sized = self.draw.chance(0.6)
        if not self.sized:
            return text
        if axis not in self._sizes:
            self._sizes[axis] = self.names.pick(SIZES)
            self.line(f"{self._sizes[axis]} = {text}")
        return self._sizes[axis]

    def place(self, param: Param, axis: str, offset: int, boundary: str, named: bool) -> str:
        """Write the index of a neighbour along one axis, under a name if it must be short."""
        letter, k = self.letters[axis], abs(offset)
        shifted = f"{letter} {'-' if offset < 0 else '+'} {k}"
        if boundary == "zero":
            return shifted
        if self._places is None:
            self._places = {}
            self.placed, self.clamped = self.draw.chance(0.35), self.draw.chance(0.2)
        known = self._places.get((axis, offset, boundary))
        if known:
            return known
        if boundary == "wrap":
            extent = self.extent(param, axis)
            text = f"({shifted}{f' + {extent}' if offset < 0 else ''}) % {extent}"
        elif self.clamped:
            text = f"wp.clamp({shifted}, 0, {self.extent(param, axis)} - 1)"
        elif offset < 0:
            text = f"wp.max({shifted}, 0)"
        else:
            text = f"wp.min({shifted}, {self.extent(param, axis)} - 1)"
        if not self.placed and not named:
            return text
        name = self._places[axis, offset, boundary] = self.names.pick(
            BEHIND if offset < 0 else AHEAD
        )
        self.line(f"{name} = {text}")
        return name

    def neighbor(self, s: Neighbor) -> None:
        """Write a read near the point: in place, or by a name of its own."""
        self.note("neighbor")
        param = self.param(s.param)
        steps = list(zip(param.axes, s.offsets, strict=True))
        diagonal = sum(map(bool, s.offsets)) > 1
        places = [
            self.place(param, a, offset, s.boundary, diagonal) if offset else self.letters[a]
            for a, offset in steps
        ]
        text = f"{self.titles[param.id]}[{', '.join(places)}]"
        if s.boundary != "zero":
            self.reach(s.id, text)
            return
        inside = [
            f"{self.letters[a]} >= {-offset}"
            if offset < 0
            else f"{self.letters[a]} + {offset} < {self.extent(param, a)}"
            for a, offset in steps
            if offset
        ]
        name = self.known[s.id] = self.names.local()
        self.line(f"{name} = {self.start()}")
        self.line(f"if {' and '.join(inside)}:")
        self.line(f"    {name} = {text}")

    def reach(self, id_: int, text: str) -> None:
        """Make an access known, under a name where it is long or arrays are read early."""
        if not self.early and len(text) <= _INLINE:
            self.known[id_] = self.accesses[id_] = text
            return
        self.known[id_] = self.names.local()
        self.line(f"{self.known[id_]} = {text}")

    # -- indices --------------------------------------------------------------------------------

    def gather(self, s: Gather) -> None:
        """Write a read through an index."""
        self.note("gather")
        param = self.param(s.param)
        rest = [self.letters[a] for a in param.axes[1:]]
        index = self.whole.get(s.index) or self.known[s.index]
        self.reach(s.id, f"{self.titles[param.id]}[{', '.join([index, *rest])}]")

    def cell(self, s: Cell) -> None:
        """Write which cell a value lies in, in one line or two."""
        self.note("cell")
        value = self.name(s.value)
        shifted = f"({value} - {self.number(s.low)})" if s.low > 0 else value
        shifted = f"({value} + {self.number(-s.low)})" if s.low < 0 else shifted
        name = self.known[s.id] = self.names.pick(PLACES)
        text = f"int({shifted} * {self.number(s.scale)})"
        if self.augmented:
            self.line(f"{name} = {text}")
            text = name
        if self.early:
            self.line(f"{name} = wp.clamp({text}, 0, {s.size - 1})")
        else:
            self.line(f"{name} = wp.min(wp.max({text}, 0), {s.size - 1})")

    def number_of(self, s: Whole) -> None:
        """Write a whole number."""
        unsigned = s.type == "u"
        if s.value is None:
            number = str(int(s.scale))
            self.known[s.id] = f"wp.uint32({number})" if unsigned else number
            return
        self.note("whole")
        [value] = self.take(s.value)
        text = f"int({self.bracket(value, PRODUCT)} * {self.number(s.scale)})"
        if s.form != "round":
            if len(text) > _INLINE:
                name = self.names.pick(PLACES)
                self.flush()
                self.line(f"{name} = {text}")
                text = name
            text = f"{text} & 15"
            text = f"wp.uint32(1) << wp.uint32({text})" if unsigned else f"1 << ({text})"
            text = f"~({text})" if s.form == "hole" else text
        elif unsigned:
            text = f"wp.uint32({text})"
        self.hold(s.id, (text, ATOM))

    def share_all(self, outputs: list[str]) -> None:
        """Write how a point joins its values to slots, under the condition that they share."""
        guard = None
        depth = self.depth
        for store, value, out in zip(
            self.program.stores, self.program.outputs, outputs, strict=True
        ):
            if store.guard and store.guard != guard:
                compare, left, literal = guard = store.guard
                self.note("guard")
                name = self.name(left)
                self.flush()
                self.line(f"if {name} {compare} {self.number(literal)}:")
                self.depth = depth + 1
            self.share(store, value, out)
        self.depth = depth

    def share(self, store: Store, value: int, out: str) -> None:
        """Write how a point joins its value to a slot."""
        self.note(f"{self.program.category}_{store.how}")
        param = next((p for p in self.program.params if p.id == store.index), None)
        axes = param.axes if param else self.program.space
        slot = "0" if store.index is None else self.known[store.index]
        place = ", ".join([slot, *(self.letters[a] for a in self.program.space[len(axes) :])])
        [(text, _)] = self.take(value)
        self.flush()
        if store.how in ("add", "sub") and self.augmented and self.program.category == "scatter":
            self.line(f"{out}[{place}] {'+' if store.how == 'add' else '-'}= {text}")
            return
        expected = f"{int(store.fill)}, " if store.how == "cas" else ""
        self.line(f"wp.atomic_{store.how}({out}, {place}, {expected}{text})")

    def slot_shape(self, store: Store) -> tuple[int, ...]:
        """Return the shape of an output that points share."""
        param = next((p for p in self.program.params if p.id == store.index), None)
        axes = param.axes if param else self.program.space
        return (store.size, *(self.extents[a] for a in self.program.space[len(axes) :]))
