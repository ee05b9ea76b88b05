"""Helper functions: a run of operations taken out of a kernel into a function that it calls.

Reading the call as its body gives back the kernel as it was, so a helper is only another way to
write a program: nothing of what tells two programs apart is lost.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from generators.program import Apply, Statement, blocks_of, operands, walk
from generators.spellings import Spelling
from generators.streams import Stream
from generators.writer import Writer, signature, spaced

MOST_ARGUMENTS = 5
MOST_RESULTS = 2
RATE, NESTED = 0.3, 0.15  # how often a kernel, or a helper of its, has one


@dataclass(frozen=True)
class Run:
    """Statements ``first`` to ``last`` (not included), what they read and what is read of them."""

    first: int
    last: int
    reads: tuple[int, ...]
    gives: tuple[int, ...]


def find(
    statements: Sequence[Statement],
    later: Sequence[int],
    spellings: dict[str, Spelling],
    draw: Stream,
) -> Run | None:
    """Choose a run of two or more operations that a function can hold; None where there is none.

    ``later`` are the values that are read after the statements.
    """
    places = [place for place, s in enumerate(statements) if _fits(s, spellings)]
    pairs = [place for place in places if place + 1 in places]
    if not pairs:
        return None
    first = draw.choice(pairs)
    last = first + 2
    while last in places and last - first < 8 and draw.chance(0.75):
        last += 1
    inside = statements[first:last]
    defined = [s.id for s in inside]
    reads = dict.fromkeys(a for s in inside for a in operands(s) if a not in defined)
    outside = set(later)
    for s in walk(tuple(statements[last:])):
        outside.update(operands(s))
        outside.update(block.value for block in blocks_of(s))
    gives = tuple(id_ for id_ in defined if id_ in outside)
    if len(reads) > MOST_ARGUMENTS or not 1 <= len(gives) <= MOST_RESULTS or not reads:
        return None
    return Run(first, last, tuple(reads), gives)


def _fits(statement: Statement, spellings: dict[str, Spelling]) -> bool:
    """Tell whether a statement can stand in a function: an operation that needs no thread."""
    return isinstance(statement, Apply) and spellings[statement.op].pure


def body(
    writer: Writer,
    statements: tuple[Statement, ...],
    later: tuple[int, ...],
    rate: float = RATE,
) -> None:
    """Write statements, now and then with a run of them as a call of a helper function."""
    run = None
    if len(statements) > 2 and writer.draw.chance(rate):
        run = find(statements, later, writer.spellings, writer.draw)
    if run is None:
        writer.write(statements)
        return
    writer.write(statements[: run.first])
    _call(writer, statements[run.first : run.last], run)
    writer.write(statements[run.last :])


def _call(writer: Writer, inside: tuple[Statement, ...], run: Run) -> None:
    """Write the run as a function before the kernel, and its call."""
    for id_ in run.reads:
        writer.name(id_)
    writer.flush()
    given = [writer.known[id_] for id_ in run.reads]
    child = writer.child()
    name = writer.names.helper()
    arguments = []
    for id_, text in zip(run.reads, given, strict=True):
        called = text if text.isidentifier() else child.names.local()
        child.known[id_] = child.names.reserve(called) if text.isidentifier() else called
        arguments.append(child.parameter(child.known[id_], id_))
    body(child, inside, run.gives, NESTED)
    results = ", ".join(text for text, _ in child.take(*run.gives))
    child.line(f"return {results}")
    decorators, call = writer.helper_form(name, run)
    writer.helpers.append([*decorators, *signature("", name, arguments), *spaced(child.lines)])
    for id_ in run.gives:
        writer.known[id_] = writer.names.local()
    targets = ", ".join(writer.known[id_] for id_ in run.gives)
    writer.line(f"{targets} = {call}({', '.join(given)})")
