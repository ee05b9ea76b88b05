"""The builder with real compilers: the calls users make, the rows, what is left behind."""

from __future__ import annotations

import json
import logging
import os
import shutil
import signal
import sys
from pathlib import Path

import datasets
import pyarrow.parquet as pq
import pytest
from conftest import ROOT, wait_until

import extractors
import generators
import jit_synthesis
from extractors.outcomes import COLUMNS, Extracted, Rejected
from jit_synthesis import JitSynthesis, JitSynthesisConfig, rows

SMALL = {"num_train": 12, "num_validation": 3, "num_test": 3, "seed": 7}


def own_rows(config: str, split: str, count: int, **options) -> list[dict]:
    chosen = JitSynthesisConfig(config, **{**SMALL, **options})
    return list(rows(chosen, split, 0, count))


def decoded(dataset: datasets.Dataset) -> list[dict]:
    """Rows with labels as names, as ``rows`` gives them."""
    labels = ("category", "verified")
    names = {name: dataset.features[name] for name in labels}
    return [row | {k: f.int2str(row[k]) for k, f in names.items()} for row in dataset]


@pytest.mark.parametrize("config", jit_synthesis.CONFIGS)
def test_load_dataset_gives_the_rows(config, tmp_path):
    loaded = datasets.load_dataset("./jit_synthesis.py", config, cache_dir=str(tmp_path), **SMALL)
    assert {split: len(loaded[split]) for split in loaded} == {
        "train": 12,
        "validation": 3,
        "test": 3,
    }
    for split in loaded:
        made = own_rows(config, split, len(loaded[split]))
        assert decoded(loaded[split]) == made
        assert [list(row) for row in made] == [list(loaded[split].features)] * len(made)
        assert [row["id"] for row in made] == list(range(len(made)))
        for row in made:
            assert row["type"] == generators.TYPES[row["category"]]
            assert row["verified"] == "extracted"
            assert all(row[column] for column in COLUMNS[config])
    described = loaded["train"].info.description
    assert "seed 7" in described
    assert jit_synthesis.CODE_HASH in described
    assert all(version in described for version in extractors.toolchain(config).values())


NAMES = ["jit_synthesis", "jit_synthesis.py", "./jit_synthesis.py", jit_synthesis.__file__]


@pytest.mark.parametrize("name", NAMES)
def test_the_names_work_from_an_empty_folder(name, tmp_path, monkeypatch):
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    options = {"num_train": 2, "num_validation": 0, "num_test": 0}
    loaded = datasets.load_dataset(name, "warp", cache_dir=str(tmp_path / "cache"), **options)
    assert {split: len(loaded[split]) for split in loaded} == {"train": 2}
    assert list((tmp_path / "empty").iterdir()) == []
    assert datasets.get_dataset_config_names(name) == list(jit_synthesis.CONFIGS)
    assert datasets.get_dataset_split_names(name, "jax") == list(jit_synthesis.SPLITS)


def test_rows_do_not_depend_on_batches_shards_or_processes(tmp_path):
    made = own_rows("jax", "train", 12)
    config = JitSynthesisConfig("jax", **SMALL)
    assert list(rows(config, "train", 0, 12, batch=5)) == made
    assert list(rows(config, "train", 7, 9, batch=1)) == made[7:9]
    for number, options in enumerate(({"num_shards": 5}, {"num_shards": 1}, {"num_train": 20})):
        folder = str(tmp_path / str(number))
        chosen = {**SMALL, **options}
        loaded = datasets.load_dataset(
            "jit_synthesis", "jax", num_proc=2, split="train[:12]", cache_dir=folder, **chosen
        )
        assert decoded(loaded) == made


def test_row_keys_regenerate_their_rows():
    for config, options in (
        ("warp", {"device": "cpu", "mode": "forward", "preamble": True}),
        ("jax", {"extended": True, "categories": ["softmax", "loop"]}),
        ("stablehlo", {}),
    ):
        for row in own_rows(config, "test", 3, **options):
            assert jit_synthesis.regenerate(row["row_key"]) == row


def test_device_and_mode_choose_the_columns():
    warp = {}
    for device in ("cpu", "cuda", "both"):
        [row] = own_rows("warp", "train", 1, device=device)
        warp[device] = (bool(row["cpp"]), bool(row["cuda"]))
    assert warp == {"cpu": (True, False), "cuda": (False, True), "both": (True, True)}
    [row] = own_rows("jax", "train", 1, mode="forward")
    assert row["hlo_forward"]
    assert not row["hlo_backward"]
    [row] = own_rows("jax", "train", 1, mode="backward")
    assert row["hlo_backward"]
    assert not row["hlo_forward"]


def test_the_builder_used_directly(tmp_path):
    builder = JitSynthesis(
        config_name="stablehlo", num_train=4, num_validation=0, num_test=2, cache_dir=str(tmp_path)
    )
    builder.download_and_prepare()
    assert len(builder.as_dataset(split="train")) == 4
    assert set(builder.as_dataset()) == {"train", "test"}
    assert builder.info.dataset_name == "jit_synthesis"
    assert builder.info.config_name == "stablehlo"

    output = tmp_path / "parquet"
    builder.download_and_prepare(str(output), file_format="parquet")
    table = pq.read_table(output / "jit_synthesis-train.parquet")
    assert table.column_names == list(builder.info.features)


def test_a_cached_dataset_is_not_made_again(tmp_path, monkeypatch):
    options = {"num_train": 2, "num_validation": 0, "num_test": 0, "cache_dir": str(tmp_path)}
    first = datasets.load_dataset("jit_synthesis", "warp", **options)
    monkeypatch.setattr(extractors, "Extractor", None)
    again = datasets.load_dataset("./jit_synthesis.py", "warp", **options)
    assert again["train"][:] == first["train"][:]


class Refusing:
    """Stands for an Extractor that refuses what ``refused`` picks, by name of the kernel."""

    def __init__(self, refused) -> None:
        self.refused = refused
        self.jobs = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def extract(self, jobs):
        self.jobs += jobs
        return [
            Rejected("trace", "TypeError: no")
            if self.refused(job)
            else Extracted(dict.fromkeys(COLUMNS[job.language], f"text of {job.name}"))
            for job in jobs
        ]


def first_variants(config: JitSynthesisConfig, indexes: list[int]) -> set[str]:
    return {generators.generate(config.name, config.seed, index).python for index in indexes}


def test_a_rejected_kernel_is_counted_and_its_next_variant_used():
    config = JitSynthesisConfig("jax", seed=7)
    refused = first_variants(config, [2, 5])
    for batch in (1, 3, 16):
        compiler = Refusing(lambda job: job.python in refused)
        noted: list[jit_synthesis.Rejection] = []
        made = list(
            rows(config, "train", 0, 8, batch=batch, compiler=compiler, on_reject=noted.append)
        )
        assert [row["id"] for row in made] == list(range(8))
        keys = [row["row_key"].rpartition("variant=")[2] for row in made]
        assert keys == ["0", "0", "1", "0", "0", "1", "0", "0"]
        assert len(compiler.jobs) == 10
        assert [(n.index, n.variant, n.stage, n.reason) for n in noted] == [
            (2, 0, "trace", "TypeError: no"),
            (5, 0, "trace", "TypeError: no"),
        ]
        assert noted[0].repro == "jit-synthesis show jax 2 --seed 7 --split train --variant 0"
        assert jit_synthesis.regenerate(made[5]["row_key"], compiler) == made[5]
        with pytest.raises(ValueError, match="was rejected: trace: TypeError: no"):
            jit_synthesis.regenerate(made[5]["row_key"][:-1] + "0", compiler)


def test_an_index_without_a_compiling_variant_raises():
    config = JitSynthesisConfig("warp", seed=7)
    with pytest.raises(RuntimeError, match=r"no variant of warp train index 3 will do") as told:
        list(rows(config, "train", 3, 4, compiler=Refusing(lambda job: True)))
    assert "the last of 8 was stopped by trace: TypeError: no (jit-synthesis show warp 3 " in str(
        told.value
    )
    assert "--seed 7 --split train --variant 7)" in str(told.value)


@pytest.mark.parametrize("processes", [None, 2])
def test_the_yield_stands_in_the_info(tmp_path, monkeypatch, processes, caplog):
    config = JitSynthesisConfig("jax")
    refused = first_variants(config, [1, 4, 9])
    monkeypatch.setattr(
        extractors, "Extractor", lambda language: Refusing(lambda job: job.python in refused)
    )
    options = {"num_train": 10, "num_validation": 2, "num_test": 0}
    with caplog.at_level(logging.WARNING, "jit_synthesis"):
        loaded = datasets.load_dataset(
            "jit_synthesis", "jax", cache_dir=str(tmp_path), num_proc=processes, **options
        )
    told = loaded["train"].info.description
    assert told.endswith("Missed: trace: TypeError: no 3 (replaced).")
    assert (
        "Yield, generated/extracted/differentiable: elementwise 2/2/2, scalar_array 3/2/2, " in told
    )
    assert ", all 15/12/12. " in told
    if processes is None:
        assert "jit-synthesis show jax 4 --seed 0" in caplog.text


def test_a_missing_compiler_is_told_in_one_line(tmp_path, monkeypatch):
    toolchain = sys.modules["extractors.toolchain"]  # the package has a function of that name

    def gone(name: str) -> str:
        raise toolchain.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(toolchain.metadata, "version", gone)
    with pytest.raises(ValueError, match=r"jax is not installed.*jax>=0.10.2,<0.11"):
        datasets.load_dataset("jit_synthesis", "stablehlo", cache_dir=str(tmp_path))
    monkeypatch.setattr(toolchain.metadata, "version", lambda name: "0.9.1")
    with pytest.raises(ValueError, match=r"jax 0.9.1 is not supported.*jax>=0.10.2,<0.11"):
        datasets.load_dataset("jit_synthesis", "jax", cache_dir=str(tmp_path))
    with pytest.raises(ValueError, match=r"warp-lang 0.9.1 is not supported.*warp-lang>=1.19"):
        datasets.load_dataset("jit_synthesis", "warp", cache_dir=str(tmp_path), streaming=True)


# A script as users write them: no guard around what it does at import.
SCRIPT = """
import sys
import jit_synthesis
from datasets import load_dataset
print("once", flush=True)
loaded = load_dataset("./jit_synthesis.py", sys.argv[1], num_train=int(sys.argv[2]),
                      num_validation=0, num_test=0, num_proc=int(sys.argv[3]) or None)
print(len(loaded["train"]), sorted({"jax", "warp"} & set(sys.modules)))
print(loaded["train"].cache_files[0]["filename"])
"""


@pytest.fixture
def script(tmp_path) -> Path:
    path = tmp_path / "user_script.py"
    path.write_text(SCRIPT)
    return path


@pytest.mark.parametrize(("config", "num_proc"), [("jax", 2), ("warp", 2), ("jax", 0)])
def test_a_plain_script_never_imports_a_compiler(script, processes, tmp_path, config, num_proc):
    done = processes.run(script, config, "8", str(num_proc), HF_HOME=str(tmp_path / "hf"))
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[:2] == ["once", "8 []"]
    processes.assert_none_left()


@pytest.mark.parametrize("num_proc", [0, 2])
def test_ctrl_c_leaves_no_process_and_no_cache(script, processes, tmp_path, num_proc):
    running = processes.start(script, "jax", "5000", str(num_proc), HF_HOME=str(tmp_path))
    started = 8 if num_proc else 3  # a compiler and its resource tracker each; datasets' own
    wait_until(lambda: len(processes.left()) >= started, "it did not start")
    os.killpg(running.pid, signal.SIGINT)
    running.communicate(timeout=60)
    assert running.returncode != 0
    processes.assert_none_left()
    assert not list(tmp_path.rglob("dataset_info.json"))


@pytest.mark.parametrize(("num_proc", "allowed"), [(0, 0), (2, 1)])
def test_a_killed_load_leaves_no_compiler(script, processes, tmp_path, num_proc, allowed):
    running = processes.start(script, "jax", "5000", str(num_proc), HF_HOME=str(tmp_path))
    started = 8 if num_proc else 3  # a compiler and its resource tracker each; datasets' own
    wait_until(lambda: len(processes.left()) >= started, "it did not start")
    running.kill()
    # With num_proc, datasets itself leaves the idle server of its queue.
    wait_until(lambda: len(processes.left()) <= allowed, "processes are left")
    assert not list(tmp_path.rglob("dataset_info.json"))


def test_changed_code_does_not_use_a_stale_cache(processes, script, tmp_path):
    copy = tmp_path / "copy"
    for name in ("generators", "extractors", "verification"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "jit_synthesis.py", copy)
    home = str(tmp_path / "hf")
    environment = {"HF_HOME": home, "PYTHONPATH": str(copy)}
    found = []
    for edit in ("", "", "# edited\n"):
        with (copy / "extractors" / "outcomes.py").open("a") as file:
            file.write(edit)
        done = processes.run(script, "warp", "2", "0", cwd=copy, **environment)
        assert done.returncode == 0, done.stderr
        found.append(done.stdout.splitlines()[2])
    assert found[0] == found[1]
    assert Path(found[2]).parent.name != Path(found[0]).parent.name


@pytest.mark.scripts
@pytest.mark.skipif(datasets.__version__ >= "4", reason="datasets 4 and later run no scripts")
def test_datasets_3_runs_the_file_as_a_script(processes, tmp_path):
    code = (
        "import sys, json, datasets\n"
        "loaded = datasets.load_dataset('./jit_synthesis.py', 'warp', trust_remote_code=True,\n"
        "    num_train=6, num_validation=0, num_test=2, seed=7, num_proc=2)\n"
        "assert 'jit_synthesis' not in sys.modules\n"
        "streamed = datasets.load_dataset('./jit_synthesis.py', 'jax', trust_remote_code=True,\n"
        "    streaming=True)\n"
        "next(iter(streamed['train']))\n"
        "print(json.dumps(list(loaded['train'])))\n"
    )
    path = tmp_path / "user_script.py"
    path.write_text(code)
    done = processes.run(path, HF_HOME=str(tmp_path / "hf"))
    assert done.returncode == 0, done.stderr
    features = jit_synthesis.FEATURES["warp"]
    encoded = [features.encode_example(row) for row in own_rows("warp", "train", 6)]
    assert json.loads(done.stdout) == encoded
    processes.assert_none_left()
