"""The tables: whole, and spelled so that a text tells which operations it was written from."""

import ast
import functools
import re

import pytest

from generators import tables, words
from generators.spellings import ANY_SLOT
from generators.tables import OPERATIONS, companions

TABLES = {"warp": tables.WARP, "jax": tables.JAX, "tile": tables.TILE}


def test_every_operation_is_spelled_and_every_spelling_is_of_one():
    spelled = {name for table in TABLES.values() for name in table}
    assert spelled == set(OPERATIONS)


def wrong_of(row):
    """Tell what is missing from a row or its spellings."""
    if len(row.args) != len(row.domains):
        yield "an interval for each argument"
    if not all(low <= high for low, high in (*row.domains, *row.literals)):
        yield "an interval that is not empty"
    if row.dims and len(row.shapes) != len(row.args) + 1:
        yield "axes for each argument and the result"
    for spelling in (table[row.name] for table in TABLES.values() if row.name in table):
        text = " ".join((*spelling.helper, *spelling.lines, spelling.template))
        slots = {name for name, _ in ANY_SLOT.findall(text)}
        operands = {str(n) for n in range(len(row.args))}
        literals = {f"#{n}" for n in range(len(row.literals))}
        if {s for s in slots if s[0] == "#" or s.isdigit()} != operands | literals:
            yield "a slot for each argument and each literal, and no other"
        if not {s for s in slots if re.fullmatch(r"t\d", s)} <= {
            f"t{n}" for n in range(len(spelling.locals))
        }:
            yield "a name for each local"


def test_every_row_is_whole():
    found = {row.name: list(wrong_of(row)) for row in OPERATIONS.values()}
    assert not {name: wrong for name, wrong in found.items() if wrong}


# -- what a text tells ------------------------------------------------------------------------


def tree(spelling):
    """Return a spelling as one expression, its lines put in; None where they are no assignments."""
    if spelling.helper:
        return None
    text = "\n".join((*spelling.lines, spelling.template))
    text = ANY_SLOT.sub(lambda m: "S" + m.group(1).replace("#", "L").replace("@", "E"), text)
    *before, last = ast.parse(text).body
    values = {}
    for statement in before:
        if not isinstance(statement, ast.Assign) or not isinstance(statement.targets[0], ast.Name):
            return None
        values[statement.targets[0].id] = inlined(statement.value, values)
    return inlined(last.value, values)


def inlined(node, values):
    class Put(ast.NodeTransformer):
        def visit_Name(self, node):
            return values.get(node.id, node)

    return Put().visit(ast.parse(ast.unparse(node), mode="eval").body)


def is_slot(node):
    return isinstance(node, ast.Name) and re.fullmatch(r"S\d", node.id) is not None


def is_number(node):
    if isinstance(node, ast.Name):
        return re.fullmatch(r"S(L\d|E\w|one|zero)", node.id) is not None
    return isinstance(node, ast.Constant) and isinstance(node.value, int | float)


def match(pattern, node, bound):
    """Match a spelling's tree against another; slots take any subtree."""
    if is_slot(pattern):
        shown = ast.dump(node)
        if pattern.id in bound and ast.dump(bound[pattern.id]) != shown:
            return False
        bound[pattern.id] = node
        return True
    if is_number(pattern) or is_number(node):
        return is_number(pattern) and is_number(node)
    if type(pattern) is not type(node):
        return False
    for field, value in ast.iter_fields(pattern):
        other = getattr(node, field)
        if isinstance(value, ast.AST):
            if field != "ctx" and not match(value, other, bound):
                return False
        elif isinstance(value, list):
            if len(value) != len(other):
                return False
            for one, two in zip(value, other, strict=True):
                if not (match(one, two, bound) if isinstance(one, ast.AST) else one == two):
                    return False
        elif value != other:
            return False
    return True


def root(node):
    """Return what a tree begins with: only spellings that begin alike can match it."""
    match node:
        case ast.Call():
            return "call " + ast.unparse(node.func).partition("(")[0].rpartition(" ")[2]
        case ast.Attribute():
            return "attribute " + node.attr
        case ast.BinOp() | ast.UnaryOp() | ast.BoolOp():
            return type(node.op).__name__
    return type(node).__name__


def composed(node, kind, patterns, row, allowed):
    """Return the operations that make a tree of a kind of value, None where none do."""
    if is_slot(node):
        return [] if kind in (row.args[int(node.id[1])], "") else None
    for name, pattern in patterns.get(root(node), ()):
        other, bound = OPERATIONS[name], {}
        if kind not in (other.result, "") or not allowed(name):
            continue
        if match(pattern, node, bound) and ranks_fit(bound, row, other):
            kinds = ["" if kind == "" else other.args[int(slot[1])] for slot in bound]
            parts = [
                composed(part, wanted, patterns, row, allowed)
                for part, wanted in zip(bound.values(), kinds, strict=True)
            ]
            if all(part is not None for part in parts):
                return [name, *(n for part in parts for n in part)]
    return None


def ranks_fit(bound, row, other):
    """Tell whether the arguments of a row that another takes can have the rank it wants."""
    if not row.dims or not other.dims:
        return True
    for slot, node in bound.items():
        if is_slot(node):
            (free, axes), (also, wanted) = row.shapes[int(node.id[1])], other.shapes[int(slot[1])]
            if not free and not also and len(axes) != len(wanted):
                return False
    return True


@functools.cache
def together(language, one, two):
    """Tell whether two families' operations can stand in one kernel."""
    near = {"", "vector"} if language == "warp" else {""}
    return one == two or bool(
        {one, two} & near
        or one in companions(language, two)
        or two in companions(language, one)
        or any(
            {one, two} <= {family, *companions(language, family)}
            for family in tables.families(language)
        )
    )


@pytest.mark.parametrize("language", TABLES)
def test_no_spelling_can_be_composed_of_others(language):
    trees = {name: tree(spelling) for name, spelling in TABLES[language].items()}
    patterns = by_root(trees)
    found = {}
    for name, whole in trees.items():
        row = OPERATIONS[name]
        if whole is None or row.guard:  # what follows a guard tells it: where it is active
            continue

        def allowed(other, name=name, row=row):
            width = {row.width, OPERATIONS[other].width} - {None}
            near = together(language, row.family, OPERATIONS[other].family)
            return other != name and near and len(width) < 2

        how = composed(whole, row.result, patterns, row, allowed)
        if how:
            found[name] = how
    assert not found


def by_root(trees):
    patterns = {}
    for name, pattern in trees.items():
        if pattern is not None:
            patterns.setdefault(root(pattern), []).append((name, pattern))
    return patterns


@pytest.mark.parametrize("family", tables.families("jax"))
def test_what_marks_a_family_of_jax_reads_like_no_plain_operations(family):
    """Whatever its types: a text of JAX does not tell them."""
    plain = by_root({n: tree(tables.JAX[n]) for n in words.VOCABULARIES["any"]})
    found = {}
    for name in words.vocabulary(f"jax:{family}@3"):
        whole = tree(tables.JAX[name])
        if whole is not None:
            how = composed(whole, "", plain, OPERATIONS[name], lambda other: True)
            if how:
                found[name] = how
    assert not found


@pytest.mark.parametrize("language", TABLES)
def test_no_two_blocks_read_alike(language):
    texts = {}
    for name, spelling in TABLES[language].items():
        row = OPERATIONS[name]
        text = "\n".join((*spelling.helper, *spelling.lines, spelling.template))
        text = re.sub(r"\{([th])\d\}", r"{\1}", re.sub(r"!", "", text))
        text = re.sub(r"\{#\d\}|\{one\}|\{zero\}|\b\d+(\.\d+)?(e-?\d+)?\b", "#", text)
        key = text, row.args if set(row.args) - {"f"} else "", row.dims, row.width
        assert texts.setdefault(key, name) == name


def test_rows_of_jax_that_read_alike_take_values_of_different_types():
    """The type of the value at hand is known from what made it; that of an operand is not."""
    alike = {}
    for name, spelling in tables.JAX.items():
        row = OPERATIONS[name]
        if not row.guard:
            text = "\n".join((*spelling.helper, *spelling.lines, spelling.template))
            text = re.sub(r"\{#\d\}|\{one\}|\{zero\}|\b\d+(\.\d+)?\b", "#", text.replace("!", ""))
            alike.setdefault(re.sub(r"\{[th]\d\}", "{}", text), []).append(row)
    found = []
    for rows in alike.values():
        for place, row in enumerate(rows):
            for other in rows[:place]:
                mains = {row.args[n] for n in ((0,) if row.dims else row.places)}
                if mains & {other.args[n] for n in ((0,) if other.dims else other.places)}:
                    found.append((row.name, other.name))
    assert not found
