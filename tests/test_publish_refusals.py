"""Publishing what cannot be: each in one line that names the value and says what to do."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys

import datasets
import pyarrow.parquet as pq
import pytest
from conftest import ROOT, Processes, wait_until
from huggingface_hub import CommitOperationAdd
from test_publish import REPO, ROWS, branches, config, content, files, remote, send

from pipeline import cli
from pipeline.publishing.folders import Folder
from pipeline.publishing.retrying import Patience, UnreachableError

# `undisturbed` is a fixture of test_publish.
from test_publish import undisturbed  # noqa: F401  isort:skip

COMMAND = [
    "-m",
    "pipeline",
    "publish",
    REPO,
    "--configs",
    "warp",
    "--count",
    str(ROWS["num_train"]),
]
COMMAND += ["--validation", str(ROWS["num_validation"]), "--test", str(ROWS["num_test"])]
COMMAND += ["--shard-rows", "8"]


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch):
    monkeypatch.setattr("huggingface_hub.utils._http.time.sleep", lambda seconds: None)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"token": "hf_wrong"}, "refuses the token (401)"),
        ({"repo": "other/kernels"}, "may not write there (403)"),
        ({"repo": "me/jit kernels"}, "Repo id must"),
        ({"repo": "me/a--b"}, "--"),
    ],
)
def test_what_the_hub_refuses_is_told_in_one_line(options, said, hub):
    with pytest.raises(ValueError, match=re.escape(said)) as caught:
        send(remote(hub, **options))
    assert "\n" not in str(caught.value)
    assert not hub.sent()


def test_no_token_is_told(hub, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "")
    with pytest.raises(ValueError, match="no token: run `hf auth login`, or set HF_TOKEN"):
        send(remote(hub, token=None))


def test_rights_that_are_taken_away_end_it_and_it_goes_on_later(hub, undisturbed):  # noqa: F811
    target = remote(hub)
    fault = hub.faults.fail(403, None, method="POST", path="/commit/publishing-warp")
    with pytest.raises(ValueError, match=r"may not write there \(403\)"):
        send(target)
    assert fault.hits
    hub.faults.clear()
    send(remote(hub))
    assert content(hub) == files(undisturbed)


def push(hub, path: str, data: bytes) -> None:
    api = hub.api()
    api.create_repo(REPO, repo_type="dataset", exist_ok=True)
    api.create_commit(
        REPO, [CommitOperationAdd(path, data)], commit_message="theirs", repo_type="dataset"
    )


def test_a_repository_of_another_schema_is_refused(hub):
    other = datasets.DatasetInfo(features=datasets.Features({"prompt": datasets.Value("string")}))
    card = datasets.info.DatasetInfosDict({"warp": other})
    from huggingface_hub import DatasetCard, DatasetCardData

    data = DatasetCardData()
    card.to_dataset_card_data(data)
    push(hub, "README.md", DatasetCard(f"---\n{data}\n---\n").content.encode())
    with pytest.raises(ValueError, match=r"config 'warp' with another schema \(prompt\)"):
        send(remote(hub))
    assert branches(hub) == ["main"]


def test_a_repository_of_other_data_is_refused(hub):
    push(hub, "data/train-00000-of-00001.parquet", b"PAR1")
    with pytest.raises(ValueError, match=r"holds other data \(data/train"):
        send(remote(hub))


def test_what_is_not_ours_stays(hub, tmp_path):
    push(hub, "README.md", b"# My notes")
    with pytest.raises(ValueError, match=r"has a README\.md that the card would replace: --overwr"):
        send(remote(hub))
    for path in ("warp/__init__.py", "warp/train.parquet.txt"):
        push(hub, path, b"mine")
    send(remote(hub), overwrite=True)
    found = content(hub)
    assert found["warp/__init__.py"] == found["warp/train.parquet.txt"] == b"mine"
    folder = tmp_path / "kernels"
    (folder / "warp").mkdir(parents=True)
    (folder / "warp" / "__init__.py").write_text("mine")
    (folder / "README.md").write_text("# My notes")
    with pytest.raises(ValueError, match="--overwrite does so, or publish to another place"):
        send(Folder(folder))
    (folder / "README.md").unlink()
    send(Folder(folder))
    assert (folder / "warp" / "__init__.py").read_text() == "mine"


def test_rows_that_were_pushed_are_replaced_only_when_told(hub, undisturbed):  # noqa: F811
    path = "warp/train-00000-of-00003.parquet"
    push(hub, path, files(undisturbed)[path])
    with pytest.raises(ValueError, match="holds rows of warp already: --overwrite replaces them"):
        send(remote(hub))
    send(remote(hub), overwrite=True)
    assert content(hub) == files(undisturbed)


def test_a_name_without_its_owner_is_refused(hub):
    for name in ("kernels", "a/b/c"):
        with pytest.raises(ValueError, match="with its owner, as in me/jit-kernels"):
            remote(hub, repo=name)


def test_a_public_repository_is_not_taken_for_private(hub):
    hub.api().create_repo(REPO, repo_type="dataset")
    with pytest.raises(ValueError, match="is public: leave --private out"):
        send(remote(hub, private=True))


def test_a_private_repository_and_another_branch(hub):
    send(remote(hub, private=True, revision="v1"))
    assert hub.api().dataset_info(REPO).private
    assert branches(hub) == ["main", "v1"]
    assert not [path for path in content(hub) if path.endswith("parquet")]
    assert "metadata/warp.json" in content(hub, "v1")


def test_a_half_done_run_of_other_options_is_refused_by_name(hub):
    hub.faults.fail(500, None, path="/commit/main")
    with pytest.raises(UnreachableError):
        send(remote(hub))
    hub.faults.clear()
    other = config(seed=5)
    with pytest.raises(ValueError, match=r"another run \(seed 0, now 5\).*--restart"):
        send(remote(hub), other)
    send(remote(hub), other, restart=True)
    summary = json.loads(content(hub)["metadata/warp.json"])
    assert summary["seed"] == 5


def test_what_another_run_has_left_here_is_not_taken_for_this_one(hub):
    fault = hub.faults.fail(500, None, method="PUT", path="^/lfs/")
    with pytest.raises(UnreachableError):
        send(remote(hub))
    assert fault.hits
    hub.faults.clear()
    send(remote(hub, revision="v1"), config(seed=5))  # another branch, which nothing is staged for
    told = {json.loads(content(hub, "v1")["metadata/warp.json"])["example"]["row_key"]}
    api = hub.api()
    for path in (p for p in content(hub, "v1") if p.startswith("warp/")):
        file = api.hf_hub_download(REPO, path, repo_type="dataset", revision="v1")
        told |= set(pq.read_table(file, columns=["row_key"])["row_key"].to_pylist())
    assert len(told) == sum(ROWS.values())
    assert all("seed=5" in key for key in told)


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_server_in_trouble_is_asked_again(status, hub, undisturbed):  # noqa: F811
    told = []
    patience = Patience(REPO, tries=5, first_s=0.01, told=told.append)
    after = 0 if status == 429 else None
    trouble = [
        hub.faults.fail(status, 2, path="/preupload/", retry_after=after),
        hub.faults.fail(status, 2, path="/commit/publishing", retry_after=after),
        hub.faults.fail(status, 2, path="/commit/main", retry_after=after),
        hub.faults.fail(status, 2, method="PUT", path="^/lfs/", retry_after=after),
    ]
    send(remote(hub, patience=patience))
    assert [fault.hits for fault in trouble] == [2, 2, 2, 2]
    assert any(f"answers {status}" in line for line in told)
    assert content(hub) == files(undisturbed)


def test_a_connection_lost_in_mid_upload_and_an_answer_that_is_lost(hub, undisturbed):  # noqa: F811
    dropped = hub.faults.drop(1000, 2)
    lost = hub.faults.lose(1, path="/commit/publishing")
    shown = hub.faults.lose(1, path="/commit/main")
    send(remote(hub))
    assert (dropped.hits, lost.hits, shown.hits) == (2, 1, 1)
    assert content(hub) == files(undisturbed)
    assert max(hub.sent().values()) == 1


def test_somebody_else_commits_meanwhile(hub, undisturbed):  # noqa: F811
    overtaken = hub.faults.overtake(2, path="/commit/main")
    send(remote(hub))
    assert overtaken.hits == 2
    found = content(hub)
    assert found.pop("overtaken.txt")
    assert found == files(undisturbed)


def test_a_full_server_is_told(hub):
    hub.faults.fill_disk()
    with pytest.raises(ValueError, match=r"refuses with 507: .*No space left"):
        send(remote(hub))


MOUNTED = """
mount -t tmpfs -o size=$1 tmpfs "$2" && shift 2 && exec "$@"
"""


def on_small_disk(folder, size: str, *command: str) -> list[str]:
    """A command with a disk of its own of a few bytes; needs no rights but user namespaces."""
    inside = ["sh", "-c", MOUNTED, "sh", size, str(folder), *command]
    return ["unshare", "--mount", "--map-root-user", *inside]


def test_a_full_disk_is_told_and_leaves_nothing_half_written(hub, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(on_small_disk(disk, "64k", "true"), check=False).returncode:
        pytest.skip("this system lets nobody mount a disk of their own")
    look = "import sys, pathlib; print(*pathlib.Path(sys.argv[1]).rglob('*.tmp'))"
    words = [sys.executable, *COMMAND, "--to", str(disk / "kernels")]
    script = f'"$@"; code=$?; {sys.executable} -c "{look}" {disk}; exit $code'
    command = on_small_disk(disk, "64k", "sh", "-c", script, "sh", *words)
    env = os.environ | {"PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "No space left on device" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert done.stdout.strip() == ""


@pytest.mark.parametrize("path", ["^/lfs/", "/commit/publishing", "/commit/main", "/preupload/"])
def test_a_killed_run_goes_on_and_sends_nothing_twice(
    path,
    hub,
    tmp_path,
    processes: Processes,
    undisturbed,  # noqa: F811
):
    slow = hub.faults.slow(30, 1, path=path)
    running = processes.start(*COMMAND)
    wait_until(lambda: slow.hits, "it did not come so far")
    running.send_signal(signal.SIGKILL)
    running.wait()
    hub.faults.clear()
    processes.assert_none_left()
    shown = {p for p in content(hub) if p.endswith((".parquet", ".md"))}
    assert shown in (set(), {p for p in files(undisturbed) if p.endswith((".parquet", ".md"))})
    done = processes.run(*COMMAND)
    assert done.returncode == 0, done.stderr
    found, wanted = content(hub), files(undisturbed)
    for each in (found, wanted):  # which command remakes it stands in both
        del each["README.md"], each["metadata/warp.json"]
    assert found == wanted
    assert max(hub.sent().values()) == 1
    assert branches(hub) == ["main"]


def test_ctrl_c_keeps_what_is_done(hub, processes: Processes):
    slow = hub.faults.slow(2, 1, path="/commit/publishing")
    running = processes.start(*COMMAND)
    wait_until(lambda: slow.hits, "it did not come so far")
    os.killpg(running.pid, signal.SIGINT)
    _, error = running.communicate(timeout=60)
    assert running.returncode == 130
    assert "finished shards are kept, the same command goes on" in error
    assert len(error.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--configs", "wrap"], "unknown config 'wrap': choose from warp, jax"),
        (["--configs", ","], "--configs is empty"),
        (["--count", "0"], "count=0 must be 1 or more"),
        (["--shard-rows", "0"], "shard_rows=0"),
        (["--workers", "0"], "workers=0"),
        (["--to", "missing/there"], "does not exist: mkdir -p"),
        (["--to", "file"], "is a file: name a folder"),
        (["--to", "there", "--private"], "--private and --revision are the Hub's"),
    ],
)
def test_bad_options_are_told(words, said, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    assert cli.main(["publish", REPO, "--configs", "warp", *words]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert len(error.strip().splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_folder_that_is_there_keeps_what_is_not_ours(tmp_path):
    folder = tmp_path / "kernels"
    folder.mkdir()
    (folder / ".git").mkdir()
    (folder / "notes.txt").write_text("mine")
    send(Folder(folder))
    assert (folder / "notes.txt").read_text() == "mine"
    assert (folder / "README.md").is_file()
    assert not (tmp_path / ".kernels.publishing").exists()
    shutil.rmtree(folder)


def test_another_machine_goes_on_with_what_was_sent(hub, tmp_path, processes: Processes):
    fault = hub.faults.fail(500, None, path="/commit/main")
    with pytest.raises(UnreachableError):
        send(remote(hub))
    assert fault.hits
    hub.faults.clear()
    sent = hub.sent()
    done = processes.run(*COMMAND, HF_HOME=str(tmp_path / "elsewhere"))
    assert done.returncode == 0, done.stderr
    assert "31 rows from an earlier run" in done.stderr
    train = {r["sha256"] for r in json.loads(content(hub)["metadata/warp.json"])["shards"]}
    assert {each: n for each, n in hub.sent().items() if each in train} == {
        each: n for each, n in sent.items() if each in train
    }
