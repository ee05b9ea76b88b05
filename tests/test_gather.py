"""Runs made shard by shard: gathered, mended where something is wrong, loaded and published."""

from __future__ import annotations

import json
import shlex
import shutil
import tracemalloc
from collections.abc import Callable, Sequence
from pathlib import Path

import datasets
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from test_publish import REPO, branches, content, files, remote

import extractors
from jit_synthesis import JitSynthesisConfig
from pipeline import cli
from pipeline.card.uniqueness import Keys
from pipeline.publishing.folders import Folder
from pipeline.publishing.publish import publish, publish_gathered
from pipeline.publishing.retrying import UnreachableError
from pipeline.scale.gathering import gathered, run_in
from pipeline.scale.store import Store, checksum_of, make_one
from pipeline.shards import run_of
from verification import Yield

OPTIONS = ["--count", "10", "--validation", "3", "--test", "0", "--seed", "5", "--extended"]
OPTIONS += ["--shard-rows", "4"]
CONFIG = JitSynthesisConfig(
    "warp", num_train=10, num_validation=3, num_test=0, seed=5, extended=True
)
SHARDS = 4  # three of train, one of validation


def path(index: int) -> str:
    return run_of(CONFIG, 4).shards[index].path


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """A run folder, all of its shards made, not yet gathered."""
    store = Store(str(tmp_path_factory.mktemp("made") / "kernels"))
    run = run_of(CONFIG, 4)
    store.open(run.manifest)
    with extractors.Extractor("warp") as compiler:
        for shard in run.shards:
            make_one(CONFIG, shard, store, compiler)
    return Path(store.root)


@pytest.fixture(scope="module")
def whole(made: Path, tmp_path_factory) -> Path:
    """A run folder that was gathered."""
    folder = tmp_path_factory.mktemp("gathered") / "kernels"
    shutil.copytree(made, folder)
    assert cli.main(["gather", str(folder), "--repo", REPO]) == 0
    return folder


@pytest.fixture(scope="module")
def published(tmp_path_factory) -> Path:
    """What publishing makes by itself."""
    folder = tmp_path_factory.mktemp("published") / "kernels"
    command = shlex.join(["jit-synthesis", "publish", REPO, "--configs", "warp", *OPTIONS])
    publish(Folder(folder), REPO, [CONFIG], lambda config: command, shard_rows=4)
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """A run folder to spoil."""
    shutil.copytree(made, tmp_path / "kernels")
    return tmp_path / "kernels"


def test_what_gathering_wrote_is_thrown_away_with_its_run(whole: Path, tmp_path: Path) -> None:
    folder = tmp_path / "kernels"
    shutil.copytree(whole, folder)
    (folder / "assets" / "mine.png").write_bytes(b"mine")
    store = Store(str(folder))
    store.open(store.manifest() | {"seed": 6}, restart=True)
    assert sorted(files(folder)) == ["assets/mine.png", "manifest.json"]


def test_a_readme_of_the_user_s_own_is_not_replaced(folder: Path, capsys) -> None:
    (folder / "README.md").write_text("mine")
    (folder / "metadata").mkdir()
    (folder / "metadata" / "mine.json").write_text("{}")
    before = files(folder)
    assert cli.main(["gather", str(folder)]) == 2
    error = capsys.readouterr().err
    assert "README.md that the card would replace: move it away" in error
    assert error.count("\n") == 1
    assert files(folder) == before


def gather(folder: Path | str, capsys, *more: str) -> tuple[int, list[str], list[str]]:
    code = cli.main(["gather", str(folder), *more])
    captured = capsys.readouterr()
    return code, captured.out.splitlines(), captured.err.splitlines()


def shard(folder: Path | str, index: int) -> list[str]:
    return ["shard", "--config", "warp", *OPTIONS, "--output", str(folder), "--index", str(index)]


def test_jobs_of_an_array_make_what_publishing_makes(tmp_path, published, capsys, monkeypatch):
    folder = tmp_path / "kernels"
    for index in (3, 0, 2, 1):
        assert cli.main(shard(folder, index)) == 0
        [line] = capsys.readouterr().err.splitlines()
        assert line.startswith(f"{folder}/{path(index)}: {[4, 4, 2, 3][index]} rows, ")
    monkeypatch.setattr("extractors.Extractor", None)
    assert cli.main(shard(folder, 2)) == 0
    told = f"{folder}/{path(2)}: 2 rows, there already"
    assert capsys.readouterr().err.splitlines() == [told]
    code, out, error = gather(folder, capsys, "--repo", REPO)
    assert (code, out) == (0, [])
    assert "whole, 4 shards, 13 rows, all fingerprints distinct" in error[-1]
    found, wanted = files(folder), files(published)
    assert {path: found[path] for path in wanted} == wanted
    records = {path(n).replace(".parquet", ".json") for n in range(SHARDS)}
    assert found.keys() - wanted.keys() == {"manifest.json", "yield.json", *records}
    counted = Yield()
    counted.join(json.loads(found["yield.json"]))
    assert sum(count["extracted"] for count in counted.counts.values()) == 13


def test_gathering_again_writes_nothing(whole, capsys):
    def stamps() -> dict[Path, int]:
        return {path: path.stat().st_mtime_ns for path in whole.rglob("*")}

    before = stamps()
    code, out, _ = gather(whole, capsys, "--repo", REPO, "--json")
    assert code == 0
    assert json.loads(out[0]) == {
        "url": str(whole),
        "config": "warp",
        "whole": True,
        "shards": 4,
        "rows": 13,
        "faults": [],
    }
    assert stamps() == before


def recorded(file: Path) -> None:
    """Make a record right about what stands in its shard's place."""
    record = json.loads(file.with_suffix(".json").read_text())
    with file.open("rb") as opened:
        record |= {"bytes": file.stat().st_size, "sha256": checksum_of(opened)}
    file.with_suffix(".json").write_text(json.dumps(record))


def rewritten(folder: Path, index: int, change: Callable[[pa.Table], pa.Table]) -> None:
    """Another table in a shard's place, with a record that is right about it."""
    file = folder / path(index)
    pq.write_table(change(pq.read_table(file)), file)
    recorded(file)


def column(table: pa.Table, name: str, values: Sequence) -> pa.Table:
    at = table.schema.get_field_index(name)
    return table.set_column(at, table.schema.field(name), pa.array(values, table.schema.types[at]))


def of_another(folder: Path) -> Callable[[pa.Table], pa.Table]:
    """A change that gives a row the fingerprint of train's first."""
    first = pq.read_table(folder / path(0))["fingerprint"][0].as_py()
    return lambda t: column(t, "fingerprint", [*t["fingerprint"].to_pylist()[:-1], first])


def doubled(folder: Path) -> None:
    for suffix in (".parquet", ".json"):
        source = (folder / path(0)).with_suffix(suffix)
        shutil.copyfile(source, (folder / path(1)).with_suffix(suffix))


def doubled_with_its_record(folder: Path) -> None:
    shutil.copyfile(folder / path(0), folder / path(1))
    recorded(folder / path(1))


def garbage(file: Path) -> None:
    file.write_bytes(b"garbage" * 10)
    recorded(file)


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-10])


def flipped(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)


# What is done to a folder, and what is said of which shards.
FAULTS: dict[str, tuple[Callable[[Path], object], dict[int, str]]] = {
    "missing": (lambda f: [(f / path(n)).unlink() for n in (1, 3)], {1: "missing", 3: "missing"}),
    "truncated": (lambda f: cut(f / path(2)), {2: "bytes instead of"}),
    "a bit flipped": (lambda f: flipped(f / path(2)), {2: "checksum is not the one in its"}),
    "no record": (lambda f: (f / path(0)).with_suffix(".json").unlink(), {0: "without a record"}),
    "rows missing": (lambda f: rewritten(f, 1, lambda t: t.slice(1)), {1: "3 rows instead of 4"}),
    "other rows": (
        lambda f: rewritten(f, 1, lambda t: column(t, "id", [4, 5, 7, 6])),
        {1: "its rows are not 4 to 7"},
    ),
    "a column missing": (
        lambda f: rewritten(f, 1, lambda t: t.drop_columns("cuda")),
        {1: "another schema: cuda is missing instead of string"},
    ),
    "a column of another type": (
        lambda f: rewritten(f, 3, lambda t: t.cast(t.schema.set(0, pa.field("id", pa.int32())))),
        {3: "another schema: id is int32 instead of int64"},
    ),
    "other labels": (
        lambda f: rewritten(f, 3, lambda t: t.replace_schema_metadata({})),
        {3: "or its labels are others"},
    ),
    "doubled": (doubled, {1: f"its record is of {path(0)}, 4 rows from 0"}),
    "doubled with its record": (doubled_with_its_record, {1: "its rows are not 4 to 7"}),
    "a fingerprint twice": (
        lambda f: rewritten(f, 3, of_another(f)),
        {
            0: "train 0 has the fingerprint of validation 2",
            3: "validation 2 has the fingerprint of train 0",
        },
    ),
    "no Parquet": (lambda f: garbage(f / path(1)), {1: "cannot be read: "}),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_is_wrong_is_told_with_the_commands_that_mend_it(fault, folder, made, capsys):
    spoil, wanted = FAULTS[fault]
    spoil(folder)
    code, out, _ = gather(folder, capsys, "--json")
    assert code == 1
    [told] = map(json.loads, out)
    assert told["whole"] is False
    assert [each["index"] for each in told["faults"]] == [*wanted]
    for each in told["faults"]:
        assert each["path"] == path(each["index"])
        assert wanted[each["index"]] in each["reason"]
    code, commands, error = gather(folder, capsys)
    assert (code, commands) == (1, [each["command"] for each in told["faults"]])
    if fault == "missing":
        assert error == [f"{folder}: 2 of 4 shards are missing, index 1,3"]
    else:
        faults = told["faults"]
        assert error == [
            f"{folder}/{f['path']} (index {f['index']}): {f['reason']}" for f in faults
        ]
    assert not (folder / "README.md").exists()
    if fault in ("missing", "a fingerprint twice"):  # a start of the compiler for each command
        for command in commands:
            program, *words = shlex.split(command)
            assert program == "jit-synthesis"
            assert cli.main(words) == 0
        capsys.readouterr()
        assert gather(folder, capsys)[0] == 0
        found = files(folder)
        assert {path: found[path] for path in files(made)} == files(made)


def test_a_file_that_is_no_shard_is_told(folder, capsys):
    shutil.copyfile(folder / path(0), folder / "warp" / "train-00000-of-00009.parquet")
    code, out, error = gather(folder, capsys)
    assert (code, out) == (1, [])
    assert error == [f"{folder}/warp/train-00000-of-00009.parquet: no file of this run: remove it"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda m: m | {"code": "other"}, "is of other code (code 'other', now "),
        (lambda m: m | {"config": "wrap"}, "unknown config 'wrap'"),
        (lambda m: m | {"shard_rows": 0}, "shard_rows=0 must be 1 or more"),
        (lambda m: m | {"more": 1}, "is of other code (more 1, now None)"),
        (lambda m: {"config": "warp"}, "is no manifest of a run ('shard_rows')"),
        (lambda m: [], "manifest.json cannot be read: remove it"),
    ],
)
def test_a_manifest_that_is_not_ours_is_refused(change, said, folder, capsys):
    file = folder / "manifest.json"
    file.write_text(json.dumps(change(json.loads(file.read_text()))))
    code, out, error = gather(folder, capsys)
    assert (code, out, len(error)) == (2, [], 1)
    assert said in error[0]


def test_a_folder_that_other_compilers_made_is_gathered_not_added_to(folder, capsys):
    """Nothing is compiled to gather it; its records are of its own run."""
    store = Store(str(folder))
    manifest = store.manifest() | {"warp": "1.19.9"}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    other = Store(str(folder))
    for record in (folder / "warp").glob("*.json"):
        record.write_text(json.dumps(json.loads(record.read_text()) | {"run": other.run}))
    assert gather(folder, capsys)[0] == 0
    summary = json.loads((folder / "metadata" / "warp.json").read_text())
    assert summary["toolchain"]["warp"] == "1.19.9"
    assert cli.main(shard(folder, 0)) == 2
    assert "another run (warp '1.19.9', now '1.19.0')" in capsys.readouterr().err


def test_nothing_to_gather_and_no_such_shard(tmp_path, capsys):
    code, _, error = gather(tmp_path, capsys)
    assert (code, len(error)) == (2, 1)
    assert "holds no manifest.json: name a folder that shards are in" in error[0]
    assert cli.main(shard(tmp_path / "kernels", 4)) == 2
    told = "jit-synthesis: index=4 is none of the 4 shards: 0 to 3"
    assert capsys.readouterr().err.splitlines() == [told]
    assert cli.main(shard(tmp_path / "kernels", -1)) == 2
    assert cli.main(["shard", "--config", "warp", "--index", "0"]) == 2
    assert "--output and --index" in capsys.readouterr().err.splitlines()[-1]
    assert cli.main(["shard", "--config", "warp", *OPTIONS, "--how-many"]) == 0
    assert capsys.readouterr().out == f"{SHARDS}\n"
    assert not (tmp_path / "kernels").exists()


def test_shards_load_as_the_builders_config(whole, tmp_path):
    built = datasets.load_dataset(
        "./jit_synthesis.py",
        "warp",
        num_train=10,
        num_validation=3,
        num_test=0,
        seed=5,
        extended=True,
        cache_dir=str(tmp_path),
    )
    split_files = {split: f"{whole}/warp/{split}-*.parquet" for split in built}
    loaded = datasets.load_dataset("parquet", data_files=split_files, cache_dir=str(tmp_path))
    streamed = datasets.load_dataset("parquet", data_files=split_files, streaming=True)
    assert [*loaded] == [*streamed] == ["train", "validation"]
    for split, rows in built.items():
        assert loaded[split].features == rows.features
        assert list(loaded[split]) == list(streamed[split]) == list(rows)
    named = datasets.load_dataset(str(whole), "warp", split="validation", cache_dir=str(tmp_path))
    assert list(named) == list(built["validation"])


def test_an_s3_folder_is_gathered_and_streamed(whole, made, s3, capsys, monkeypatch):
    for name, value in s3.environment.items():
        monkeypatch.setenv(name, value)
    url = "s3://bucket/kernels"
    s3.files.put(f"{made}/", "bucket/kernels/", recursive=True)
    s3.files.rm_file(f"bucket/kernels/{path(1)}")
    code, [command], error = gather(url, capsys)
    assert (code, error) == (1, [f"{url}: 1 of 4 shards are missing, index 1"])
    assert cli.main(shlex.split(command)[1:]) == 0
    assert f"{url}/{path(1)}: 4 rows, " in capsys.readouterr().err
    assert gather(url, capsys, "--repo", REPO)[0] == 0
    store = Store(url)
    assert {name: store.content(name) for name in store.sizes()} == files(whole)
    streamed = datasets.load_dataset(
        "parquet",
        data_files={"train": f"{url}/warp/train-*.parquet"},
        storage_options=s3.options,
        streaming=True,
        split="train",
    )
    assert (
        list(streamed)
        == pa.concat_tables(pq.read_table(whole / path(n)) for n in range(3)).to_pylist()
    )


def test_a_gathered_folder_is_published_as_it_is(whole, published, hub, monkeypatch):
    monkeypatch.setattr("extractors.Extractor.call", None)  # nothing is compiled
    command = json.loads((published / "metadata" / "warp.json").read_text())["command"]
    source = gathered(Store(str(whole)))
    fault = hub.faults.fail(500, None, path="/commit/main")
    monkeypatch.setattr("huggingface_hub.utils._http.time.sleep", lambda seconds: None)

    def send():
        return publish_gathered(remote(hub), REPO, source, lambda config: command)

    with pytest.raises(UnreachableError):
        send()
    assert fault.hits
    hub.faults.clear()
    done = send()
    assert (done.rows, done.resumed) == ({"warp": 13}, 13)
    assert content(hub) == files(published)
    assert max(hub.sent().values()) == 1
    assert branches(hub) == ["main"]
    assert send().already == ["warp"]


def test_the_command_publishes_a_gathered_folder(whole, published, tmp_path, capsys):
    words = ["publish", REPO, "--from", str(whole), "--to", str(tmp_path / "kernels")]
    assert cli.main([*words, "--count", "10"]) == 2
    assert "--from takes rows as they were made: leave --count out" in capsys.readouterr().err
    assert cli.main(words) == 0
    assert files(tmp_path / "kernels") == files(published)


def test_a_folder_that_is_not_gathered_or_no_longer_whole_is_not_published(
    whole, folder, tmp_path, capsys
):
    target = tmp_path / "published"

    def refused(source: Path) -> str:
        assert cli.main(["publish", REPO, "--from", str(source), "--to", str(target)]) == 2
        assert not target.exists()
        [line] = capsys.readouterr().err.splitlines()
        return line

    assert f"{folder} is not gathered: jit-synthesis gather {folder}" in refused(folder)
    copied = tmp_path / "copied"
    shutil.copytree(whole, copied)
    flipped(copied / path(1))
    assert f"{path(1)}: damaged: jit-synthesis gather {copied}" in refused(copied)
    (copied / path(1)).unlink()
    told = "is not whole, 3 of 4 shards are as they were gathered: jit-synthesis gather"
    assert told in refused(copied)


def test_uniqueness_takes_little_memory_and_finds_all_that_is_alike():
    rows, chunk = 400_000, 100_000
    random = np.random.default_rng(1)
    fingerprints, structures = (random.bytes(16 * rows).hex() for _ in range(2))
    texts = [[t[32 * n : 32 * n + 32] for n in range(rows)] for t in (fingerprints, structures)]
    texts[0][350_000] = texts[0][399_999] = texts[0][7]
    texts[1][10:20] = [texts[1][5]] * 10
    tables = [
        pa.table({"fingerprint": texts[0][n : n + chunk], "structure": texts[1][n : n + chunk]})
        for n in range(0, rows, chunk)
    ]
    del texts, fingerprints, structures
    tracemalloc.start()
    keys = Keys(rows)
    for number, table in enumerate(tables):
        for low in range(0, chunk, 2000):
            keys.add(number * chunk + low, table.slice(low, 2000))
    told = keys.told()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (told["fingerprints"], told["structures"]) == (rows - 2, rows - 10)
    assert told["curve"][-1] == [rows, rows - 10]
    assert told["curve"][0] == [-(-rows // 24), -(-rows // 24) - 10]
    assert keys.doubles() == [(7, 350_000), (7, 399_999)]
    assert peak < 100 * rows  # 1 GB for 10 million


def test_a_run_is_told_by_its_manifest(made):
    run, wanted = run_in(Store(str(made))), run_of(CONFIG, 4)
    assert (run.manifest, run.shards) == (wanted.manifest, wanted.shards)
    assert run.config.create_config_id({}) == CONFIG.create_config_id({})
