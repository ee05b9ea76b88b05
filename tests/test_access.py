"""Kernels that read elsewhere or write to shared slots: what they mean and how they differ."""

import dataclasses

import numpy as np
import pytest

from generators import builders, categories, generate
from generators.program import (
    Apply,
    Block,
    Cell,
    Gather,
    Loop,
    Neighbor,
    Param,
    Program,
    Skip,
    Store,
    Whole,
    walk,
)
from generators.reference import run
from generators.verifier import InvalidProgram, verify

X = Param(0, "f", ("i",), (-1.0, 1.0))
HELD = np.array([1.0, 2.0, 3.0, 4.0])


def made(category, *statements, params=(X,), outputs=None, stores=(), space=("i",)):
    extents = (("i", 4), ("j", 3), ("p", 5))
    outputs = outputs or (statements[-1].id,)
    return Program(
        category, "float32", 3, space, extents, params, statements, outputs, True, stores
    )


@pytest.mark.parametrize(
    ("boundary", "offset", "wanted"),
    [
        ("clamp", -1, [1, 1, 2, 3]),
        ("clamp", 2, [3, 4, 4, 4]),
        ("wrap", -2, [3, 4, 1, 2]),
        ("wrap", 1, [2, 3, 4, 1]),
        ("zero", 1, [2, 3, 4, 0]),
        ("zero", -2, [0, 0, 1, 2]),
    ],
)
def test_neighbours_of_the_edge(boundary, offset, wanted):
    program = made("stencil", Neighbor(1, 0, (offset,), boundary))
    verify(program)
    assert run(program, [HELD])[0].tolist() == wanted


def test_a_lookup_reads_rows_where_the_index_points():
    index, table = Param(0, "i", ("i",), (0.0, 4.0)), Param(1, "f", ("p", "j"), (-1.0, 1.0))
    program = made("gather", Gather(2, 1, 0), params=(index, table), space=("i", "j"))
    verify(program)
    rows, at = np.arange(15.0).reshape(5, 3), np.array([4, 0, 0, 2])
    assert np.array_equal(run(program, [at, rows])[0], rows[at])


@pytest.mark.parametrize(
    ("how", "wanted"), [("add", [6, 0, 4]), ("sub", [-6, 0, -4]), ("max", [3, 0, 4])]
)
def test_slots_join_what_points_bring(how, wanted):
    bins = Param(1, "i", ("i",), (0.0, 2.0))
    program = made("scatter", params=(X, bins), outputs=(0,), stores=(Store(how, 1, 3),))
    verify(program)
    assert run(program, [HELD, np.array([0, 0, 0, 2])])[0].tolist() == wanted


def test_values_are_counted_by_their_cell():
    cell = Cell(1, 0, 1.0, 1.0, 3)
    program = made("scatter", cell, outputs=(0,), stores=(Store("add", 1, 3),))
    assert run(program, [HELD])[0].tolist() == [1, 2, 7]


@pytest.mark.parametrize(
    ("number", "store", "wanted"),
    [
        (Whole(1, "i", "number", None, 1.0), Store("add", None, 1, guard=(">", 0, 1.5)), [3]),
        (Whole(1, "i", "number", None, 1.0), Store("cas", None, 1, guard=(">", 0, 9.0)), [0]),
        (Whole(1, "i", "number", None, 1.0), Store("exch", None, 1, guard=(">", 0, 3.0)), [1]),
        (Whole(1, "i", "round", 0, -1.6), Store("min", None, 1), [-6]),
        (Whole(1, "i", "round", 0, 1.0), Store("xor", None, 1), [1 ^ 2 ^ 3 ^ 4]),
        (Whole(1, "u", "round", 0, 1.0), Store("sub", None, 1), [2**32 - 10]),
        (Whole(1, "i", "bit", 0, 1.0), Store("or", None, 1), [0b11110]),
        (Whole(1, "u", "hole", 0, 5.0), Store("and", None, 1, 2**32 - 1), [0xFFFF7BCF]),
    ],
)
def test_shared_whole_numbers(number, store, wanted):
    program = made("atomic", number, stores=(store,))
    verify(program)
    assert run(program, [HELD])[0].tolist() == wanted


def test_the_verifier_finds_an_outcome_that_depends_on_the_order():
    for how in ("exch", "cas"):
        number = Whole(1, "i", "round", 0, 5.0)
        with pytest.raises(InvalidProgram, match="cannot be shared"):
            verify(made("atomic", number, stores=(Store(how, None, 1),)))


BAD = [
    (Neighbor(1, 0, (0,), "clamp"), "not near"),
    (Neighbor(1, 0, (3,), "clamp"), "further"),
    (Neighbor(1, 0, (1, 0), "clamp"), "not near"),
    (Neighbor(1, 0, (1,), "mirror"), "unknown boundary"),
    (Gather(1, 0, 0), "must be whole"),
]


@pytest.mark.parametrize(("statement", "message"), BAD)
def test_the_verifier_finds_bad_accesses(statement, message):
    with pytest.raises(InvalidProgram, match=message):
        verify(made("stencil", statement))


def test_the_verifier_finds_an_index_that_points_outside():
    index = Param(1, "i", ("i",), (0.0, 4.0))
    with pytest.raises(InvalidProgram, match="points outside"):
        verify(made("gather", Gather(2, 0, 1), params=(X, index)))
    store = Store("add", 1, 4)
    with pytest.raises(InvalidProgram, match="outside"):
        verify(made("scatter", params=(X, index), outputs=(0,), stores=(store,)))


@pytest.mark.parametrize(
    ("form", "wanted"),
    [
        ({}, 5 * HELD),
        ({"first": 1, "step": 2}, 5 * HELD),
        ({"until": (">", 5.0)}, [5, 6, 6, 8]),
        ({"until": ("<", 5.0)}, [1, 2, 3, 4]),
        ({"skip": Skip(2, 1)}, 3 * HELD),
        ({"skip": Skip(0, 0, "<", 2.5)}, [0, 0, 15, 20]),
        ({"skip": Skip(0, 0, "<", 2.5), "until": (">", 7.0), "form": "while"}, [0, 0, 9, 8]),
    ],
)
def test_rounds_of_a_loop(form, wanted):
    body = Block((Apply(3, "abs", (0,)),), 3)
    program = made("control", Loop(1, 2, None, None, 5, "add", 1.0, body, **form))
    assert run(program, [HELD])[0].tolist() == list(wanted)


@pytest.mark.parametrize("category", ["stencil", "gather", "scatter", "control", "atomic"])
def test_categories_stay_apart(category):
    program, _ = builders.sample("warp", category, 0, "train", 40, 0)
    verify(program)
    others = [n for n in categories("warp", extended=True) if n != category]
    for other in others:
        with pytest.raises(InvalidProgram, match=other):
            verify(dataclasses.replace(program, category=other))


@pytest.mark.parametrize("language", ["warp", "jax"])
def test_no_two_of_any_category_are_alike(language):
    seen = {}
    for name in categories(language, extended=True):
        for index in range(300):
            kernel = generate(language, 4, index, categories=[name], extended=True)
            where = (name, index)
            assert seen.setdefault(kernel.structure, where) == where, kernel.python


@pytest.mark.parametrize("category", ["stencil", "gather", "scatter", "control", "atomic"])
def test_every_manner_occurs(category):
    seen = set()
    for number in range(150):
        program, _ = builders.sample("warp", category, 1, "train", number, 0)
        for s in walk(program.statements):
            if isinstance(s, Neighbor):
                seen |= {s.boundary, max(s.offsets, key=abs)}
            elif isinstance(s, Cell | Gather):
                seen.add(type(s).__name__)
            elif isinstance(s, Whole):
                seen |= {s.form, s.type}
            elif isinstance(s, Loop):
                manners = {"until": s.until, "skip": s.skip, "step": s.step != 1, "first": s.first}
                seen |= {s.form, s.update, *(name for name, held in manners.items() if held)}
                seen |= {"nested" for t in walk(s.body.statements) if isinstance(t, Loop)}
        seen |= {store.how for store in program.stores}
        seen |= {"guard" for store in program.stores if store.guard}
    wanted = {
        "stencil": {"clamp", "wrap", "zero", -2, -1, 1, 2},
        "gather": {"Gather"},
        "scatter": {"add", "sub", "max", "min", "Cell"},
        "atomic": {
            *("add", "sub", "max", "min", "and", "or", "xor", "exch", "cas", "guard", "Cell"),
            *("number", "round", "bit", "hole", "i", "u"),
        },
        "control": {
            *("for", "while", "array", "Gather", "nested"),
            *("until", "skip", "step", "first", "add", "decay", "max"),
        },
    }
    assert seen == wanted[category]
