"""The Hub that other tests publish to, when it misbehaves as they ask."""

from __future__ import annotations

import huggingface_hub
import pytest
from conftest import wait_until
from hub_calls import BIG, DATASET, REPO, add, commit, paths, status
from huggingface_hub.errors import HfHubHTTPError


@pytest.mark.parametrize("code", [429, 500, 503])
def test_a_while_of_errors(hub, api, code):
    fault = hub.faults.fail(code, 2, method="PUT", retry_after=0 if code == 429 else None)
    lists = hub.faults.fail(code, 1, path="/tree/")
    commit(api, [add("x.parquet", BIG)])
    assert paths(api) == [".gitattributes", "x.parquet"]
    assert (fault.hits, lists.hits) == (2, 1)
    assert (hub.count("PUT"), hub.count("PUT", status=code)) == (3, 2)
    hub.faults.fail(code, None, path="/commit/", message="come back later")
    with pytest.raises(HfHubHTTPError, match="come back later") as caught:
        commit(api, [add("y.parquet", BIG)])
    assert status(caught) == code
    hub.faults.clear()
    commit(api, [add("y.parquet", BIG)])
    assert list(hub.sent().values()) == [1]


def test_a_connection_that_drops(hub, api):
    data = BIG * 50
    fault = hub.faults.drop(300_000, 2)
    commit(api, [add("x.parquet", data)])
    assert fault.hits == 2
    assert hub.repositories[REPO].read("x.parquet") == data
    cut = [r.received for r in hub.requests if r.method == "PUT" and r.status == 0]
    assert cut == [300_000, 300_000]
    assert list(hub.sent().values()) == [1]
    assert list((hub.store.root / "new").iterdir()) == []


def test_an_answer_that_is_lost(hub, api):
    fault = hub.faults.lose()
    with pytest.raises(Exception, match=r"disconnected|reset"):
        commit(api, [add("a.txt", b"1")])
    assert fault.hits == 1
    assert hub.repositories[REPO].read("a.txt") == b"1"


def test_no_rights_and_no_room(hub, api):
    fault = hub.faults.fill_disk()
    with pytest.raises(RuntimeError) as caught:
        commit(api, [add("x.parquet", BIG)])
    assert "No space left on device" in str(caught.value.__cause__)
    assert fault.hits == 1
    assert not hub.sent()
    hub.faults.clear()
    forbidden = hub.faults.forbid()
    for change in (
        lambda: commit(api, [add("a.txt", b"1")]),
        lambda: api.create_branch(branch="b", **DATASET),
        lambda: api.create_repo("me/new", repo_type="dataset"),
    ):
        with pytest.raises(HfHubHTTPError, match="403 Forbidden: Authorization error"):
            change()
    assert forbidden.hits == 3
    assert paths(api) == [".gitattributes"]


def test_a_commit_in_between(hub, api):
    fault = hub.faults.overtake(files={"theirs.txt": b"theirs"})
    with pytest.raises(HfHubHTTPError, match="A commit has happened since") as caught:
        commit(api, [add("a.txt", b"1")], parent_commit=api.dataset_info(REPO).sha)
    assert (status(caught), fault.hits) == (412, 1)
    commit(api, [add("a.txt", b"1")], parent_commit=api.dataset_info(REPO).sha)
    assert paths(api) == [".gitattributes", "a.txt", "theirs.txt"]


def test_a_slow_answer(hub, api):
    fault = hub.faults.slow(1.5, 1, path="/refs")
    url = f"{hub.url}/api/datasets/{REPO}/refs"
    with pytest.raises(Exception, match="timed out"):
        huggingface_hub.utils.get_session().get(url, timeout=0.5)
    wait_until(lambda: fault.hits == 1, "the request was not met")
    assert api.list_repo_refs(**DATASET).branches
