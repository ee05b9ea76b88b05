"""The kernel types: how the parts of a word become a program of each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import cache
from typing import Any

import numpy as np
from threadpoolctl import ThreadpoolController

from generators import access, atomic, control, kinds
from generators.arrays import Arrays
from generators.kinds import Shape
from generators.program import Program
from generators.reference import run
from generators.sampling import Sampler
from generators.streams import Stream
from generators.tables import OPERATIONS
from generators.wiring import Word

Parts = tuple[Word, ...]
Builder = Callable[[Any, Shape, Parts], Program]  # of its own kind of sampler
_DRAWS = 6  # of all that its word does not fix, until a chain's result is not constant


def _enter(s: Sampler, ranks: tuple[int, ...] = (1,) * 6 + (2,) * 4 + (3, 3, 4)) -> tuple[str, ...]:
    rank = s.draw.choice(ranks)
    axes = tuple("ijkl"[:rank])
    s.space(axes, s.extents_for(rank))
    return axes


def _line(s: Sampler, shape: Shape, parts: Parts) -> Program:
    axes = _enter(s)
    if s.category == "elementwise":
        s.lacks = axes
    value = s.chain(parts[0], s.param("f", axes))
    return s.finish((value,), axes)


def _vector(s: Sampler, shape: Shape, parts: Parts) -> Program:
    axes = _enter(s, (1,))
    [width] = {OPERATIONS[name].width for name in parts[0]} - {None} or {0}
    s.width = width or s.draw.choice((2, 3, 3, 4))
    value = s.chain(parts[0], s.param("v", axes))
    return s.finish((value,), axes)


def _multi_statement(s: Sampler, shape: Shape, parts: Parts) -> Program:
    axes = _enter(s)
    first = s.chain(parts[0], s.param("f", axes))
    second = s.chain(parts[1], first if s.draw.chance(0.6) else s.param("f", axes))
    return s.finish((first, second), axes)


def _branch(s: Sampler, shape: Shape, parts: Parts) -> Program:
    axes = _enter(s)
    before, then, orelse, after = parts
    value = s.chain(before, s.param("f", axes))
    value = s.branch(value, value, lambda v: s.chain(then, v), lambda v: s.chain(orelse, v))
    return s.finish((s.chain(after, value),), axes)


def _nested_branch(s: Sampler, shape: Shape, parts: Parts) -> Program:
    axes = _enter(s)
    before, one, two, three, after = parts
    value = s.chain(before, s.param("f", axes))

    def inner(start: int) -> int:
        on = s.param("f", axes)
        return s.branch(on, start, lambda v: s.chain(one, v), lambda v: s.chain(two, v))

    value = s.branch(value, value, inner, lambda v: s.chain(three, v))
    return s.finish((s.chain(after, value),), axes)


def _loop(s: Sampler, shape: Shape, parts: Parts) -> Program:
    axes = _enter(s)
    before, inside, after = parts
    x = s.param("f", axes)
    start = s.chain(before, x) if before else None

    def body(index: int, state: int | None) -> int:
        side = state if state is not None and s.draw.chance(0.6) else index
        return s.chain(inside, x, side)

    return s.finish((s.chain(after, s.loop(start, body)),), axes)


def _compound(s: Sampler, shape: Shape, parts: Parts) -> Program:
    axes = _enter(s)
    before, inside, then, orelse, after = parts
    x = s.param("f", axes)
    value = s.chain(before, x) if before else x

    def fork(on: int) -> int:
        return s.branch(on, on, lambda v: s.chain(then, v), lambda v: s.chain(orelse, v))

    if shape.tag == "loop":

        def body(index: int, state: int | None) -> int:
            side = state if state is not None and s.draw.chance(0.6) else index
            return fork(s.chain(inside, x, side))

        value = s.loop(value if before else None, body)
    else:

        def looped(start: int) -> int:
            def body(index: int, state: int | None) -> int:
                side = state if state is not None and s.draw.chance(0.6) else index
                return s.chain(inside, start, side)

            return s.chain(then, s.loop(None, body))

        value = s.branch(value, value, looped, lambda v: s.chain(orelse, v))
    return s.finish((s.chain(after, value),), axes)


def _reduction(s: Sampler, shape: Shape, parts: Parts) -> Program:
    inside, after = parts
    if shape.tag.startswith("row_"):
        how, axes = shape.tag.removeprefix("row_"), ("i", "j")
        s.space(axes, s.extents_for(2))
        value = s.reduce(how, "j", lambda: s.chain(inside, s.param("f", axes)))
        s.space(("i",), {})
        return s.finish((s.chain(after, value),), ("i",))
    axes = _enter(s, (1, 1, 2))
    value = s.reduce(shape.tag, None, lambda: s.chain(inside, s.param("f", axes)))
    return s.finish((value,), axes)


def _family(s: Sampler, shape: Shape, parts: Parts) -> Program:
    """Build a kernel of one strand around an operation of its family."""
    [word] = parts
    if isinstance(s, Arrays):
        return s.finish((s.chain(word, s.begin(shape.start, OPERATIONS[word[0]])),))
    axes = _enter(s, (1, 1, 1, 2))
    s.width = shape.width
    return s.finish((s.chain(word, s.param(shape.start, axes)),), axes)


BUILDERS: dict[str, Builder] = {
    "elementwise": _line,
    "scalar_array": _line,
    "unary": _line,
    "branch": _branch,
    "loop": _loop,
    "reduction": _reduction,
    "vector": _vector,
    "multi_statement": _multi_statement,
    "nested_branch": _nested_branch,
    "compound": _compound,
}


def _maker(language: str, category: str, draw: Stream) -> tuple[Sampler, Builder]:
    """Return the sampler that a category asks for, and what builds a program with it."""
    if category == "control" and language == "warp":
        return control.ControlSampler(language, category, draw), control.build
    if category == "atomic":
        return atomic.AtomicSampler(language, category, draw), atomic.build
    if category in access.BUILDERS:
        return access.AccessSampler(language, category, draw), access.BUILDERS[category]
    if category in BUILDERS:
        return Sampler(language, category, draw), BUILDERS[category]
    if category == "tile":
        return Arrays("tile", category, draw), _family
    return (Arrays if language == "jax" else Sampler)(language, category, draw), _family


@cache
def _blas() -> ThreadpoolController:
    """Return what sets the threads of NumPy's and SciPy's linear algebra: found once."""
    return ThreadpoolController().select(user_api="blas")


@contextmanager
def _one_thread() -> Iterator[None]:
    """Let linear algebra use one thread, as `ThreadpoolController.limit` does at a greater cost."""
    held = [(library, library.num_threads) for library in _blas().lib_controllers]
    for library, _ in held:
        library.set_num_threads(1)
    try:
        yield
    finally:
        for library, threads in held:
            library.set_num_threads(threads)


def _level(program: Program) -> bool:
    """Tell whether one of the outputs that points share is one number in all its slots."""
    draw = np.random.default_rng(0)  # a trial's inputs, not a row's: always the same
    extents = dict(program.extents)
    inputs = []
    for p in program.params:
        shape, (low, high) = tuple(extents[a] for a in p.axes), p.interval
        whole = p.type[0] in "iuk"
        parts = (program.width,) if p.type == "v" else ()
        inputs.append(
            draw.integers(int(low), int(high), shape, endpoint=True)
            if whole
            else draw.uniform(low, high, shape + parts)
        )
    return any(out.size > 1 and bool(np.all(out == out.flat[0])) for out in run(program, inputs))


def sample(
    language: str, category: str, seed: int, split: str, number: int, variant: int
) -> tuple[Program, Callable[[str], Stream]]:
    """Return program ``number`` of a category, and the stream of each purpose in writing it."""
    spelled = "jax" if language == "jax" else "warp"
    shape, word = kinds.choose(spelled, category, seed, split, number, variant)
    key = (seed, language, category, split, number, variant)
    parts = shape.split(word)
    # Integers wrap around; threads on matrices this small cost more than they save, and how many
    # there are decides the last digits.
    single = _one_thread() if language == "jax" else nullcontext()
    with np.errstate(all="ignore"), single:
        for again in [(), *((n,) for n in range(1, _DRAWS))]:
            drawn = Stream("program", *key, *again)
            sampler, build = _maker(language, category, drawn)
            program = build(sampler, shape, parts)
            if not (_level(program) if program.stores else any(map(sampler.flat, program.outputs))):
                break
    return program, lambda purpose: Stream(purpose, *key)
