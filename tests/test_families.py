"""Whole kernels of the families, chains of typed operations, beside their reference."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
EACH = 3  # kernels a category
FIRST = 104
FAMILIES = {"jax": 30, "warp": 9}
# How far a result may be from that in float64, relative to the largest. Some functions of the
# libraries work in single precision whatever they are given.
NUMBERS = {"float64": 1e-5, "float32": 1e-3, "float16": 3e-2, "bfloat16": 2e-1}
GRADIENTS = {"float64": 1e-3, "float32": 1e-2, "float16": 1e-1, "bfloat16": 3e-1}
FLIPPED = 0.02  # of whole numbers: what lay so near a step that rounding decides


@pytest.fixture(scope="module", params=FAMILIES)
def compared(request, tmp_path_factory):
    cache = tmp_path_factory.mktemp("families")
    asked = [request.param, str(FIRST), str(EACH)]
    command = [sys.executable, str(HERE / "run_families.py"), str(cache), *asked]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert len(found) == FAMILIES[request.param] * EACH
    assert not [k for k in found if "error" in k]
    return found


def test_numbers_are_finite_and_those_of_the_reference(compared):
    assert not [k for k in compared if not k["finite"]]
    # In 16 bits what goes in steps, or looks for the largest, often finds another one.
    firm = [k for k in compared if k["differentiable"] or not k["dtype"].endswith("16")]
    bound = [(k, FLIPPED if k["whole"] else NUMBERS[k["dtype"]]) for k in firm]
    wrong = [k for k, most in bound if not k["value"] <= most]
    assert not [k for k in wrong if not k["whole"]]
    assert len(wrong) <= max(1, 0.02 * len(firm))  # orders of what rounds to the same


def test_shapes_and_dtypes_are_those_of_the_program(compared):
    assert not [k for k in compared if not k["formed"]]


def test_gradients_hold_where_the_kernel_says_so(compared):
    tried = [k for k in compared if "gradient" in k]
    assert not [k for k in tried if not k["gradient"] <= GRADIENTS[k["dtype"]]]
    assert len(tried) > 0.4 * len(compared)


def test_few_kernels_come_out_constant(compared):
    assert sum(k["flat"] for k in compared) <= 0.05 * len(compared)
