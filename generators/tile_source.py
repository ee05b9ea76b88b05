"""Programs on whole arrays written as Warp tile kernels: one block of threads for each tile."""

from __future__ import annotations

from generators.kernel import Argument
from generators.names import OUTPUTS
from generators.program import Apply, Param, Program
from generators.streams import Stream
from generators.tables import TILE
from generators.tables.tiles import LOADS
from generators.warp_source import WarpWriter

BLOCK_DIM = 64
# A transform's length must be divisible by it; on a GPU a thread takes two elements at least.
FFT_BLOCK_DIM = 4
_LOADS = ("plain",) * 6 + ("shared", "register", "unchecked")
_LETTERS = "MNK"
_SHARED = 0.3  # of the parameters after the first: every block reads the same tile


class TileWriter(WarpWriter):
    """Writes a program as one ``@wp.kernel`` function that is launched with ``launch_tiled``.

    Block ``i`` works on tile ``i`` along the first axis of each array, on a grid of two axes on
    tile ``(i, j)``; an array that all blocks read whole has the shape of one tile.
    """

    spellings = TILE

    def __init__(self, program: Program, draw: Stream, names: Stream):
        super().__init__(program, draw, names)
        [result] = program.outputs
        flat = all(len(p.shape) == 2 for p in program.params)
        whole = flat and len(self.shapes[result]) == 2 and draw.chance(0.4)
        self.grid = tuple(draw.choice((2, 3, 4, 8)) for _ in range(1 + whole))
        self.letters = dict(zip(("x", "y"), [self.names.reserve(c) for c in "ij"], strict=False))
        self.shared = {
            p.id for p in program.params[1:] if p.stem or p.type[0] == "i" or draw.chance(_SHARED)
        }
        self.sizes: dict[int, str] = {}  # the extents that have names of their own
        if draw.chance(0.5):
            for extent in program.params[0].shape:
                letter = _LETTERS[len(self.sizes)]
                if extent > 1 and extent not in self.sizes:
                    self.sizes[extent] = self.names.outside((f"TILE_{letter}",))

    # -- arrays and tiles -----------------------------------------------------------------------

    def extent(self, number: int) -> str:
        """Write the extent of a tile."""
        return self.sizes.get(number, str(number))

    def tuple(self, items: list[str]) -> str:
        """Write a tuple, of one item or more."""
        return f"({items[0]},)" if len(items) == 1 else f"({', '.join(items)})"

    def offset(self, shape: tuple[int, ...]) -> str:
        """Write where a block's tile of a shape begins in its array."""
        items = []
        for axis, extent in enumerate(shape):
            letter = "ij"[axis] if axis < len(self.grid) else ""
            step = f" * {self.extent(extent)}" if extent > 1 else ""
            items.append(f"{letter}{step}" if letter else "0")
        return self.tuple(items)

    def array_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape of the array that holds the tiles of all blocks."""
        blocks = (*self.grid, *(1 for _ in shape))
        return tuple(extent * blocks[axis] for axis, extent in enumerate(shape))

    def load(self, param: Param) -> None:
        """Write the loading of a parameter's tile."""
        self.known[param.id] = self.names.local()
        shape = self.tuple([self.extent(e) for e in param.shape])
        zeros = self.tuple(["0"] * len(param.shape))
        offset = zeros if param.id in self.shared else self.offset(param.shape)
        text = LOADS[self.draw.choice(_LOADS)].format(
            array=self.titles[param.id], shape=shape, offset=offset
        )
        self.line(f"{self.known[param.id]} = {text}")

    # -- the kernel -----------------------------------------------------------------------------

    def slots(self, statement: Apply) -> dict[str, str]:
        """Return what the named slots stand for, the thread's number in its block among them."""
        return super().slots(statement) | {"lane": self.lane}

    def kernel(self) -> tuple[str, tuple[Argument, ...]]:
        """Return the kernel's source and its arguments in call order."""
        program = self.program
        [result] = program.outputs
        applied = [TILE[s.op] for s in program.statements if isinstance(s, Apply)]
        texts = [text for spelling in applied for text in (*spelling.lines, spelling.template)]
        self.lane = self.names.reserve("lane") if any("{lane}" in t for t in texts) else ""
        out = self.names.pick(OUTPUTS)
        letters = ["i", "j"][: len(self.grid)] + ([self.lane] if self.lane else [])
        self.remark("block")
        self.line(f"{', '.join(letters)} = wp.tid()")
        self.remark("tiles")
        for param in program.params:
            self.load(param)
        self.write(program.statements)
        shape = self.shapes[result]
        [(text, _)] = self.take(result)
        self.flush()
        self.remark("store")
        arguments = [self.argument(p) for p in program.params]
        if shape == (1,) and self.types[result][0] == "f" and self.draw.chance(0.5):
            self.line(f"wp.tile_atomic_add({out}, {text}, offset=(0,))")
            stored = (1,)
        else:
            self.line(f"wp.tile_store({out}, {text}, offset={self.offset(shape)})")
            stored = self.array_shape(shape)
        header = [
            f"{self.titles[p.id]}: {self.annotation(self.element(p.type[0])[0], len(p.shape))}"
            for p in program.params
        ]
        annotated, dtype = self.element(self.types[result][0])
        header.append(f"{out}: {self.annotation(annotated, len(stored))}")
        arguments.append(Argument(out, "output", dtype, stored, 0.0, 0.0))
        self.constants += [f"{name} = wp.constant({n})" for n, name in self.sizes.items()]
        return self.text("@wp.kernel", header, self.lines), tuple(arguments)

    def argument(self, param: Param) -> Argument:
        """Return what the row says of a parameter."""
        shape = param.shape if param.id in self.shared else self.array_shape(param.shape)
        dtype = self.element(param.type[0])[1]
        return Argument(self.titles[param.id], "input", dtype, shape, *param.interval)

    @property
    def launch(self) -> tuple[int, ...]:
        """The launch dimension: the blocks along each axis."""
        return self.grid

    @property
    def block_dim(self) -> int:
        """The threads of a block."""
        text = "\n".join(line for helper in self.helpers for line in helper)
        return FFT_BLOCK_DIM if "block_dim" in text else BLOCK_DIM
