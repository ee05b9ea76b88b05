"""Streams: nothing is compiled but what is read, and they stop, go on and divide exactly."""

from __future__ import annotations

import gc
from itertools import chain
from pathlib import Path

import datasets
import pytest
from conftest import children, wait_until
from datasets.distributed import split_dataset_by_node

import extractors
import jit_synthesis
from jit_synthesis import JitSynthesisConfig, rows

COUNT = 24
OPTIONS = {"num_train": COUNT, "num_validation": 2, "num_test": 2, "seed": 7, "num_shards": 4}


@pytest.fixture
def jobs(monkeypatch) -> list:
    """Every job that is given to a compiler in this process."""
    given = []
    extract = extractors.Extractor.extract

    def counted(self, jobs):
        given.extend(jobs)
        return extract(self, jobs)

    monkeypatch.setattr(extractors.Extractor, "extract", counted)
    return given


def stream(config: str = "warp", **options) -> datasets.IterableDataset:
    loaded = datasets.load_dataset(
        "./jit_synthesis.py", config, streaming=True, **{**OPTIONS, **options}
    )
    return loaded["train"]


def ids(dataset) -> list[int]:
    return [row["id"] for row in dataset]


@pytest.mark.parametrize("config", jit_synthesis.CONFIGS)
def test_a_stream_gives_the_rows(config, no_children_left):
    features = jit_synthesis.FEATURES[config]
    made = rows(JitSynthesisConfig(config, **OPTIONS), "train", 0, COUNT)
    assert list(stream(config)) == [features.encode_example(row) for row in made]


def test_nothing_is_compiled_ahead(jobs, no_children_left):
    dataset = stream()
    assert jobs == []
    iterator = iter(dataset)
    for count in range(1, 9):
        next(iterator)
        assert len(jobs) == count
    del iterator


def test_what_is_skipped_is_not_compiled(jobs, no_children_left):
    assert ids(stream().skip(20)) == [20, 21, 22, 23]
    assert len(jobs) == 4
    assert ids(stream().skip(5).take(2)) == [5, 6]
    assert len(jobs) == 6


@pytest.mark.parametrize("read", [0, 1, 5, 6, 7, 23, 24])
def test_a_stopped_stream_goes_on_with_exactly_the_rest(read, jobs, no_children_left):
    dataset = stream()
    iterator = iter(dataset)
    start = [next(iterator)["id"] for _ in range(read)]
    state = dataset.state_dict()
    del iterator, dataset
    jobs.clear()
    resumed = stream()
    resumed.load_state_dict(state)
    assert start + ids(resumed) == list(range(COUNT))
    # Before datasets 5, up to two rows are made again to find the place.
    again = (0, 1, 2) if datasets.__version__ < "5" else (0,)
    assert len(jobs) - (COUNT - read) in again


@pytest.mark.parametrize("world", [2, 3, 4])
def test_nodes_share_the_rows(world, jobs, no_children_left):
    parts = [ids(split_dataset_by_node(stream(), rank, world)) for rank in range(world)]
    assert sorted(chain(*parts)) == list(range(COUNT))
    assert len(jobs) == COUNT
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_transformations(jobs, no_children_left):
    lengths = [row["n"] for row in stream().map(lambda row: {"n": len(row["cpp"])}).take(3)]
    assert lengths == [len(row["cpp"]) for row in stream().take(3)]
    kept = stream().filter(lambda row: row["category"] == 3)
    assert set(ids(kept)) == {3, 13, 23}
    assert sorted(ids(stream().shuffle(seed=1, buffer_size=8))) == list(range(COUNT))
    batch = next(iter(stream().batch(8)))
    assert batch["id"] == list(range(8))
    mapped = stream().map(lambda rows: {"n": [len(x) for x in rows["cpp"]]}, batched=True)
    assert [row["n"] for row in mapped.take(3)] == lengths
    assert list(next(iter(stream().select_columns(["id", "category"])))) == ["id", "category"]
    assert next(iter(stream().with_format("arrow"))).num_rows == 1
    assert next(iter(stream().with_format("numpy")))["id"] == 0


def test_one_worker_serves_all_streams_and_ends_with_them():
    before = children()
    first, second = iter(stream()), iter(stream())
    for _ in range(10):  # over several shards
        next(first)
        next(second)
    assert len(extra_workers(before)) == 1
    del first
    assert next(second)["id"] == 10
    del second
    gc.collect()
    wait_until(lambda: not extra_workers(before), "the worker is left", 10)


def test_an_abandoned_iterator_ends_its_worker():
    before = children()
    for row in stream("jax"):
        assert row["id"] == 0
        assert extra_workers(before)
        break
    gc.collect()
    wait_until(lambda: not extra_workers(before), "the worker is left", 10)


def test_processes_can_be_forked_beside_a_stream(tmp_path, no_children_left):
    iterator = iter(stream("jax"))
    assert next(iterator)["id"] == 0
    loaded = datasets.load_dataset(
        "jit_synthesis", "jax", num_proc=2, cache_dir=str(tmp_path), **OPTIONS
    )
    assert next(iterator) == loaded["train"][1]
    del iterator


def extra_workers(before: set[int]) -> set[int]:
    found = set()
    for pid in children() - before:
        line = Path(f"/proc/{pid}/cmdline").read_bytes()
        if line and b"resource_tracker" not in line:
            found.add(pid)
    return found


def test_an_interrupted_stream_ends_its_worker_and_can_go_on(monkeypatch):
    before = children()
    dataset = stream()
    iterator = iter(dataset)
    assert next(iterator)["id"] == 0
    with monkeypatch.context() as patch:
        patch.setattr("extractors.workers.Extractor._wait", interrupt)
        with pytest.raises(KeyboardInterrupt):
            next(iterator)
    assert not extra_workers(before)
    assert ids(stream().take(2)) == [0, 1]


def interrupt(*_):
    raise KeyboardInterrupt


@pytest.mark.torch
@pytest.mark.parametrize("config", ["warp", "jax"])
def test_data_loader_workers_see_each_row_once(config, processes, tmp_path):
    pytest.importorskip("torch", reason="needs the optional extra [torch]")
    path = tmp_path / "user_script.py"
    path.write_text(
        "import jit_synthesis, sys\n"
        "from datasets import load_dataset\n"
        "from torch.utils.data import DataLoader\n"
        f"rows = load_dataset('./jit_synthesis.py', {config!r}, streaming=True, num_train=24)\n"
        "loader = DataLoader(rows['train'], num_workers=2, batch_size=None)\n"
        "print(sorted(row['id'] for row in loader) == list(range(24)))\n"
        "for row in loader:\n"  # given up half way
        "    break\n"
        "print(sorted({'jax', 'warp'} & set(sys.modules)))\n"
    )
    done = processes.run(path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["True", "[]"]
    processes.assert_none_left()
