"""Programs written as Warp kernels: one thread for each point of the index space."""

from __future__ import annotations

from functools import cached_property

from generators import outline, structs
from generators.kernel import Argument
from generators.names import COUNTS, OUTPUTS, PLACES, ROUNDS, STATES
from generators.program import (
    Apply,
    Block,
    Branch,
    Cell,
    Gather,
    Loop,
    Neighbor,
    Param,
    Program,
    Reduce,
    Statement,
    Whole,
    read_here,
)
from generators.spellings import PRODUCT
from generators.streams import Stream
from generators.tables import OPERATIONS, WARP
from generators.warp_access import WarpAccess
from generators.warp_control import WarpControl
from generators.writer import Expression

_TERNARY = 0.25
_EXPRESSION = 80  # characters of a branch in one line
STARTS = {"max": -1e6, "min": 1e6}  # beyond any value of a program


class WarpWriter(WarpAccess, WarpControl):
    """Writes a program as one ``@wp.kernel`` function."""

    spellings = WARP

    def __init__(self, program: Program, draw: Stream, names: Stream, twin: bool = False):
        """Begin a kernel; with a ``twin`` in JAX its arguments stand one by one, in order."""
        super().__init__(program, draw, names)
        self.double = program.dtype == "float64"
        self.plain = draw.chance(0.6)  # Python's names of types where they do
        self.scalar = "wp.float64" if self.double else "float" if self.plain else "wp.float32"
        self.early = draw.chance(0.5)  # arrays are read at the top instead of where they are used
        self.augmented = draw.chance(0.5)
        plain = twin or not program.space
        self.struct = None if plain else structs.group(program, self.names, draw)
        self.titles = {
            p.id: f"{self.struct.name}.{self.struct.fields[p.id]}"
            if self.struct and p.id in self.struct.fields
            else self.title(p)
            for p in program.params
        }
        self.here = read_here(program)
        self.trips: list[tuple[str, int]] = []
        self.whole: dict[int, str] = {}  # the rounds of loops as whole numbers
        self.letters = dict(zip(program.space, "ijkl", strict=False))
        for letter in self.letters.values():
            self.names.reserve(letter)

    def number(self, value: float) -> str:
        """Write a literal; Warp does not promote, so a double is spelled out."""
        return f"wp.float64({value!r})" if self.double else repr(value)

    def start(self, value: float = 0.0) -> str:
        """Write what a variable starts from; a bare literal would be a constant to Warp."""
        return f"{self.scalar}({value!r})"

    def index(self, param: Param) -> str:
        """Write an access to an array parameter."""
        return f"{self.titles[param.id]}[{', '.join(self.letters[a] for a in param.axes)}]"

    def loads(self) -> None:
        """Make the parameters known whose last axis has just become available."""
        for param in self.program.params:
            if param.id in self.known or not set(param.axes) <= set(self.letters):
                continue
            if param.id not in self.here:
                continue
            if self.struct and param.id in self.struct.fields:
                self.known[param.id] = self.struct.read(param.id)
            elif not param.axes:
                self.known[param.id] = self.titles[param.id]
            elif self.early and param.id in self.pointers:
                self.known[param.id] = self.names.pick(PLACES)
                self.line(f"{self.known[param.id]} = {self.index(param)}")
            elif self.early:
                self.assign_local(param.id, self.index(param))
            else:
                self.known[param.id] = self.index(param)

    # -- statements -----------------------------------------------------------------------------

    def write(self, statements: tuple[Statement, ...]) -> None:
        """Write statements in order."""
        for statement in statements:
            match statement:
                case Apply():
                    self.apply(statement)
                case Branch():
                    self.branch(statement)
                case Loop():
                    self.loop(statement)
                case Reduce():
                    self.reduce(statement)
                case Neighbor():
                    self.neighbor(statement)
                case Gather():
                    self.gather(statement)
                case Cell():
                    self.cell(statement)
                case Whole():
                    self.number_of(statement)
                case _:
                    raise TypeError(f"Warp has no spelling for {statement}")

    def assign(self, name: str, block: Block) -> None:
        """Write a block one level deeper, ending in an assignment of its value."""
        self.depth += 1
        self.write(block.statements)
        [(text, _)] = self.take(block.value)
        self.flush()
        self.line(f"{name} = {text}")
        self.depth -= 1

    def branch(self, s: Branch) -> None:
        """Write ``if`` and ``else``."""
        self.note("branch")
        right = self.number(s.literal) if s.right is None else self.name(s.right)
        left = self.name(s.left)
        self.flush()
        condition = f"{left} {s.compare} {right}"
        if self.draw.chance(_TERNARY) and self.ternary(s, condition):
            return
        name = self.known[s.id] = self.names.local()
        self.remark("branch")
        self.line(f"if {left} {s.compare} {right}:")
        self.assign(name, s.then)
        self.line("else:")
        self.assign(name, s.orelse)

    def ternary(self, s: Branch, condition: str) -> bool:
        """Write a branch as one expression, if both sides are short ones; tell whether it was."""
        kept = list(self.used)
        texts = [self.expression(block) for block in (s.then, s.orelse)]
        if not all(texts):
            self.used = kept
            return False
        then, orelse = texts
        where = f"wp.where({condition}, {then}, {orelse})"
        text = where if self.draw.chance(0.5) else f"{then} if {condition} else {orelse}"
        if len(text) > _EXPRESSION:
            return False
        self.assign_local(s.id, text)
        return True

    def expression(self, block: Block) -> str:
        """Write a block as one expression, empty where it needs a line of its own."""
        trial = self.child()
        trial.known, trial.nesting = dict(self.known), 1.0
        if any(not isinstance(s, Apply) for s in block.statements):
            return ""
        trial.write(block.statements)
        [(text, _)] = trial.take(block.value)
        return "" if trial.lines or trial.waiting else text

    def loop(self, s: Loop) -> None:
        """Write a ``for`` loop over a static or a dynamic range."""
        if not s.plain:
            return self.rounds(s)
        self.note("loop")
        start = self.start() if s.start is None else self.name(s.start)
        self.flush()
        state, k = self.names.pick(STATES), self.names.pick(ROUNDS)
        self.known[s.state] = self.known[s.id] = state
        if s.index is not None:
            self.known[s.index] = f"{self.scalar}({k})"
            self.whole[s.index] = k
        trip = str(s.trip)
        if s.dynamic:
            trip = self.names.pick(COUNTS)
            self.trips.append((trip, s.trip))
        self.line(f"{state} = {start}")
        self.remark("loop")
        self.line(f"for {k} in range({trip}):")
        self.depth += 1
        self.write(s.body.statements)
        [value] = self.take(s.body.value)
        self.flush()
        self.advance(state, s.update, s.factor, value)
        self.depth -= 1

    def advance(self, state: str, update: str, factor: float, value: Expression) -> None:
        """Write how a loop's state takes a round's value: "add", "decay", "max" or "min"."""
        if update in ("max", "min"):
            self.line(f"{state} = wp.{update}({state}, {value[0]})")
        elif update == "add" and self.augmented:
            self.line(f"{state} += {value[0]}")
        else:
            self.line(f"{state} = {self.compound(state, update, factor, value)}")

    def size(self, axes: tuple[str, ...]) -> str:
        """Write the number of points along axes, as a float."""
        whole = next(p for p in self.program.params if set(axes) <= set(p.axes))
        extents = [f"{self.titles[whole.id]}.shape[{whole.axes.index(a)}]" for a in axes]
        return f"{self.scalar}({' * '.join(extents)})"

    def reduce(self, s: Reduce) -> None:
        """Write an atomic over the whole space, or a loop along the last axis."""
        self.note(f"reduce_{s.how}")
        if s.over is None:
            self.write(s.body.statements)
            [value] = self.take(s.body.value)
            self.flush()
            text = value[0]
            if s.how == "mean":
                text = f"{self.bracket(value, PRODUCT)} / {self.size(self.program.space)}"
            atomic = {"sum": "add", "mean": "add"}.get(s.how, s.how)
            self.remark("atomic")
            self.line(f"wp.atomic_{atomic}({self.outputs[0]}, 0, {text})")
            return
        state = self.names.pick(STATES)
        self.line(f"{state} = {self.start(STARTS.get(s.how, 0.0))}")
        whole = next(p for p in self.program.params if s.over in p.axes and len(p.axes) > 1)
        self.letters[s.over] = "j"
        extent = f"{self.titles[whole.id]}.shape[{whole.axes.index(s.over)}]"
        self.remark("reduce")
        self.line(f"for j in range({extent}):")
        self.depth += 1
        self.loads()
        self.write(s.body.statements)
        [value] = self.take(s.body.value)
        self.flush()
        update = s.how if s.how in ("min", "max") else "add"
        self.advance(state, update, 1.0, value)
        self.depth -= 1
        del self.letters[s.over]
        self.known[s.id] = state
        if s.how == "mean":
            self.hold(s.id, (f"{state} / {self.size((s.over,))}", PRODUCT), name=True)

    # -- the kernel -----------------------------------------------------------------------------

    def element(self, type_: str) -> tuple[str, str]:
        """Return how a type is annotated and how the row calls it."""
        p, double = self.program, "d" if self.double else ""
        if type_ == "f":
            return self.scalar, p.dtype
        if type_ in "iku":
            dtype = {"i": p.signed, "u": p.unsigned, "k": "int32"}[type_]
            return ("int" if dtype == "int32" and self.plain else f"wp.{dtype}"), dtype
        name = {
            **{"b": "bool", "v": f"vec{p.width}{double}", "m": f"mat{p.width}{p.width}{double}"},
            **{"q": f"quat{double}", "t": f"transform{double}"},
            **{"s": f"spatial_vector{double}", "S": f"spatial_matrix{double}"},
        }[type_]
        return f"wp.{name}", name

    @property
    def launch(self) -> tuple[int, ...]:
        """The launch dimension: the threads along each axis."""
        return tuple(self.extents[a] for a in self.program.space)

    @property
    def block_dim(self) -> int:
        """The threads of a block, 0 for any."""
        return 0

    def inputs(self) -> tuple[list[str], list[Argument]]:
        """Return the head's part for the parameters, and what the row says of them."""
        fields = self.struct.fields if self.struct else {}
        header, arguments = [], []
        for p in sorted(self.program.params, key=lambda p: p.id not in fields):
            annotated, dtype = self.element(p.type)
            extents = tuple(self.extents[a] for a in p.axes)
            kind = self.annotation(annotated, len(p.axes)) if p.axes else annotated
            if p.id not in fields:
                header.append(f"{self.titles[p.id]}: {kind}")
            arguments.append(Argument(self.titles[p.id], "input", dtype, extents, *p.interval))
        if self.struct:
            one = self.struct.type
            header.insert(0, f"{self.struct.name}: " + (
                self.annotation(one, 1) if self.struct.element else one
            ))  # fmt: skip
            text = self.struct.text(lambda id_: self.element(self.types[id_])[0])
            self.helpers.insert(0, text)
        return header, arguments

    def constant(self, value: float) -> str:
        """Write the value of a named constant."""
        return f"wp.constant({self.number(value)})"

    def parameter(self, name: str, id_: int) -> str:
        """Write a helper function's parameter, annotated."""
        return f"{name}: {self.element(self.types[id_])[0]}"

    def helper_form(self, name: str, run: object) -> tuple[list[str], str]:
        """Return the decorators of a helper function and how it is called."""
        return ["@wp.func"], name

    def slots(self, statement: Apply) -> dict[str, str]:
        """Return what the named slots stand for, the names of types among them."""
        found = super().slots(statement)
        if OPERATIONS[statement.op].indexed:
            found["tid"] = self.thread()
        return found

    def thread(self) -> str:
        """Write the number of the thread, counted over all axes of the launch."""
        space = self.program.space
        whole = next(p for p in self.program.params if p.axes == space)
        text = self.letters[space[0]]
        for axis, letter in enumerate(space[1:], 1):
            text = f"({text})" if axis > 1 else text
            text = f"{text} * {self.titles[whole.id]}.shape[{axis}] + {self.letters[letter]}"
        return text

    @cached_property
    def words(self) -> dict[str, str]:
        """What the slots stand for that are the same in the whole kernel, types among them."""
        names = {"float": "f", "int": "i", "uint": "u", "vec": "v", "mat": "m"}
        names |= {"quat": "q", "transform": "t", "svec": "s", "smat": "S"}
        types = {name: self.element(kind)[0] for name, kind in names.items()}
        return super().words | types | {"width": str(self.program.width)}

    def annotation(self, element: str, rank: int) -> str:
        """Write an array's type."""
        if rank == 1:
            return f"wp.array(dtype={element})"
        if self.augmented:
            return f"wp.array{rank}d(dtype={element})"
        return f"wp.array(dtype={element}, ndim={rank})"

    def kernel(self) -> tuple[str, tuple[Argument, ...]]:
        """Return the kernel's source and its arguments in call order."""
        program = self.program
        whole = [s for s in program.statements if isinstance(s, Reduce) and s.over is None]
        shape = (1,) if whole else tuple(self.extents[a] for a in program.space)
        self.outputs = [self.names.pick(OUTPUTS) for _ in program.outputs]
        letters = ", ".join(self.letters.values())
        self.remark("tid")
        self.line(f"{letters} = wp.tid()")
        if self.early:
            self.remark("load")
        if self.struct and self.struct.element:
            self.line(f"{self.struct.element} = {self.struct.name}[{letters}]")
        self.loads()
        outline.body(self, program.statements, self.later())
        if program.stores:
            self.share_all(self.outputs)
        elif not whole:
            for value, out in zip(program.outputs, self.outputs, strict=True):
                [(text, _)] = self.take(value)
                self.flush()
                self.remark("store")
                self.line(f"{out}[{letters}] = {text}")
        header, arguments = self.inputs()
        for name, trip in self.trips:
            header.append(f"{name}: int")
            arguments.append(Argument(name, "input", "int32", (), float(trip), float(trip)))
        for place, (value, name) in enumerate(zip(program.outputs, self.outputs, strict=True)):
            annotated, dtype = self.element(self.types[value])
            fill = STARTS.get(whole[0].how, 0.0) if whole else 0.0
            if program.stores:
                shape, fill = self.slot_shape(program.stores[place]), program.stores[place].fill
            header.append(f"{name}: {self.annotation(annotated, len(shape))}")
            arguments.append(Argument(name, "output", dtype, shape, fill, fill))
        return self.text("@wp.kernel", header, self.lines), tuple(arguments)
