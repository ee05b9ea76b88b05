"""JAX: arrays shifted by whole steps, looked up by index, and summed into slots."""

from __future__ import annotations

from generators.names import OUTPUTS, PADDED, PLACES
from generators.program import Cell, Gather, Neighbor, Param, Store
from generators.writer import Writer

_INLINE = 36  # an access longer than this is given a name
_MODES = {"clamp": ', mode="edge"', "wrap": ', mode="wrap"', "zero": ""}


def _slices(*parts: str) -> str:
    """Write a subscript, whole axes at its end left out."""
    kept = list(parts)
    while len(kept) > 1 and kept[-1] == ":":
        kept.pop()
    return f"[{', '.join(kept)}]"


def _along(axis: int, part: str) -> str:
    return _slices(*[":"] * axis, part)


class JaxAccess(Writer):
    """The part of a JAX writer that spells accesses."""

    titles: dict[int, str]
    manner: str = ""  # of shifted arrays, chosen at the first
    axis_given: bool
    _padded: dict[tuple[int, str], tuple[str, list[int]]]

    def param(self, id_: int) -> Param:
        """Return a parameter by its id."""
        return next(p for p in self.program.params if p.id == id_)

    # -- neighbours -----------------------------------------------------------------------------

    def neighbor(self, s: Neighbor) -> None:
        """Write a shifted array, one manner a kernel where it serves."""
        self.note("neighbor")
        if not self.manner:
            self._padded = {}
            self.manner = self.draw.choice(("roll", "pad", "pad", "join", "take"))
            self.axis_given = self.draw.chance(0.5)
        moved = [axis for axis, offset in enumerate(s.offsets) if offset]
        manner = self.manner
        if len(moved) > 1 and manner in ("join", "take"):
            manner = "pad"
        if (manner, s.boundary) in (("roll", "clamp"), ("take", "zero")):
            manner = "join" if len(moved) == 1 else "pad"
        self.reach(s.id, getattr(self, f"_{manner}")(s, moved))

    def _roll(self, s: Neighbor, moved: list[int]) -> str:
        x, steps = self.titles[s.param], [str(-s.offsets[a]) for a in moved]
        if len(moved) > 1:
            text = f"jnp.roll({x}, ({', '.join(steps)}), axis=({', '.join(map(str, moved))}))"
        elif len(s.offsets) > 1 or self.axis_given:
            text = f"jnp.roll({x}, {steps[0]}, axis={moved[0]})"
        else:
            text = f"jnp.roll({x}, {steps[0]})"
        if s.boundary == "zero":  # what came round the edge is taken out
            for a in moved:
                o = s.offsets[a]
                edge = f":{-o}" if o < 0 else f"{-o}:"
                text += f".at{_along(a, edge)}.set(0.0)"
        return text

    def _pad(self, s: Neighbor, moved: list[int]) -> str:
        x, mode = self.titles[s.param], _MODES[s.boundary]
        key = (s.param, s.boundary)
        if key not in self._padded:
            alike = [
                t.offsets
                for t in self.program.every
                if isinstance(t, Neighbor) and (t.param, t.boundary) == key
            ]
            widths = [max(abs(o) for o in along) for along in zip(*alike, strict=True)]
            if len(widths) == 1 or (len(set(widths)) == 1 and self.axis_given):
                width = str(widths[0])
            else:
                width = f"({', '.join(f'({w}, {w})' for w in widths)})"
            name = self.names.pick(PADDED)
            self._padded[key] = name, widths
            self.line(f"{name} = jnp.pad({x}, {width}{mode})")
        name, widths = self._padded[key]
        cuts = []
        for width, offset in zip(widths, s.offsets, strict=True):
            first, last = width + offset, width - offset
            cuts.append(f"{first or ''}:{-last if last else ''}")
        return name + _slices(*cuts)

    def _join(self, s: Neighbor, moved: list[int]) -> str:
        x, [a] = self.titles[s.param], moved
        o = s.offsets[a]
        kept = x + _along(a, f"{o}:" if o > 0 else f":{o}")
        match s.boundary:
            case "clamp":
                edge = [x + _along(a, "-1:" if o > 0 else ":1")] * abs(o)
            case "wrap":
                edge = [x + _along(a, f":{o}" if o > 0 else f"{o}:")]
            case _:
                edge = [f"jnp.zeros_like({x}{_along(a, f':{abs(o)}')})"]
        pieces = [kept, *edge] if o > 0 else [*edge, kept]
        axis = f", axis={a}" if a else ""
        return f"jnp.concatenate([{', '.join(pieces)}]{axis})"

    def _take(self, s: Neighbor, moved: list[int]) -> str:
        x, [a] = self.titles[s.param], moved
        o = s.offsets[a]
        mode = "clip" if s.boundary == "clamp" else "wrap"
        places = f"jnp.arange({x}.shape[{a}]) {'-' if o < 0 else '+'} {abs(o)}"
        return f'jnp.take({x}, {places}, axis={a}, mode="{mode}")'

    def reach(self, id_: int, text: str) -> None:
        """Make an access known, under a name where it is long or read more than once."""
        if len(text) <= _INLINE and self.uses.get(id_) == 1 and self.draw.chance(self.nesting):
            self.known[id_] = self.accesses[id_] = text
            return
        self.known[id_] = self.names.local()
        self.line(f"{self.known[id_]} = {text}")

    def name(self, id_: int) -> str:
        """Return a name for a value; what is read in place would be computed twice."""
        if id_ in self.accesses:
            text = self.accesses.pop(id_)
            self.known[id_] = self.names.local()
            self.line(f"{self.known[id_]} = {text}")
        return super().name(id_)

    # -- indices --------------------------------------------------------------------------------

    def gather(self, s: Gather) -> None:
        """Write a lookup by an array of integers."""
        self.note("gather")
        x, index = self.titles[s.param], self.known[s.index]
        axis = ", axis=0" if len(self.param(s.param).axes) > 1 or self.draw.chance(0.5) else ""
        texts = (
            f"{x}[{index}]",
            f"{x}[{index}]",
            f"jnp.take({x}, {index}{axis})",
            f'jnp.take({x}, {index}, axis=0, mode="clip")',
            f"{x}.at[{index}].get()",
        )
        self.reach(s.id, self.draw.choice(texts))

    def cell(self, s: Cell) -> None:
        """Write which cell each value lies in."""
        self.note("cell")
        value = self.known[s.value]
        shifted = f"({value} - {s.low})" if s.low > 0 else value
        shifted = f"({value} + {-s.low})" if s.low < 0 else shifted
        name = self.known[s.id] = self.names.pick(PLACES)
        whole = f"({shifted} * {s.scale}).astype(jnp.int32)"
        if self.draw.chance(0.5):
            self.line(f"{name} = {whole}")
            whole = name
        self.line(f"{name} = jnp.clip({whole}, 0, {s.size - 1})")

    def shared(self) -> list[str]:
        """Write the outputs that points share; where there are more than one, by name."""
        results = []
        for store, value in zip(self.program.stores, self.program.outputs, strict=True):
            text = self.share(store, value)
            if len(self.program.stores) > 1:
                self.flush()
                results.append(self.names.pick(OUTPUTS))
                self.line(f"{results[-1]} = {text}")
            else:
                results.append(text)
        return results

    def share(self, store: Store, value: int) -> str:
        """Write all slots of an output."""
        self.note(f"scatter_{store.how}")
        if store.index is None:
            raise TypeError(f"JAX has no spelling for {store}")
        index = self.known[store.index]
        param = next((p for p in self.program.params if p.id == store.index), None)
        axes = param.axes if param else self.program.space
        rest = [self.extents[a] for a in self.program.space[len(axes) :]]
        [(text, _)] = self.take(value)
        if store.how == "add" and self.draw.chance(0.5):
            if len(axes) == 1 and (rest or self.draw.chance(0.7)):
                return f"jax.ops.segment_sum({text}, {index}, num_segments={store.size})"
            if not rest and len(axes) == 1:
                return f"jnp.bincount({index}, weights={text}, length={store.size})"
        shape = f"({', '.join(map(str, [store.size, *rest]))})" if rest else str(store.size)
        typed = ""
        if self.program.dtype not in ("float32", "float64") or self.draw.chance(0.4):
            like = next(p.id for p in self.program.params if p.type == "f")
            typed = f", dtype={self.titles[like]}.dtype"
        if store.fill:
            start = f"jnp.full({shape}, {store.fill}{typed})"
        else:
            start = f"jnp.zeros({shape}{typed})"
        how = {"sub": "subtract"}.get(store.how, store.how)
        return f"{start}.at[{index}].{how}({text})"
