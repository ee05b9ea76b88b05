"""The adjoints that Warp gets wrong are wrong still, and the ways around them are right.

Fails when Warp mends one: then what the message names can be marked differentiable, and the entry
in `wrong_adjoints.py` be deleted.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from compare_adjoints import PRECISION, Compared
from wrong_adjoints import ENTRIES

from generators import tables
from generators.tables import OPERATIONS, tiles

HERE = Path(__file__).parent
WRONG = 0.01  # relative: what is farther off than this is no rounding
ROWS = OPERATIONS | {row.name: row for row in tiles.ROWS}
SPELLED = tables.WARP | tiles.TILE
BY_NAME = pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)


@pytest.fixture(scope="module")
def compared():
    command = [sys.executable, str(HERE / "compare_adjoints.py")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    found = {line.pop("name"): Compared(**line) for line in lines}
    assert len(found) == 2 * len(ENTRIES)
    return found


@BY_NAME
def test_an_adjoint_that_is_listed_as_wrong_is_wrong(compared, entry):
    found = compared[f"{entry.name}_wrong"]
    assert not found.failed
    assert np.isfinite(found.differences[f"{entry.of}0"]).all()
    can = [*(f"{name} in generators/tables" for name in entry.unlocks), entry.flags]
    can = ", ".join(filter(None, can)) or "nothing that is generated today"
    assert found.apart(f"{entry.of}0") > WRONG, (
        f"Warp has mended {entry.name} ({entry.wrong}); delete the entry, and mark as "
        f"differentiable: {can}"
    )


@BY_NAME
def test_the_same_comparison_finds_the_control_right(compared, entry):
    found, other = compared[f"{entry.name}_right"], compared[f"{entry.name}_wrong"]
    assert not found.failed
    assert found.apart(f"{entry.of}0") <= PRECISION[entry.precision][1]
    assert np.abs(found.differences[f"{entry.of}0"]).max() > 0.01  # zero agrees with anything
    if entry.alike:
        assert np.allclose(found.values, other.values, rtol=1e-6)


@BY_NAME
def test_what_waits_for_it_is_marked(entry):
    """Every operation that an entry names exists, is spelled in Warp, and has no gradient."""
    assert set(entry.unlocks) <= set(SPELLED)
    assert not [name for name in entry.unlocks if ROWS[name].differentiable]


@BY_NAME
def test_no_operation_with_a_gradient_uses_it(entry):
    if not entry.pattern:
        return
    texts = {n: "\n".join((*s.helper, *s.lines, s.template)) for n, s in SPELLED.items()}
    users = {name for name, text in texts.items() if re.search(entry.pattern, text)}
    assert users
    assert not [name for name in users if ROWS[name].differentiable]
