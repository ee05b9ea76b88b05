"""The Hub that other tests publish to: what clients see of it."""

from __future__ import annotations

import json
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import huggingface_hub
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import ROOT
from hub_calls import BIG, DATASET, REPO, add, commit, paths, status
from hub_server import HubServer
from huggingface_hub import (
    CommitOperationCopy,
    CommitOperationDelete,
    HfFileSystem,
    hf_hub_download,
)
from huggingface_hub.errors import (
    EntryNotFoundError,
    HfHubHTTPError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)


def fetch(api, path: str, folder: Path, revision: str = "main") -> bytes:
    """Download with an empty cache."""
    found = api.hf_hub_download(filename=path, revision=revision, cache_dir=folder, **DATASET)
    return Path(found).read_bytes()


def test_a_repository_is_made_found_and_removed(hub, api):
    assert api.whoami()["name"] == "me"
    assert api.create_repo(REPO, repo_type="dataset", exist_ok=True).repo_id == REPO
    with pytest.raises(HfHubHTTPError, match="already created") as caught:
        api.create_repo(REPO, repo_type="dataset")
    assert status(caught) == 409
    info = api.dataset_info(REPO)
    assert [s.rfilename for s in info.siblings] == [".gitattributes"] == paths(api)
    assert not info.private
    api.update_repo_settings(private=True, **DATASET)
    assert api.dataset_info(REPO).private
    api.delete_repo(**DATASET)
    assert hub.repositories == {}
    with pytest.raises(RepositoryNotFoundError):
        api.dataset_info(REPO)


@pytest.mark.parametrize("name", ["a--b", "a..b", "-a", "a.", "b.git", "a b", "é", "x" * 97])
def test_names_that_are_refused(hub, api, name):
    with pytest.raises(ValueError, match=r"(?i)repo.id"):
        api.create_repo(f"me/{name}", repo_type="dataset")
    # A client that does not look itself is told by the server.
    asked = {"name": name, "organization": "me", "type": "dataset"}
    answer = huggingface_hub.utils.get_session().post(
        f"{hub.url}/api/repos/create", json=asked, headers={"Authorization": f"Bearer {hub.token}"}
    )
    assert answer.status_code == 400
    assert "characters" in answer.json()["error"]


def test_who_may_do_what(hub, api):
    api.create_repo("me/hidden", repo_type="dataset", private=True)
    commit(api, [add("a.txt", b"1")])
    none, reader, other = hub.api(False), hub.api(hub.read_token), hub.api(hub.other_token)
    for client in (none, reader, other):
        assert "a.txt" in paths(client)
    assert reader.dataset_info("me/hidden").private
    for client in (none, other):
        with pytest.raises(RepositoryNotFoundError) as caught:
            client.dataset_info("me/hidden")
        assert status(caught) == (401 if client is none else 404)
    for client in (reader, other):
        with pytest.raises(HfHubHTTPError, match="403 Forbidden: Authorization error") as caught:
            commit(client, [add("b.txt", b"2")])
        with pytest.raises(HfHubHTTPError, match="have the rights to create a dataset") as caught:
            client.create_repo("me/new", repo_type="dataset")
        assert status(caught) == 403
    with pytest.raises(HfHubHTTPError) as caught:
        none.create_repo("me/new", repo_type="dataset")
    assert status(caught) == 401
    wrong = hub.api("hf_nobodys")
    for ask in (wrong.whoami, lambda: wrong.dataset_info(REPO), lambda: commit(wrong, [])):
        with pytest.raises(HfHubHTTPError) as caught:
            ask()
        assert status(caught) == 401
        assert not isinstance(caught.value, RepositoryNotFoundError)
    assert paths(api) == [".gitattributes", "a.txt"]


def test_files_small_and_large(hub, api, tmp_path):
    folder = tmp_path / "folder"
    (folder / "deep" / "er").mkdir(parents=True)
    (folder / "deep" / "er" / "x.parquet").write_bytes(BIG)
    (folder / "small.txt").write_bytes(b"small\n")
    (folder / "empty.parquet").write_bytes(b"")
    api.upload_folder(folder_path=folder, **DATASET)
    commit(api, [add("twin.parquet", BIG)])
    assert paths(api) == [
        ".gitattributes",
        "deep/er/x.parquet",
        "empty.parquet",
        "small.txt",
        "twin.parquet",
    ]
    assert list(hub.sent().values()) == [1]
    stored = hub.repositories[REPO]
    assert stored.read("twin.parquet") == stored.read("deep/er/x.parquet") == BIG
    assert stored.read("empty.parquet") == b""
    assert fetch(api, "small.txt", tmp_path / "cache") == b"small\n"
    assert fetch(api, "twin.parquet", tmp_path / "cache") == BIG
    before = api.dataset_info(REPO).sha
    api.upload_folder(folder_path=folder, **DATASET)
    assert api.dataset_info(REPO).sha == before
    assert list(hub.sent().values()) == [1]
    large = api.get_paths_info(paths=["twin.parquet", "none"], **DATASET)
    assert [(f.size, f.lfs.size, f.lfs.pointer_size) for f in large] == [(len(BIG), len(BIG), 130)]
    blobs = api.dataset_info(REPO, files_metadata=True).siblings
    assert {s.rfilename: s.size for s in blobs}["twin.parquet"] == len(BIG)


def test_a_commit_is_whole_or_not_at_all(hub, api):
    commit(api, [add("a.txt", b"1"), add("d/x.parquet", BIG), add("d/y.txt", b"y")])
    head = api.dataset_info(REPO).sha
    lines = [
        {"key": "header", "value": {"summary": "half"}},
        {"key": "file", "value": {"path": "b.txt", "content": "b"}},
    ]
    sha256 = "0" * 64
    for line, error in (
        ({"key": "lfsFile", "value": {"path": "c", "oid": sha256}}, "pointed to a file that does"),
        ({"key": "deletedFile", "value": {"path": "none"}}, "does not exist"),
        ({"key": "file", "value": {"path": "a/../b", "content": ""}}, "Invalid file name"),
        ({"key": "file", "value": {"path": "d", "content": ""}}, "both a file and a folder"),
        ({"key": "file", "value": {"path": "README.md", "content": "---\na: [\n---\n"}}, "YAML"),
    ):
        answer = huggingface_hub.utils.get_session().post(
            f"{hub.url}/api/datasets/{REPO}/commit/main",
            content="\n".join(json.dumps(part) for part in [*lines, line]),
            headers={"Authorization": f"Bearer {hub.token}"},
        )
        assert answer.status_code in (400, 404)
        assert error in answer.json()["error"]
    assert api.dataset_info(REPO).sha == head
    commit(api, [CommitOperationDelete("d/"), add("d2/z.txt", b"z")])
    assert paths(api) == [".gitattributes", "a.txt", "d2/z.txt"]
    with pytest.raises(EntryNotFoundError):
        commit(api, [CommitOperationDelete("none.txt")])
    assert paths(api, revision=head) == [".gitattributes", "a.txt", "d/x.parquet", "d/y.txt"]


def test_a_parent_that_is_not_the_head(hub, api):
    first = api.dataset_info(REPO).sha
    second = commit(api, [add("a.txt", b"1")], parent_commit=first)
    with pytest.raises(HfHubHTTPError, match="A commit has happened since") as caught:
        commit(api, [add("a.txt", b"2")], parent_commit=first)
    assert status(caught) == 412
    commit(api, [add("a.txt", b"2")], parent_commit=second[:10])
    assert hub.repositories[REPO].read("a.txt") == b"2"


def test_commits_at_the_same_time_are_all_kept(hub, api):
    with ThreadPoolExecutor(6) as pool:
        work = [pool.submit(commit, api, [add(f"{n}.parquet", BIG + b"%d" % n)]) for n in range(12)]
        made = {future.result() for future in work}
    assert len(made) == 12
    assert made < {c.commit_id for c in api.list_repo_commits(**DATASET)}
    assert len(paths(api)) == 13
    assert sorted(hub.sent().values()) == [1] * 12


def test_branches_and_tags(hub, api, tmp_path):
    base = commit(api, [add("a.txt", b"1"), add("x.parquet", BIG)])
    api.create_branch(branch="work/1", **DATASET)
    api.create_branch(branch="work/1", exist_ok=True, **DATASET)
    with pytest.raises(HfHubHTTPError) as caught:
        api.create_branch(branch="work/1", **DATASET)
    assert status(caught) == 409
    on_branch = commit(api, [add("a.txt", b"2")], "on the branch", revision="work/1")
    api.create_branch(branch="old", revision=base, **DATASET)
    api.create_tag(tag="v1", revision="work/1", **DATASET)
    refs = api.list_repo_refs(**DATASET)
    found = {ref.name: ref.target_commit for ref in refs.branches}
    assert found == {"main": base, "old": base, "work/1": on_branch}
    assert [(tag.ref, tag.target_commit) for tag in refs.tags] == [("refs/tags/v1", on_branch)]
    for revision, content in (("main", b"1"), ("work/1", b"2"), ("v1", b"2"), (base, b"1")):
        assert fetch(api, "a.txt", tmp_path / "cache", revision) == content
    commits = api.list_repo_commits(revision="work/1", **DATASET)
    assert [c.title for c in commits] == ["on the branch", "some", "initial commit"]
    assert commits[1].commit_id == base
    # A large file that is on another branch goes by its name alone.
    copy = CommitOperationCopy("x.parquet", "d/copy.parquet", src_revision=base)
    small = CommitOperationCopy("a.txt", "d/a.txt", src_revision="work/1")
    commit(api, [CommitOperationDelete("x.parquet")])
    commit(api, [copy, small])
    assert hub.repositories[REPO].read("d/copy.parquet") == BIG
    assert hub.repositories[REPO].read("d/a.txt") == b"2"
    assert list(hub.sent().values()) == [1]
    api.delete_branch(branch="work/1", **DATASET)
    api.delete_tag(tag="v1", **DATASET)
    for revision in ("work/1", "v1", "none", "f" * 40):
        with pytest.raises(RevisionNotFoundError):
            paths(api, revision=revision)
        with pytest.raises(RevisionNotFoundError):
            commit(api, [add("b.txt", b"")], revision=revision)
    with pytest.raises(HfHubHTTPError, match="main"):
        api.delete_branch(branch="main", **DATASET)


def test_listings_come_in_pages(tmp_path, hub):
    with HubServer(tmp_path / "small pages", page=3) as server:
        api = server.api()
        api.create_repo(REPO, repo_type="dataset")
        names = [f"d/{n}.txt" for n in range(5)] + ["e/f/g.txt", "z.txt"]
        first = commit(api, [add(name, b"1") for name in names], "first")
        for number in range(4):
            last = commit(api, [add("d/0.txt", b"%d" % number)], f"change {number}")
        assert paths(api) == [".gitattributes", *names]
        assert server.count("GET", "/tree/") == 4  # seven files and three folders, and one file
        top = list(api.list_repo_tree(**DATASET))
        assert [entry.path for entry in top] == [".gitattributes", "d", "e", "z.txt"]
        inside = list(api.list_repo_tree(path_in_repo="e/f", **DATASET))
        assert [entry.path for entry in inside] == ["e/f/g.txt"]
        with pytest.raises(EntryNotFoundError):
            list(api.list_repo_tree(path_in_repo="none", **DATASET))
        assert len(api.list_repo_commits(**DATASET)) == 6
        changed = api.list_repo_tree(path_in_repo="d", expand=True, **DATASET)
        found = {entry.path: entry.last_commit.oid for entry in changed}
        assert found["d/0.txt"] == last
        assert found["d/1.txt"] == first


def test_parts_of_a_file(hub, api):
    table = pa.table({"a": list(range(100_000)), "text": [f"{n:0100d}" for n in range(100_000)]})
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="none", use_dictionary=False, row_group_size=10_000)
    data = sink.getvalue().to_pybytes()
    head = commit(api, [add("d/t.parquet", data)])
    url = f"{hub.url}/datasets/{REPO}/resolve/main/d/t.parquet"
    get = huggingface_hub.utils.get_session().get
    for wanted, part in (
        ("bytes=0-3", data[:4]),
        ("bytes=100-", data[100:]),
        ("bytes=-8", data[-8:]),
        (f"bytes=10-{len(data) * 2}", data[10:]),
    ):
        answer = get(url, headers={"Range": wanted})
        assert (answer.status_code, answer.content) == (206, part)
        assert answer.headers["X-Repo-Commit"] == head
    assert answer.headers["Content-Range"] == f"bytes 10-{len(data) - 1}/{len(data)}"
    assert get(url, headers={"Range": f"bytes={len(data)}-"}).status_code == 416
    told = huggingface_hub.get_hf_file_metadata(url)
    assert (told.size, told.commit_hash) == (len(data), head)
    assert told.etag == next(iter(hub.sent()))
    files = HfFileSystem(endpoint=hub.url, token=hub.token, skip_instance_cache=True)
    hub.requests.clear()
    with files.open(f"datasets/{REPO}/d/t.parquet", block_size=2**16) as file:
        column = pq.ParquetFile(file).read_row_group(3, columns=["a"])
    assert column["a"].to_pylist() == list(range(30_000, 40_000))
    assert hub.count("GET", "/resolve/", 206) > 0
    assert hub.count("GET", "/resolve/", 200) == 0


def test_what_is_not_there(hub, api, tmp_path):
    with pytest.raises(EntryNotFoundError):
        fetch(api, "none.py", tmp_path)
    with pytest.raises(RevisionNotFoundError):
        fetch(api, "none.py", tmp_path, "none")
    for name in ("me/none", "squad"):
        with pytest.raises(RepositoryNotFoundError):
            hf_hub_download(name, "a", repo_type="dataset", endpoint=hub.url, token=hub.token)
    with pytest.raises(RepositoryNotFoundError):
        api.model_info("me/jit-kernels")


def test_a_card_is_read(hub, api):
    for content, error in (
        ("---\nlicense: [\n---\n", "YAML"),
        ("---\ntags: 3\n---\n", "tags"),
        ("---\nconfigs:\n- config_name: a\n- config_name: a\n---\n", "unique"),
        ("---\nconfigs: {a: 1}\n---\n", "configs"),
    ):
        with pytest.raises(ValueError, match=f"Invalid metadata.*\n.*{error}"):
            commit(api, [add("README.md", content.encode())])
    with pytest.warns(UserWarning, match="empty or missing yaml metadata"):
        commit(api, [add("README.md", b"# Kernels\n")])
    commit(api, [add("README.md", b"---\nlicense: apache-2.0\ntags: [warp]\n---\n")])
    assert api.dataset_info(REPO).card_data.license == "apache-2.0"


def test_it_goes_on_where_it_was_stopped(hub, api, tmp_path):
    head = commit(api, [add("x.parquet", BIG)])
    with HubServer(tmp_path / "second") as second:
        old = second.api()
        old.create_repo(REPO, repo_type="dataset")
        port = second.port
    with pytest.raises(Exception, match="refused"):
        old.dataset_info(REPO)
    with HubServer(hub.store.root, port) as third:
        assert old.dataset_info(REPO).sha == head
        commit(old, [add("y.parquet", BIG)])
        assert third.sent() == {}


def test_it_runs_as_a_process_and_survives_its_killing(processes, monkeypatch, tmp_path):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    server = ROOT / "tests" / "hub_server.py"
    log = tmp_path / "log.jsonl"
    for number in range(2):
        process = processes.start(server, "--root", tmp_path / "hub", "--log", log)
        told = json.loads(process.stdout.readline())
        api = huggingface_hub.HfApi(told["url"], token=told["token"])
        api.create_repo(REPO, repo_type="dataset", exist_ok=True)
        commit(api, [add(f"{number}.parquet", BIG)])
        assert paths(api) == [".gitattributes", *(f"{n}.parquet" for n in range(number + 1))]
        process.send_signal(signal.SIGTERM if number else signal.SIGKILL)
        process.wait(20)
    assert process.returncode == 0
    asked = [json.loads(line) for line in log.read_text().splitlines()]
    assert [r["status"] for r in asked if r["method"] == "PUT"] == [200]


def test_only_what_was_announced_is_taken(hub, api):
    put = huggingface_hub.utils.get_session().put
    answer = put(_link(hub, "0" * 64), content=b"not what was said")
    assert (answer.status_code, answer.json()["error"][:9]) == (400, "BadDigest")
    answer = put(f"{hub.url}/lfs/{REPO}/{'0' * 64}", content=b"without a link")
    assert answer.status_code == 403
    assert not hub.sent()


def _link(hub, sha256: str) -> str:
    answer = huggingface_hub.utils.get_session().post(
        f"{hub.url}/datasets/{REPO}.git/info/lfs/objects/batch",
        json={"objects": [{"oid": sha256, "size": 17}]},
        headers={"Authorization": f"Bearer {hub.token}"},
    )
    return answer.json()["objects"][0]["actions"]["upload"]["href"]
