"""Every operation alone, in each language: numbers and gradient against its own reference."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from wrong_adjoints import ENTRIES

from generators import tables
from generators.spellings import ANY_SLOT
from generators.tables import OPERATIONS

HERE = Path(__file__).parent
# Warp says of some of these that they have an adjoint.
WRONG_IN_WARP = {name for entry in ENTRIES for name in entry.unlocks}


def run(script, *arguments):
    command = [sys.executable, str(HERE / script), *arguments]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=HERE.parent
    )


def names_of(language):
    spelled = tables.WARP if language == "warp" else tables.JAX
    return [
        module.__name__.rpartition(".")[2]
        for module in tables.MODULES
        if set(getattr(module, "WARP" if language == "warp" else "JAX")) & set(spelled)
    ]


@pytest.mark.timeout(900)
@pytest.mark.parametrize("language", ["warp", "jax"])
def test_every_operation_agrees_with_its_reference(language):
    names = names_of(language)
    halves = [run("alone.py", language, *half) for half in (names[::2], names[1::2])]
    told = [process.communicate() for process in halves]
    text = "".join(out for out, _ in told)
    assert [process.returncode for process in halves] == [0, 0], told
    assert not re.findall(r"^\w+\.\w+: .*", text, re.MULTILINE)
    assert len(re.findall(r"^\w+: \d+ of \d+ rows hold in ", text, re.MULTILINE)) == len(names)


@pytest.mark.timeout(600)
def test_every_operation_on_tiles_agrees_with_its_reference():
    process = run("alone_tiles.py")
    told, error = process.communicate()
    held = re.findall(r"^(\d+) of (\d+) (?:cases|ways)", told, re.MULTILINE)
    assert process.returncode == 0, error
    assert len(held) == 4
    assert all(some == whole for some, whole in held), told


def single_call(spelling):
    """Return the function of a spelling that is one call of it on operands and literals."""
    plain = ANY_SLOT.sub("x", spelling.template)
    name, bracket, rest = plain.partition("(")
    arguments = rest.removesuffix(")").split(", ")
    alone = bracket and not spelling.lines and set(arguments) <= {"x"}
    return name if alone and name.startswith("wp.") else ""


def test_what_is_differentiable_agrees_with_warp():
    import warp._src.context as context

    apart = {}
    for name, spelling in tables.WARP.items():
        row, function = OPERATIONS[name], single_call(spelling)
        if not function or set(row.args + row.result) & set("iub"):
            continue
        builtin = context.builtin_functions.get(function.removeprefix("wp."))
        if builtin is None:
            continue
        if row.differentiable and not builtin.is_differentiable:
            apart[name] = "we say it has a gradient, Warp that it has none"
        if builtin.is_differentiable and not row.differentiable and name not in WRONG_IN_WARP:
            apart[name] = "Warp says it has a gradient, we that it has none"
    assert not apart
