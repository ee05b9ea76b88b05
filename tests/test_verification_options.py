"""Options verify and min_verified, the kernels they replace, and the yield in the info."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import datasets
import pytest

import extractors
import generators
import jit_synthesis
from extractors.outcomes import COLUMNS, Extracted
from jit_synthesis import JitSynthesis, JitSynthesisConfig, rows
from pipeline import export
from verification import LEVELS, TIERS, Rejection, Verdict


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"verify": "all"}, "unknown verify 'all': choose from extract, run, match, gradient"),
        ({"verify": True}, "unknown verify True: choose from extract"),
        ({"min_verified": "run"}, "unknown min_verified 'run': choose from extracted, ran, match"),
        (
            {"verify": "run", "min_verified": "gradient"},
            "min_verified='gradient' is more than verify='run' shows: leave verify out, or give "
            "'gradient'",
        ),
        (
            {"categories": ["branch", "integer"], "extended": True, "min_verified": "gradient"},
            "min_verified='gradient' leaves nothing of category 'integer', next to none of whose "
            "kernels is differentiable: leave it out, or min_verified='matched'",
        ),
    ],
)
def test_bad_options_are_refused_in_one_line(options, message):
    with pytest.raises(ValueError, match="verif") as caught:
        JitSynthesisConfig("warp", **options)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)
    with pytest.raises(ValueError, match="verif"):
        datasets.load_dataset("jit_synthesis", "warp", **options)


@pytest.mark.parametrize("level", LEVELS)
def test_what_is_asked_is_verified_up_to(level):
    tier = TIERS[LEVELS.index(level)]
    assert JitSynthesisConfig("jax", min_verified=tier).level == level
    assert JitSynthesisConfig("jax", min_verified=tier, verify="gradient").level == "gradient"
    assert JitSynthesisConfig("jax", verify=level).min_verified is None
    assert JitSynthesisConfig("jax").level == "extract"


@pytest.mark.parametrize("streaming", [False, True])
def test_min_verified_alone_is_enough(tmp_path, streaming):
    found = datasets.load_dataset(
        "jit_synthesis", "warp", min_verified="ran", num_train=2, num_validation=0, num_test=0,
        split="train", streaming=streaming, cache_dir=str(tmp_path),
    )  # fmt: skip
    assert [row["verified"] for row in found] == [TIERS.index("ran")] * 2


def test_categories_without_gradients_are_left_out_unless_named():
    for name in generators.LANGUAGES:
        config = JitSynthesisConfig(name, extended=True, min_verified="gradient")
        left = config.categories or generators.categories(name, extended=True)
        lacking = [
            c for c in generators.categories(name, True) if not generators.has_gradients(name, c)
        ]
        assert set(lacking) == set(generators.categories(name, True)) - set(left)
        for category in left:
            assert generators.has_gradients(name, category)
    with pytest.raises(ValueError, match="unknown category"):
        generators.has_gradients("warp", "tree")


@pytest.mark.parametrize("category", ["integer", "branch", "atomic"])
def test_a_category_has_gradients_if_its_kernels_have(category):
    found = [
        generators.generate("warp", 1, n, categories=[category], extended=True, variant=variant)
        for n in range(20)
        for variant in (1, 5)
    ]
    share = sum(kernel.differentiable for kernel in found) / len(found)
    assert (share > 0.02) == generators.has_gradients("warp", category)


def test_options_name_rows_caches_and_exports():
    plain = JitSynthesisConfig("jax", num_train=5)
    asked = JitSynthesisConfig("jax", num_train=5, min_verified="matched")
    same = JitSynthesisConfig("jax", num_train=5, verify="match", min_verified="matched")
    more = JitSynthesisConfig("jax", num_train=5, verify="gradient", min_verified="matched")
    names = [config.create_config_id({}) for config in (plain, asked, same, more)]
    assert names[1] == names[2]
    assert len(set(names)) == 3
    manifests = [export.manifest(config, "train") for config in (plain, asked, same, more)]
    assert "verify" not in manifests[0]
    assert manifests[1] == manifests[2]
    assert (manifests[3]["verify"], manifests[3]["min_verified"]) == ("gradient", "matched")
    key = "jax?seed=0&split=train&index=3&variant=1&verify=gradient&min_verified=matched"
    config, split, index, variant = jit_synthesis.parse_row_key(key)
    assert (config.verify, config.min_verified) == ("gradient", "matched")
    assert (split, index, variant) == ("train", 3, 1)
    explicit = JitSynthesisConfig("jax", num_train=5, verify="extract")
    assert explicit.create_config_id({}) == names[0]


class Judge:
    """Stands for an Extractor whose kernels get the tiers that a table gives their texts."""

    def __init__(self, tiers: dict[str, str]) -> None:
        self.tiers = tiers
        self.jobs = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def extract(self, jobs):
        self.jobs += jobs
        return [Extracted(dict.fromkeys(COLUMNS[job.language], "text")) for job in jobs]

    def each(self, function, tasks):
        return [self._verdict(task) for task in tasks]

    def _verdict(self, task):
        wanted = LEVELS.index(task.level)
        tier = self.tiers.get(task.python, TIERS[wanted])
        reached = TIERS.index(tier)
        if reached >= wanted:
            return Verdict(TIERS[wanted])
        return Verdict(tier, LEVELS[reached + 1], f"off by {len(task.python)} at [3, 4]")


def texts(config: JitSynthesisConfig, *places: tuple[int, int]) -> list[str]:
    return [
        generators.generate(config.name, config.seed, n, variant=variant).python
        for n, variant in places
    ]


def test_a_kernel_below_the_minimum_is_replaced():
    config = JitSynthesisConfig("jax", seed=7, min_verified="matched")
    first, second, third = texts(config, (2, 0), (5, 0), (5, 1))
    tiers = {first: "ran", second: "extracted", third: "ran"}
    for batch in (1, 3, 16):
        compiler, noted = Judge(tiers), []
        made = list(
            rows(config, "train", 0, 8, batch=batch, compiler=compiler, on_reject=noted.append)
        )
        assert [row["id"] for row in made] == list(range(8))
        variants = [jit_synthesis.parse_row_key(row["row_key"])[3] for row in made]
        assert variants == [0, 0, 1, 0, 0, 2, 0, 0]
        assert {row["verified"] for row in made} == {"matched"}
        assert len(compiler.jobs) == 11
        told = sorted((n.index, n.variant, n.stage, n.kept) for n in noted)
        assert told == [(2, 0, "match", False), (5, 0, "run", False), (5, 1, "match", False)]
        repro = "show jax 2 --seed 7 --split train --variant 0 --verify match"
        assert noted[0].repro == f"jit-synthesis {repro} --min-verified matched"
        assert jit_synthesis.regenerate(made[5]["row_key"], Judge(tiers)) == made[5]
        with pytest.raises(ValueError, match=r"was rejected: match: off by \d+ at \[3, 4\]"):
            jit_synthesis.regenerate(made[5]["row_key"].replace("variant=2", "variant=1"), compiler)


def test_a_row_that_is_enough_is_kept_and_what_it_lacks_is_told():
    config = JitSynthesisConfig("jax", seed=7, verify="gradient", min_verified="ran")
    low, fair = texts(config, (1, 0), (4, 0))
    noted: list[Rejection] = []
    compiler = Judge({low: "extracted", fair: "matched"})
    made = list(rows(config, "train", 0, 6, compiler=compiler, on_reject=noted.append))
    assert [row["verified"] for row in made] == ["gradient"] * 4 + ["matched", "gradient"]
    assert [jit_synthesis.parse_row_key(row["row_key"])[3] for row in made] == [0, 1, 0, 0, 0, 0]
    assert sorted((n.index, n.stage, n.kept) for n in noted) == [
        (1, "run", False),
        (4, "gradient", True),
    ]


def test_an_index_that_never_reaches_the_minimum_raises():
    config = JitSynthesisConfig("jax", seed=7, min_verified="matched")
    every = dict.fromkeys(texts(config, *((3, v) for v in range(generators.VARIANTS))), "ran")
    with pytest.raises(RuntimeError, match="no variant of jax train index 3 will do") as told:
        list(rows(config, "train", 3, 4, compiler=Judge(every), on_reject=lambda _: None))
    assert "was stopped by match: off by " in str(told.value)


def test_kernels_that_are_not_compiled_do_not_use_up_the_tries(monkeypatch):
    generate, late = generators.generate, 10

    def without_slope(*place, variant: int = 0, **more):
        kernel = generate(*place, variant=variant, **more)
        return replace(kernel, differentiable=variant >= late)

    monkeypatch.setattr(generators, "generate", without_slope)
    config = JitSynthesisConfig("jax", seed=7, min_verified="gradient")
    compiler = Judge({})
    [made] = rows(config, "train", 3, 4, compiler=compiler, on_reject=lambda _: None)
    assert jit_synthesis.parse_row_key(made["row_key"])[3] == late
    assert len(compiler.jobs) == 1


@pytest.mark.parametrize("processes", [None, 2])
def test_the_yield_stands_in_the_info(processes, tmp_path, monkeypatch):
    options = {"seed": 7, "verify": "gradient", "min_verified": "ran"}
    low, fair = texts(JitSynthesisConfig("jax", **options), (1, 0), (4, 0))
    judge = Judge({low: "extracted", fair: "matched"})
    monkeypatch.setattr(extractors, "Extractor", lambda language: judge)
    counts = {"num_train": 8, "num_validation": 0, "num_test": 2}
    loaded = datasets.load_dataset(
        "jit_synthesis", "jax", cache_dir=str(tmp_path), num_proc=processes, **counts, **options
    )
    tiers = Counter(
        split.features["verified"].int2str(n)
        for split in loaded.values()
        for n in split["verified"]
    )
    assert tiers == {"gradient": 9, "matched": 1}
    told = loaded["train"].info.description.partition(" Yield, ")[2]
    head, _, table = told.partition(": ")
    assert head == "generated/extracted/ran/matched/differentiable/gradient"
    assert ", all 11/11/10/10/10/9. Missed: " in table
    assert "run: off by # at # 1 (replaced)" in table
    assert "gradient: off by # at # 1" in table
    again = JitSynthesis(config_name="jax", cache_dir=str(tmp_path), **counts, **options)
    assert again.info.description == loaded["test"].info.description
