"""Statistics of rows: what is counted, that shards join to the whole, that they stay small."""

from __future__ import annotations

import json
import random
import sys
from collections import Counter
from itertools import pairwise

import golden_rows
import numpy as np
import pytest
from conftest import Processes

from extractors.outcomes import COLUMNS
from generators.tables import OPERATIONS
from jit_synthesis import CONFIGS, JitSynthesisConfig, Rejection, Yield
from pipeline.card.statistics import (
    CHARACTER_BITS,
    EVERY,
    LINE_BITS,
    TEXTS,
    Statistics,
    floor,
    opcodes,
    quantiles,
    vocabularies,
)
from pipeline.card.summaries import Totals
from pipeline.shards import run_of
from verification.rows import sources

ROWS = {name: [json.loads(line) for line in golden_rows.kept(name)[1:]] for name in CONFIGS}


def told(rows) -> dict:
    counted = Statistics()
    for row in rows:
        counted.add(row)
    return counted.told()


@pytest.mark.parametrize("config", CONFIGS)
def test_shards_join_to_the_whole_in_any_order(config):
    rows = ROWS[config]
    whole = told(rows)
    edges = [0, 1, 5, 5, len(rows)]  # one of them is empty
    parts = [json.loads(json.dumps(told(rows[a:b]))) for a, b in pairwise(edges)]
    for seed in range(4):
        random.Random(seed).shuffle(parts)
        left, right, both = Statistics(), Statistics(), Statistics()
        for part in parts[:2]:
            left.join(part)
        for part in parts[2:]:
            right.join(part)
        both.join(right.told())
        both.join(left.told())
        assert both.told() == whole
        assert json.dumps(both.told()) == json.dumps(whole)  # keys in order too


def test_records_come_in_any_order_and_are_told_in_that_of_the_plan():
    run = run_of(JitSynthesisConfig("warp", num_train=6, num_validation=2, num_test=2), 2)
    records = [
        {"path": shard.path, "rows": 2, "statistics": told(ROWS["warp"][n : n + 2])}
        | {"yield": missed(f"repro {n}")}
        for n, shard in enumerate(run.shards)
    ]
    whole = Totals(run)
    for record in records:
        whole.add(record)
    assert [each["path"] for each in whole.records] == [shard.path for shard in run.shards]
    assert (whole.rows, whole.found.told()["reasons"][0]["repro"]) == (10, "repro 0")
    assert all("statistics" not in each for each in whole.records)
    for seed in range(4):
        random.Random(seed).shuffle(records)
        found = Totals(run)
        for n, record in enumerate(records):
            assert sum(shard in found for shard in run.shards) == n
            found.add(record)
        assert found.records == whole.records
        assert found.found.told() == whole.found.told()
        assert found.counted.told() == whole.counted.told()


def missed(repro: str) -> dict:
    """A shard's yield with one kernel that others took the place of."""
    found = Yield()
    found.note(Rejection("train", 0, 0, "compile", "no", repro, "loop"))
    return found.told()


@pytest.mark.parametrize("config", CONFIGS)
def test_counts_are_those_of_the_rows(config):
    rows, found = ROWS[config], told(ROWS[config])
    for name, counts in found["categories"].items():
        mine = [row for row in rows if row["category"] == name]
        assert counts.pop("differentiable", 0) == sum(row["differentiable"] for row in mine)
        assert counts == Counter(row["verified"] for row in mine)
    assert sum(sum(c.values()) for c in found["categories"].values()) == len(rows)
    used = Counter(name for row in rows for name in set(row["operations"]))
    assert found["operations"]["rows"] == used
    dtypes = Counter(a["dtype"] for r in rows for a in r["inputs"] if a["role"] != "launch")
    assert found["arguments"]["dtype"] == dtypes
    for column in (*sources(config), *COLUMNS[config]):
        texts = [row[column] for row in rows if row[column]]
        assert found["total"]["texts"][column] == len(texts)
        assert found["total"]["characters"][column] == sum(map(len, texts))
        lines = Counter(str(len(text.rstrip("\n").split("\n"))) for text in texts)
        assert found["lines"][column] == lines
    parsed = sum(row["id"] % EVERY == 0 for row in rows)
    assert all(sum(c.values()) == parsed for c in found["depths"].values())
    assert set(found["depths"]) == set(sources(config))


def test_a_text_is_told_by_what_it_is_made_of():
    cpp = """
    // wp::array_store(var_out, var_0, var_6);
    wp::tile_shared_t<wp::float32,wp::tile_shape_t<16>, true> var_8 = wp::tile_alloc<wp::int8>();
    wp::vec_t<3,wp::float32> var_9;
    var_5 = wp::load(var_3);
    var_10 = wp::tile_load<wp::float32, true, 16>(var_weights, var_4);
    var_4 = wp::vec_t<2, wp::float32>(var_5);
    // out[i] = wp.atan(x)                                                  <L 6>
    wp::array_store(var_out, var_0, var_6);
    wp::adj_atan(var_4, adj_4, adj_6);
    velocity_0(var_1);
"""
    assert opcodes(cpp) == {"load", "tile_load", "vec_t", "array_store"}
    hlo = """HloModule jit_f, entry_computation_layout={(f32[12,32]{1,0})->f32[12,32]{1,0}}

ENTRY %main.1 (slip.1: f32[12,32]) -> f32[12,32] {
  %slip.1 = f32[12,32]{1,0} parameter(0)
  constant.1 = f32[] constant(1)
  t.1 = (s32[], f32[4]{0}, s32[], s32[], s32[], /*index=5*/f32[]) while(t.0), condition=c, body=b
  u.1 = ((f32[], s32[]), f32[]) custom-call(slip.1), custom_call_target="sub = f32[] add(x)"
  ROOT %fused = f32[12,32]{1,0} fusion(%slip.1), kind=kLoop, calls=%fused_computation
}
"""
    assert opcodes(hlo) == {"parameter", "constant", "while", "custom-call", "fusion"}
    stablehlo = """module @jit_f attributes {mhlo.num_partitions = 1 : i32} {
  func.func public @main(%arg0: tensor<12x32xf32>) -> (tensor<12x32xf32>) {
    %0 = chlo.atan %arg0 : tensor<12x32xf32> -> tensor<12x32xf32>
    %1 = stablehlo.reduce(%0 init: %c) applies stablehlo.maximum across dimensions = [1]
    %2 = "stablehlo.gather"(%1) <{dimension_numbers = #stablehlo.gather<offset = [0]>}>
    return %0 : !stablehlo.token
"""
    assert opcodes(stablehlo) == {"chlo.atan", "reduce", "maximum", "gather"}


def test_vocabularies_name_what_a_column_holds():
    found = {c: dict(vocabularies(c, told(ROWS[c])["opcodes"])) for c in CONFIGS}
    hlo = ["hlo_forward", "hlo_backward", "hlo_optimized"]
    assert {c: {what: list(v) for what, v in groups.items()} for c, groups in found.items()} == {
        "warp": {"built-ins of Warp": ["cpp"]},
        "jax": {"HLO opcodes": hlo},
        "stablehlo": {"StableHLO operations": ["cpp"], "HLO opcodes": ["cuda"]},
        "paired": {"built-ins of Warp": ["cpp"], "HLO opcodes": hlo},
    }
    assert found["warp"]["built-ins of Warp"]["cpp"]["load"] > 20
    assert found["stablehlo"]["HLO opcodes"]["cuda"] == found["jax"]["HLO opcodes"]["hlo_optimized"]


def test_a_text_that_was_not_asked_for_is_not_counted():
    row = ROWS["warp"][0]
    both, without = told([row]), told([row | {"cpp": ""}])
    assert "cpp" not in without["lines"]
    assert without["total"]["texts"] == {"python": 1, "cuda": 1}
    # Then the built-ins are those of the CUDA text: the same.
    assert without["opcodes"]["cuda"] == both["opcodes"]["cpp"]
    assert "cuda" not in both["opcodes"]
    assert told([row | {"cpp": "", "cuda": ""}]).get("opcodes") is None


def test_bins_are_fine_and_nested():
    for number in [*range(1, 5000), 10**6, 10**9 + 7]:
        assert floor(number, LINE_BITS) == number or number >= 1024
        for bits in (LINE_BITS, CHARACTER_BITS):
            low = floor(number, bits)
            assert low <= number < low * (1 + 2 ** (1 - bits)) + 1
            assert floor(low, bits) == low
        assert floor(floor(number, CHARACTER_BITS), 4) == floor(number, 4)


def test_quantiles_are_numpys():
    draw = random.Random(3)
    for count in (1, 2, 7, 500):
        numbers = [draw.randrange(1, 40) for _ in range(count)]
        parts = (0, 0.1, 0.5, 0.9, 1)
        expected = np.quantile(numbers, parts, method="inverted_cdf")
        assert quantiles(Counter(map(str, numbers)), *parts) == expected.tolist()
    with pytest.raises(ValueError, match="nothing is counted"):
        quantiles({}, 0.5)


def test_they_stay_small_whatever_the_rows_are():
    """All operations there are, and texts of 3,000 lengths in each of four columns."""
    names, row = list(OPERATIONS), ROWS["jax"][0]
    counted = Statistics()
    for number in range(3000):
        lines = "x\n" * (1 + number)
        texts = dict.fromkeys((*COLUMNS["jax"], "python_jax"), lines)
        own = {"id": 1 + number * EVERY, "operations": names[number % 300 :: 300]}
        counted.add(row | texts | own)
    found = counted.told()
    assert set(found["operations"]["rows"]) == set(names)
    assert len(found["lines"]["hlo_forward"]) > 1500
    assert max(map(int, found["lines"]["hlo_forward"])) >= 2990
    assert len(json.dumps(found)) < 200_000
    more = Statistics()
    for _ in range(50):
        more.join(found)
    assert len(json.dumps(more.told())) < 200_000


def test_another_hash_seed_tells_the_same(processes: Processes):
    script = (
        "import json, golden_rows\n"
        "from pipeline.card.statistics import Statistics\n"
        "counted = Statistics()\n"
        "for line in golden_rows.kept('paired')[1:]: counted.add(json.loads(line))\n"
        "print(json.dumps(counted.told()))"
    )
    path = ":".join(p for p in sys.path if p)
    runs = [processes.run("-c", script, PYTHONHASHSEED=s, PYTHONPATH=path) for s in ("1", "2")]
    assert runs[0].stdout == runs[1].stdout == json.dumps(told(ROWS["paired"])) + "\n", runs[0]


def test_texts_are_all_text_columns():
    assert set(TEXTS) == {c for name in CONFIGS for c in (*sources(name), *COLUMNS[name])}
