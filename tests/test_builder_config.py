"""Options: what is refused, what they are called in a cache, columns and their types."""

from __future__ import annotations

import copy
import pickle
import re
import shutil

import datasets
import numpy as np
import pytest

import generators
import jit_synthesis
from jit_synthesis import FEATURES, JitSynthesis, JitSynthesisConfig

COMMON = ["category", "inputs", "operations", "differentiable", "verified"]
COMMON += ["fingerprint", "structure", "row_key"]
COLUMNS = {
    "warp": ["id", "kernel_name", "python", "cpp", "cuda", "type"],
    "jax": ["id", "kernel_name", "python", "hlo_forward", "hlo_backward", "hlo_optimized", "type"],
    "stablehlo": ["id", "kernel_name", "python", "cpp", "cuda", "type"],
    "paired": [
        *("id", "kernel_name", "python_warp", "python_jax", "cpp", "cuda"),
        *("hlo_forward", "hlo_backward", "hlo_optimized", "type"),
    ],
}
BAD = [
    ({"name": "tpu"}, "unknown config 'tpu': choose from warp, jax, stablehlo"),
    ({"device": "gpu"}, "unknown device 'gpu': choose from cpu, cuda, both"),
    ({"mode": "back"}, "unknown mode 'back': choose from forward, backward, both"),
    ({"categories": ["branch", "tree"]}, r"unknown category for warp 'tree': choose from elementw"),
    ({"categories": "matmul"}, "category 'matmul' is not one of warp's but of jax"),
    ({"categories": []}, "leaves nothing to write"),
    ({"num_train": -1}, "num_train=-1 must be an integer from 0"),
    ({"num_train": 1.5}, "num_train=1.5 must be an integer"),
    ({"num_test": True}, "num_test=True must be an integer"),
    ({"num_validation": "3"}, "num_validation='3' must be an integer"),
    ({"seed": -1}, "seed=-1 must be an integer from 0 to 18446744073709551615"),
    ({"seed": 2**64}, "seed=18446744073709551616 must be"),
    ({"seed": False}, "seed=False must be"),
    ({"num_shards": 0}, "num_shards=0 must be an integer from 1"),
    ({"categories": 3}, "categories=3 must be a list of names"),
    ({"categories": " , "}, "leaves nothing to write"),
    ({"categories": "gather"}, "'gather' is one of the extended ones: add extended"),
    ({"extended": 1}, "extended=1 must be True or False"),
    ({"name": "jax", "preamble": True}, "preamble=True is Warp's"),
    ({"name": "jax", "device": "cuda"}, "jax rows hold HLO; use 'cpu'"),
    ({"num_train": 0, "num_validation": 0, "num_test": 0}, "are all 0: set one above 0"),
]


@pytest.mark.parametrize(("options", "message"), BAD)
def test_bad_options_are_refused_in_one_line(options, message):
    options = {"name": "warp", **options}
    with pytest.raises(ValueError, match=message) as caught:
        JitSynthesisConfig(**options)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("options", "message"), BAD)
def test_bad_options_are_refused_through_load_dataset(options, message):
    options = {"name": "warp", **options}
    with pytest.raises(ValueError, match=message) as caught:
        datasets.load_dataset("jit_synthesis", **options)
    assert "\n" not in str(caught.value)


def test_without_a_config_it_is_warp_as_the_card_says():
    assert datasets.load_dataset_builder("jit_synthesis").config.name == "warp"


def test_categories_may_be_one_string():
    config = JitSynthesisConfig("warp", categories="loop, branch")
    assert config.categories == ("branch", "loop")


def test_a_further_kernel_type_without_extended_says_what_to_add():
    with pytest.raises(ValueError, match="'attention' is one of the extended ones: add extended"):
        JitSynthesisConfig("jax", categories=["attention"])
    with pytest.raises(ValueError, match="'attention' is not one of warp's but of jax, stablehlo"):
        JitSynthesisConfig("warp", categories=["attention"])


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("garbage", "is not a row_key, as in jax"),
        (None, "None is not a row_key"),
        ("jax?seed=7&split=train&variant=0", "'index' is missing"),
        ("jax?seed=7&split=dev&index=1&variant=0", "unknown split 'dev'"),
        ("tpu?seed=7&split=test&index=1&variant=0", "unknown config 'tpu'"),
    ],
)
def test_a_bad_row_key_is_told(key, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        jit_synthesis.regenerate(key)


def test_unknown_options_are_named():
    with pytest.raises(ValueError, match="num_trian"):
        datasets.load_dataset("jit_synthesis", "warp", num_trian=3)
    with pytest.raises(ValueError, match="data_files means nothing"):
        datasets.load_dataset("jit_synthesis", "warp", data_files="x.csv")


def test_a_count_above_capacity_names_both_numbers():
    held = generators.capacity("warp", "unary", "test")
    with pytest.raises(ValueError, match=re.escape(str(held + 1))) as caught:
        JitSynthesisConfig("warp", categories=["unary"], num_test=held + 1)
    assert str(held) in str(caught.value).replace(str(held + 1), "")
    JitSynthesisConfig("warp", categories=["unary"], num_train=0, num_test=held)


def test_numpy_integers_are_integers():
    config = JitSynthesisConfig("warp", num_train=np.int64(5), seed=np.uint32(7))
    assert (config.num_train, type(config.seed)) == (5, int)


@pytest.mark.parametrize("config", jit_synthesis.CONFIGS)
def test_columns_and_types(config):
    features = FEATURES[config]
    assert list(features) == COLUMNS[config] + COMMON
    assert features["category"].names == list(generators.TYPES)
    assert features["verified"].names == ["extracted", "ran", "matched", "gradient"]
    arrow = features.arrow_schema
    assert str(arrow.field("id").type) == "int64"
    assert str(arrow.field("inputs").type) == (
        "list<item: struct<name: string, role: string, dtype: string, shape: list<item: int32>, "
        "low: double, high: double>>"
    )


def test_configs_and_builders_survive_copies_and_pickles(tmp_path):
    config = JitSynthesisConfig("jax", seed=3, extended=True, categories=("matmul", "loop"))
    assert copy.deepcopy(config) == config == pickle.loads(pickle.dumps(config))
    assert config != JitSynthesisConfig("jax", seed=4)
    builder = JitSynthesis(config_name="jax", seed=3, cache_dir=str(tmp_path))
    again = pickle.loads(pickle.dumps(builder))
    assert again.config == builder.config
    assert again.cache_dir == builder.cache_dir


def cache_of(tmp_path, config="warp", **options) -> str:
    return JitSynthesis(config_name=config, cache_dir=str(tmp_path), **options).cache_dir


def test_every_option_has_its_own_cache(tmp_path):
    options = [{"num_train": 5}, {"num_validation": 5}, {"num_test": 5}, {"seed": 5}]
    options += [{"categories": ["loop"]}, {"categories": ["loop", "unary"]}]
    options += [{"device": "cpu"}, {"device": "cuda"}]
    options += [{"mode": "forward"}, {"mode": "backward"}, {"preamble": True}, {}]
    options += [{"config": "jax"}, {"config": "jax", "extended": True}]
    folders = [cache_of(tmp_path, **chosen) for chosen in options]
    assert len(set(folders)) == len(folders)


def test_the_same_options_have_the_same_cache(tmp_path):
    assert cache_of(tmp_path) == cache_of(tmp_path, seed=0, mode="both", num_train=None)
    assert cache_of(tmp_path, categories=["loop", "unary"], seed=2) == cache_of(
        tmp_path, seed=2, categories="unary,loop,unary"
    )
    assert cache_of(tmp_path, "stablehlo") == cache_of(tmp_path, "stablehlo", mode="forward")
    load = datasets.load_dataset_builder
    for name in ("jit_synthesis", "./jit_synthesis.py", "jit_synthesis.py"):
        assert load(name, "warp", cache_dir=str(tmp_path)).cache_dir == cache_of(tmp_path)


def test_code_and_toolchain_have_their_own_cache(tmp_path, monkeypatch):
    plain = cache_of(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(jit_synthesis, "CODE_HASH", "0" * 16)
        assert cache_of(tmp_path) != plain
    with monkeypatch.context() as patch:
        patch.setattr("extractors.toolchain", lambda language: {"warp": "1.19.99"})
        assert cache_of(tmp_path) != plain
    assert cache_of(tmp_path) == plain


def test_the_code_hash_covers_every_source_file(tmp_path, monkeypatch):
    root = jit_synthesis.Path(jit_synthesis.__file__).parent
    for package in (generators, jit_synthesis.extractors, jit_synthesis.verification):
        copied = tmp_path / package.__name__
        shutil.copytree(
            root / package.__name__, copied, ignore=shutil.ignore_patterns("__pycache__")
        )
        monkeypatch.setattr(package, "__file__", str(copied / "__init__.py"))
    assert jit_synthesis._code_hash() == jit_synthesis.CODE_HASH
    for path in sorted(tmp_path.rglob("*.py")):
        before = path.read_bytes()
        path.write_bytes(before + b"#")
        assert jit_synthesis._code_hash() != jit_synthesis.CODE_HASH, path
        path.write_bytes(before)


def test_row_keys_name_their_options():
    config = JitSynthesisConfig("jax", seed=7, extended=True, categories=["loop", "matmul"])
    key = jit_synthesis.verification.row_key(config, "test", 17, 2)
    assert key == ("jax?seed=7&split=test&index=17&variant=2&categories=loop,matmul&extended=1")
    parsed, split, index, variant = jit_synthesis.parse_row_key(key)
    assert (split, index, variant) == ("test", 17, 2)
    assert jit_synthesis.verification.row_key(parsed, split, index, variant) == key
    for bad in ("", "warp", "warp?seed=1", f"{key}&x=1", key.replace("test", "tset"), key[:-1]):
        if bad != key[:-1]:
            with pytest.raises(ValueError, match="is not a row_key"):
                jit_synthesis.parse_row_key(bad)


def test_other_versions_of_datasets_are_refused(monkeypatch):
    for version in ("3.5.1", "6.0.0", "2.21.0"):
        monkeypatch.setattr(datasets, "__version__", version)
        with pytest.raises(ImportError, match=rf"datasets>=3.6,<6, not {version}"):
            jit_synthesis._register()
    for version in ("3.6.0", "4.0.0", "5.2.0", "5.3.0.dev0"):
        monkeypatch.setattr(datasets, "__version__", version)
        jit_synthesis._register()


def test_a_moved_private_table_is_told(monkeypatch):
    monkeypatch.delattr("datasets.packaged_modules._PACKAGED_DATASETS_MODULES")
    with pytest.raises(ImportError, match=r"works with datasets>=3.6,<6, and .* has moved"):
        jit_synthesis._register()
