"""The plan on paper: its figures are those of the README and of the measured runs."""

from __future__ import annotations

import json
import sys

import pytest
from conftest import ROOT

import generators
from jit_synthesis import CONFIGS

sys.path.insert(0, str(ROOT / "benchmarks"))

import plan

TEXT = plan.DOC.read_text(encoding="utf-8")


def test_the_table_is_that_of_the_measured_costs() -> None:
    assert plan.renewed(TEXT) == TEXT, "renew it with: python benchmarks/plan.py"


def test_a_plan_by_hand() -> None:
    found = plan.Plan("warp", "extract", 10**8, 4.0, 3000.0, plan.fitting(10**8))
    assert found.core_hours == pytest.approx(111.1, abs=0.1)
    assert (found.shard_rows, found.shards) == (32_768, 3052)
    assert found.lost_minutes == pytest.approx(2.18, abs=0.01)


@pytest.mark.parametrize("rows", plan.ROWS)
def test_shards_and_records_fit_a_folder_and_smaller_ones_would_not(rows: int) -> None:
    size = plan.fitting(rows)
    assert 2 * -(-rows // size) < plan.FOLDER
    assert size == plan.SHARD_ROWS or 2 * -(-rows // (size // 2)) >= plan.FOLDER


def test_every_config_that_was_run_is_planned_at_both_tiers() -> None:
    made = json.loads(plan.MADE.read_text())
    readme = plan.README.read_text(encoding="utf-8")
    found = {(of.config, of.level, of.rows) for of in plan.plans(readme, made)}
    levels = ("extract", "gradient")
    assert found == {(c, t, r) for c in ("warp", "jax") for t in levels for r in plan.ROWS}


def test_a_cost_that_is_not_told_is_an_error() -> None:
    with pytest.raises(ValueError, match="no line for jax at gradient"):
        plan.milliseconds("nothing", "jax", "gradient")


@pytest.mark.parametrize(
    ("config", "extended", "told"),
    [("warp", False, "1.6·10^14"), ("warp", True, "3.8·10^12"), ("jax", True, "3.9·10^13")],
)
def test_the_capacity_told_is_that_of_the_generators(
    config: str, extended: bool, told: str
) -> None:
    assert config in CONFIGS
    assert told in TEXT
    mantissa, power = told.split("·10^")
    most = int(float(mantissa) * 10 ** int(power))
    below, above = int(most * 0.95), int(most * 1.07)
    generators.check_count(config, "train", below, extended=extended)
    with pytest.raises(ValueError, match="which holds"):
        generators.check_count(config, "train", above, extended=extended)
