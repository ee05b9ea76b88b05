"""The verification sees wrong code: mutants of a row of every category of Warp and of JAX."""

import ast
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from random import Random
from subprocess import PIPE

import pytest
from mutations import KINDS, mutate

import generators

SCRIPT = Path(__file__).parent.parent / "benchmarks" / "mutants.py"
LEAST = 0.95  # of the mutants that are another function


@pytest.fixture(scope="module")
def said():
    """What is said of mutants and of rows, in processes of their own, as compilers want it."""
    asked = [sys.executable, str(SCRIPT), "--json", "--rows", "1"]
    runs = [
        subprocess.Popen([*asked, "--each", each, "--configs", config], stdout=PIPE, text=True)
        for config, each in (("warp", "2"), ("jax", "1"))
    ]
    found = []
    for run in runs:
        out, _ = run.communicate()
        assert run.returncode == 0
        found += [json.loads(line) for line in out.splitlines() if line.startswith("{")]
    return found


@pytest.fixture(scope="module")
def tried(said):
    return [line for line in said if "kind" in line]


def changed(tried):
    return [m for m in tried if m["changed"] not in ("", "broken")]


def test_wrong_code_is_seen(tried):
    wrong = changed(tried)
    missed = [m for m in wrong if not m["caught"]]
    assert len(missed) <= (1 - LEAST) * len(wrong), missed
    # Most mutants must be real ones, or there is nothing to see.
    assert len(wrong) > 0.6 * len(tried)


def test_every_category_and_most_kinds_occur(tried):
    wrong = changed(tried)
    assert len({m["kind"] for m in wrong}) >= 16
    for config in ("warp", "jax"):
        had = {m["category"] for m in tried if m["row"].startswith(config)}
        assert had == set(generators.categories(config, extended=True))


def test_adjoint_alone_is_seen(tried):
    skewed = [m for m in changed(tried) if m["kind"] == "wrong_adjoint"]
    assert skewed
    assert all(m["changed"] == "in its adjoint" for m in skewed)


def test_no_original_is_refused(said):
    assert [line["refused"] for line in said if "refused" in line] == [{}, {}]


@pytest.mark.parametrize("config", ["warp", "jax"])
def test_mutants_are_other_texts_and_the_same_each_time(config):
    applied = Counter()
    for index in range(24):
        kernel = generators.generate(config, 3, index, extended=True)
        plain = ast.unparse(ast.parse(kernel.python)) + "\n"
        for kind in KINDS:
            found = mutate(kernel.python, kernel.name, kind, Random(index))
            if found is not None:
                assert found != plain
                ast.parse(found)
                applied[kind] += 1
        again = mutate(kernel.python, kernel.name, "sign_flipped", Random(index))
        assert again == mutate(kernel.python, kernel.name, "sign_flipped", Random(index))
    assert len(applied) >= 16
