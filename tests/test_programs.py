"""The program model: tables that agree, numbering that is a bijection, a verifier that bites."""

import dataclasses
from collections import Counter
from typing import get_args

import pytest

from generators import builders, categories, kinds, tables, words
from generators.program import Apply, Program, Statement, walk
from generators.streams import Stream, permute
from generators.tables import OPERATIONS
from generators.verifier import InvalidProgram, verify

WORDS = 3000  # drawn of each category


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 65, 100, 1000])
def test_permutation_is_a_bijection(size):
    assert sorted(permute(n, size, "key") for n in range(size)) == list(range(size))


def test_permutation_depends_on_its_key():
    assert [permute(n, 1000, 1) for n in range(9)] != [permute(n, 1000, 2) for n in range(9)]
    with pytest.raises(ValueError, match="outside"):
        permute(10, 10, "key")


@pytest.mark.parametrize(
    ("slots", "state"),
    [(("any", "binary"), "f"), (("unary",) * 2, "f"), (("marked", "vector"), "v")],
)
def test_words_are_numbered_without_gaps(slots, state):
    total = words.count(slots, state)
    listed = [words.unrank(n, slots, state) for n in range(total)]
    assert len(set(listed)) == total
    with pytest.raises(ValueError, match="beyond"):
        words.unrank(total, slots, state)


def test_small_kinds_are_spent_whole_and_never_twice():
    for split in kinds.SHARES:
        seen = set()
        for number in range(600):
            for variant in (0, 1, 7):
                shape, word = kinds.choose("warp", "unary", 3, split, number, variant)
                assert (shape, word) not in seen
                seen.add((shape, word))


def test_streams_are_keyed_not_added():
    assert Stream(0, 1).uniform(0, 1) != Stream(1, 0).uniform(0, 1)
    assert Stream("a", 1).uniform(0, 1) == Stream("a", 1).uniform(0, 1)


@pytest.mark.parametrize("language", ["warp", "jax"])
def test_every_operation_occurs_as_often_as_its_family_lets_it(language):
    spelled = {"warp": tables.WARP | tables.TILE, "jax": tables.JAX}[language]
    seen, families = Counter(), Counter()
    for category in categories(language, extended=True):
        for number in range(WORDS):
            _, word = kinds.choose(language, category, 1, "train", number, 0)
            seen.update(set(word))
            families.update({OPERATIONS[name].family for name in word})
    rows = [row for row in OPERATIONS.values() if not row.guard and row.name in spelled]
    sizes = Counter(row.family for row in rows)
    rare = {
        row.name: seen[row.name]
        for row in rows
        if seen[row.name] < max(1, families[row.family] / sizes[row.family] / 60)
    }
    assert not rare


def test_every_statement_occurs():
    seen = set()
    for language in ("warp", "jax"):
        for category in categories(language, extended=True):
            for number in range(150 if category == "atomic" else 20):
                program, _ = builders.sample(language, category, 1, "train", number, 0)
                seen |= {type(s).__name__ for s in walk(program.statements)}
                seen |= {f"store {store.how}" for store in program.stores}
    wanted = {s.__name__ for s in get_args(Statement)}
    assert wanted <= seen
    assert {"store add", "store sub", "store max", "store min"} <= seen
    assert {"store and", "store or", "store xor", "store exch", "store cas"} <= seen


# -- the verifier -----------------------------------------------------------------------------


def a_program(category="elementwise") -> Program:
    program, _ = builders.sample("warp", category, 0, "train", 40, 0)
    verify(program)
    return program


def changed(program, **fields):
    return dataclasses.replace(program, **fields)


def test_verifier_finds_a_dead_statement():
    program = a_program()
    extra = Apply(900, "sin", (program.params[0].id,))
    with pytest.raises(InvalidProgram, match="dead statement"):
        verify(changed(program, statements=(*program.statements, extra)))


def test_verifier_finds_an_unused_parameter():
    program = a_program()
    extra = dataclasses.replace(program.params[0], id=901)
    with pytest.raises(InvalidProgram, match="unused parameter"):
        verify(changed(program, params=(*program.params, extra)))


def test_verifier_finds_a_value_out_of_scope():
    program = a_program()
    with pytest.raises(InvalidProgram, match="not in scope"):
        verify(changed(program, statements=program.statements[1:]))


def test_verifier_finds_a_missing_guard():
    program = a_program("unary")
    [param, *_] = program.params
    bad = Apply(902, "log", (param.id,))
    wide = dataclasses.replace(param, interval=(-1.0, 1.0))
    with pytest.raises(InvalidProgram, match="leaves the domain"):
        verify(changed(program, params=(wide,), statements=(bad,), outputs=(902,)))


def test_verifier_finds_a_wrong_type():
    program = a_program("unary")
    bad = Apply(903, "dot", (program.params[0].id,) * 2)
    with pytest.raises(InvalidProgram, match="takes vv, given ff"):
        verify(changed(program, statements=(bad,), outputs=(903,)))


@pytest.mark.parametrize("category", ["unary", "branch", "vector", "compound", "matrix", "stencil"])
def test_verifier_keeps_categories_apart(category):
    program = a_program("elementwise")
    with pytest.raises(InvalidProgram, match=category):
        verify(changed(program, category=category))


def test_streams_and_permutations_give_known_numbers_on_any_machine():
    """No integer here is as wide as the machine's: keys and numbers of any size are whole."""
    draw = Stream("known", 2**64 - 1, -1)
    assert [draw.below(2**32 - 1) for _ in range(3)] == [291385441, 3088483953, 4278288291]
    assert draw.uniform(-1, 1) == -0.633605565001991
    assert draw.literal(0.1, 3.0) == 1.89
    assert draw.floats(0, 1, (2,)).tolist() == [0.20334731417250973, 0.1911744838336943]
    assert permute(0, 10**30, "known") == 468713879039443066254256456330
    assert permute(10**29, 10**30, "known") == 38208559408086315711181959809
