"""One program, two languages: the Warp kernel and the JAX function compute the same."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from generators import categories
from generators.tables import families

HERE = Path(__file__).parent
EACH = 4  # kernels a category
FIRST = 40
# How far float32 and float64 results of two compilers may lie apart, relative to the largest.
NUMBERS = {"float32": 5e-4, "float64": 1e-9}
GRADIENTS = {"float32": 1e-2, "float64": 1e-6}


@pytest.fixture(scope="module", params=["warp", "paired"])
def compared(request, tmp_path_factory):
    cache = tmp_path_factory.mktemp("warp")
    asked = [request.param, str(FIRST), str(EACH)]
    command = [sys.executable, str(HERE / "run_both.py"), str(cache), *asked]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    names = [c for c in categories(request.param, extended=True) if c not in families("warp")]
    assert len(found) == len(names) * EACH
    return found


def test_numbers_agree(compared):
    apart = [k for k in compared if not k["value"] <= NUMBERS[k["dtype"]]]
    assert not apart


def test_numbers_are_those_of_the_reference(compared):
    apart = [k for k in compared if not k["reference"] <= NUMBERS[k["dtype"]]]
    assert not apart


def test_gradients_agree_where_the_kernel_says_so(compared):
    apart = [
        k for k in compared if k["differentiable"] and not k["gradient"] <= GRADIENTS[k["dtype"]]
    ]
    assert not apart
    assert Counter(k["differentiable"] for k in compared)[True] > 0.7 * len(compared)


def test_kernels_that_say_they_have_no_gradient_are_wrong_indeed(compared):
    """The flag is not given away; `test_wrong_adjoints.py` says when Warp mends an adjoint."""
    unsure = [k for k in compared if not k["differentiable"] and "atomic" not in k["name"]]
    wrong = [k for k in unsure if not k["gradient"] <= GRADIENTS[k["dtype"]]]
    assert len(wrong) > 0.5 * len(unsure) > 0


def test_nothing_comes_out_constant(compared):
    assert not [k for k in compared if k["flat"]]
