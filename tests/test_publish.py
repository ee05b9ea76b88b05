"""Publishing to a real Hub on loopback and to a folder: what is there in the end."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hub_server import HubServer

from jit_synthesis import FEATURES, JitSynthesisConfig, rows
from pipeline import shards
from pipeline.card.summaries import sample_path
from pipeline.publishing.folders import Folder
from pipeline.publishing.hub import Hub
from pipeline.publishing.publish import publish
from pipeline.publishing.retrying import Patience, UnreachableError

REPO = "me/jit-kernels"
ROWS = {"num_train": 20, "num_validation": 6, "num_test": 5}
SHARD_ROWS = 8
SHARDS = 3 + 1 + 1


def config(name: str = "warp", **options) -> JitSynthesisConfig:
    return JitSynthesisConfig(name, **(ROWS | options))


def remote(hub: HubServer, **options) -> Hub:
    patience = Patience(REPO, tries=4, first_s=0.01)
    given = {"endpoint": hub.url, "token": hub.token, "patience": patience} | options
    return Hub(given.pop("repo", REPO), **given)


def send(target, *configs: JitSynthesisConfig, **options):
    given = {"shard_rows": SHARD_ROWS, "workers": 1} | options
    return publish(target, REPO, configs or [config()], lambda c: f"make {c.name}", **given)


def content(hub: HubServer, revision: str = "main") -> dict[str, bytes]:
    api = hub.api()
    tree = api.list_repo_tree(REPO, repo_type="dataset", revision=revision, recursive=True)
    return {
        entry.path: Path(
            api.hf_hub_download(REPO, entry.path, repo_type="dataset", revision=revision)
        ).read_bytes()
        for entry in tree
        if hasattr(entry, "blob_id") and entry.path != ".gitattributes"
    }


def branches(hub: HubServer) -> list[str]:
    return [branch.name for branch in hub.api().list_repo_refs(REPO, repo_type="dataset").branches]


def commits(hub: HubServer) -> list[str]:
    return [c.title for c in hub.api().list_repo_commits(REPO, repo_type="dataset")]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory) -> Path:
    """The repository as a folder, made in one go."""
    folder = tmp_path_factory.mktemp("published") / "kernels"
    send(Folder(folder))
    return folder


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


LOAD = """
import json, sys
from datasets import load_dataset
where, name = sys.argv[1:]
sets = load_dataset(where, name)
streamed = load_dataset(where, name, streaming=True)
print(json.dumps({
    "rows": {split: list(rows) for split, rows in sets.items()},
    "streamed": {split: list(rows) for split, rows in streamed.items()},
    "labels": {split: rows.features["verified"].names for split, rows in sets.items()},
    "ours": "jit_synthesis" in sys.modules,
}))
"""


def loaded(where: str, name: str, cwd: Path) -> dict:
    """What a user without this code gets."""
    command = [sys.executable, "-c", LOAD, where, name]
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert not done.returncode, done.stderr
    return json.loads(done.stdout)


def test_a_published_config_loads_without_this_code(hub, tmp_path, undisturbed):
    done = send(remote(hub))
    assert done.rows == {"warp": sum(ROWS.values())}
    assert branches(hub) == ["main"]
    assert len(commits(hub)) == 2  # the repository's making, and ours
    found = loaded(REPO, "warp", tmp_path)
    assert not found["ours"]
    for split in ("train", "validation", "test"):
        count = config().count(split)
        made = [FEATURES["warp"].encode_example(row) for row in rows(config(), split, 0, count)]
        assert found["rows"][split] == found["streamed"][split] == made
    assert found["labels"]["train"] == FEATURES["warp"]["verified"].names
    sample = loaded(REPO, "warp-sample", tmp_path)["rows"]
    assert sample == {"train": found["rows"]["train"]}
    assert content(hub) == files(undisturbed)


def test_a_folder_holds_the_same_and_appears_whole(undisturbed, tmp_path):
    found = files(undisturbed)
    train = [f"warp/train-{n:05d}-of-00003.parquet" for n in range(3)]
    of_config = [
        *train,
        "warp/test-00000-of-00001.parquet",
        "warp/validation-00000-of-00001.parquet",
    ]
    assert sorted(path for path in found if path.startswith("warp/")) == sorted(of_config)
    assert {
        "README.md",
        "croissant.json",
        "metadata/warp.json",
        sample_path("warp"),
    } <= found.keys()
    assert [path.name for path in undisturbed.parent.iterdir()] == [undisturbed.name]
    assert loaded(str(undisturbed), "warp", tmp_path)["rows"]["train"][7]["id"] == 7
    schemas = {pq.read_schema(undisturbed / path).to_string() for path in of_config}
    assert len(schemas) == 1
    summary = json.loads(found["metadata/warp.json"])
    assert summary["uniqueness"]["fingerprints"] == sum(ROWS.values())
    assert summary["splits"]["train"]["bytes"] == sum(len(found[path]) for path in train)
    assert [shard["rows"] for shard in summary["shards"]] == [8, 8, 4, 6, 5]


def test_the_same_again_does_nothing(hub):
    send(remote(hub))
    before = len(commits(hub)), hub.sent()
    done = send(remote(hub))
    assert (done.already, done.rows) == (["warp"], {})
    assert (len(commits(hub)), hub.sent()) == before
    assert branches(hub) == ["main"]


def test_another_config_comes_beside_and_a_new_version_replaces(hub, tmp_path):
    send(remote(hub))
    send(remote(hub), config("stablehlo", num_train=5))
    assert len(loaded(REPO, "warp", tmp_path)["rows"]["train"]) == 20
    assert len(loaded(REPO, "stablehlo", tmp_path)["rows"]["train"]) == 5
    other = config("warp", num_train=7, num_test=0, seed=3)
    with pytest.raises(ValueError, match=r"holds other rows of warp \(num_test 5, now 0.*--overw"):
        send(remote(hub), other)
    assert branches(hub) == ["main"]
    send(remote(hub), other, overwrite=True)
    found = loaded(REPO, "warp", tmp_path)["rows"]
    assert {split: len(rows) for split, rows in found.items()} == {"train": 7, "validation": 6}
    assert "seed=3" in found["train"][0]["row_key"]
    assert not [path for path in content(hub) if "of-00003" in path or path.startswith("warp/test")]
    changes = json.loads(content(hub)["metadata/changelog.json"])
    assert [line.split("`")[1] for line in changes] == ["warp", "stablehlo", "warp"]


@pytest.mark.parametrize("point", range(4))
def test_a_run_that_breaks_off_goes_on_where_it_was(point, hub, undisturbed, monkeypatch):
    made = []
    original = shards.write_parquet
    monkeypatch.setattr(
        shards, "write_parquet", lambda p, *a: made.append(p.name) or original(p, *a)
    )
    monkeypatch.setattr("pipeline.publishing.hub.PENDING", 2)
    break_off = [
        lambda: hub.faults.fail(500, None, method="PUT", path="^/lfs/"),
        lambda: hub.faults.drop(100, None),
        lambda: hub.faults.fail(503, None, path="/commit/publishing-warp"),
        lambda: hub.faults.fail(500, None, path="/commit/main"),
    ][point]
    monkeypatch.setattr("huggingface_hub.utils._http.time.sleep", lambda seconds: None)
    fault = break_off()
    with pytest.raises(UnreachableError, match="the same command goes on"):
        send(remote(hub))
    assert fault.hits
    assert [path for path in content(hub) if path.endswith(("parquet", "md"))] == []
    hub.faults.clear()
    send(remote(hub))
    assert content(hub) == files(undisturbed)
    assert len(made) == SHARDS  # none twice
    assert max(hub.sent().values()) == 1
    assert branches(hub) == ["main"]
