"""The program model: tables that agree, numbering that is a bijection, a verifier that bites."""

import dataclasses
import re

import pytest

from generators import builders, categories, cores, kinds, tables, words
from generators.program import Apply, Program, walk
from generators.streams import Stream, permute
from generators.tables import OPERATIONS
from generators.verifier import InvalidProgram, verify

SPELLINGS = {"warp": tables.WARP, "jax": tables.JAX}


@pytest.mark.parametrize("language", SPELLINGS)
def test_every_operation_is_spelled(language):
    assert set(SPELLINGS[language]) == set(OPERATIONS)


@pytest.mark.parametrize("language", SPELLINGS)
def test_no_two_operations_on_floats_are_spelled_alike(language):
    shapes = {}
    for name in words.VOCABULARIES["any"] + tuple(o.name for o in OPERATIONS.values() if o.guard):
        if OPERATIONS[name].args[0] == "v":
            continue
        shape = re.sub(r"\{(#?)\d!*\}", r"{\1}", SPELLINGS[language][name].template)
        assert shapes.setdefault(shape, name) == name


def test_what_marks_a_vector_kernel_reads_like_no_scalar_operation():
    scalar = {tables.JAX[name].template.replace("!", "") for name in words.VOCABULARIES["any"]}
    for name in words.VOCABULARIES["marked"]:
        assert tables.JAX[name].template.replace("!", "") not in scalar


def test_every_variant_of_a_block_reads_differently():
    texts = [
        re.sub(r"\{t\d\}", "{t}", " ".join(v.lines)) for f in cores.FAMILIES.values() for v in f
    ]
    assert len(set(texts)) == len(texts)


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
                shape, word = kinds.choose("unary", 3, split, number, variant)
                assert (shape, word) not in seen
                seen.add((shape, word))


def test_streams_are_keyed_not_added():
    assert Stream(0, 1).uniform(0, 1) != Stream(1, 0).uniform(0, 1)
    assert Stream("a", 1).uniform(0, 1) == Stream("a", 1).uniform(0, 1)


def test_every_operation_and_block_occurs():
    seen = set()
    for name in categories("jax", extended=True):
        for number in range(150):
            program, _ = builders.sample("jax", name, 1, "train", number, 0)
            for s in walk(program.statements):
                kind = getattr(s, "op", None) or getattr(s, "family", type(s).__name__)
                seen.add((kind, getattr(s, "variant", 0)))
    kinds_seen = {kind for kind, _ in seen}
    assert set(OPERATIONS) <= kinds_seen
    assert {"Branch", "Loop", "Reduce", "Neighbor", "Gather", "Cell"} <= kinds_seen
    blocks = {(f, v) for f, variants in cores.FAMILIES.items() for v in range(len(variants))}
    assert blocks <= seen


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


@pytest.mark.parametrize("category", ["unary", "branch", "loop", "vector", "compound", "matmul"])
def test_verifier_keeps_categories_apart(category):
    program = a_program("elementwise")
    with pytest.raises(InvalidProgram, match=category):
        verify(changed(program, category=category))
