"""push_to_hub: what load_dataset generates, in one repository, for people without this code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import datasets
import pytest
import yaml
from conftest import ROOT
from hub_server import HubServer

from jit_synthesis import CONFIGS

# Each split warms up a compiler, so only one config has all of them.
COUNTS = {config: {"train": 20, "test": 4} for config in CONFIGS}
COUNTS["warp"] = {"train": 20, "validation": 4, "test": 4}
REPO = "me/jit-kernels"
STREAMS = hasattr(datasets.IterableDatasetDict, "push_to_hub")  # since datasets 4

# The first push makes its config the default. Then each config to a second repository, and where
# datasets can, a stream to a third; what was generated is written down for comparison.
PUSH = """
import json, sys
from datasets import load_dataset
import jit_synthesis
given, seen = json.loads(sys.argv[1]), {"configs": {}}
for config, counts in given["counts"].items():
    options = {f"num_{split}": counts.get(split, 0) for split in jit_synthesis.SPLITS} | {"seed": 7}
    made = load_dataset("jit_synthesis", config, **options)
    made.push_to_hub(given["repo"], config, **({} if seen["configs"] else {"set_default": True}))
    if config == "jax":
        try:
            made.push_to_hub("me/no-default", config, set_default=True)
        except KeyError as error:
            seen["late default"] = str(error)
    if config in ("warp", "jax"):
        made.push_to_hub("me/no-default", config)
    seen["configs"][config] = {
        "features": made["train"].features.to_dict(),
        "rows": {split: list(made[split]) for split in made},
    }
if given["streams"]:
    options = {"num_train": 4, "num_validation": 0, "num_test": 0, "seed": 7, "num_shards": 2}
    stream = load_dataset("jit_synthesis", "warp", streaming=True, **options)
    stream.push_to_hub("me/streamed", "warp")
json.dump(seen, open(given["output"], "w"))
"""

# A user who has none of this code, only datasets.
LOAD = """
import json, sys
for name in ("jit_synthesis", "generators", "extractors", "verification", "warp", "jax"):
    sys.modules[name] = None
from datasets import __version__, get_dataset_config_names, get_dataset_split_names, load_dataset
given = json.loads(sys.argv[1])
names = get_dataset_config_names(given["repo"])
seen = {"version": __version__, "names": names, "configs": {}}
for config in names:
    made = load_dataset(given["repo"], config)
    stream = load_dataset(given["repo"], config, streaming=True)
    info = made["train"].info
    seen["configs"][config] = {
        "features": info.features.to_dict(),
        "stream features": stream["train"].features.to_dict(),
        "rows": {split: list(made[split]) for split in made},
        "stream": {split: list(stream[split]) for split in stream},
        "splits": {s.name: (s.num_examples, s.num_bytes) for s in info.splits.values()},
        "split names": get_dataset_split_names(given["repo"], config),
        "label": info.features["category"].int2str(made["train"][3]["category"]),
        "size": info.dataset_size,
    }
seen["default"] = load_dataset(given["repo"], split="train").column_names
try:
    load_dataset("me/no-default")
except ValueError as error:
    seen["no default"] = str(error)
if given["streams"]:
    seen["streamed"] = list(load_dataset("me/streamed", split="train"))
json.dump(seen, open(given["output"], "w"))
"""


class Pushed(NamedTuple):
    """The Hub after the pushes, and what the process that pushed wrote down."""

    hub: HubServer
    made: dict
    folder: Path


def run(python: Path | str, script: str, pushed: Pushed, output: Path, **env: str) -> dict:
    """Run a script as a client of the Hub, away from this checkout; what it wrote."""
    given = {"repo": REPO, "counts": COUNTS, "streams": STREAMS, "output": str(output)}
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [python, "-c", script, json.dumps(given)],
        cwd=pushed.folder,
        env=clean | pushed.hub.environment(output.with_suffix(".cache")) | env,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(output.read_text())


@pytest.fixture(scope="module")
def pushed(tmp_path_factory) -> Iterator[Pushed]:
    folder = tmp_path_factory.mktemp("pushed")
    with HubServer(folder / "hub") as hub:
        before = Pushed(hub, {}, folder)
        output = folder / "made.json"
        yield before._replace(made=run(sys.executable, PUSH, before, output, PYTHONPATH=str(ROOT)))


@pytest.fixture(scope="module")
def loaded(pushed) -> dict:
    """What a user of the same datasets sees."""
    return run(sys.executable, LOAD, pushed, pushed.folder / "loaded.json")


def card(pushed: Pushed) -> dict:
    text = pushed.hub.repositories[REPO].read("README.md").decode()
    return yaml.safe_load(text.split("---")[1])


def check(seen: dict, pushed: Pushed, config: str) -> None:
    """A config is what was generated, loaded and streamed."""
    found, made, counts = seen["configs"][config], pushed.made["configs"][config], COUNTS[config]
    assert found["split names"] == list(counts)
    for rows in (found["rows"], found["stream"]):
        assert {split: len(rows[split]) for split in rows} == counts
        for split in counts:
            assert json.dumps(rows[split]) == json.dumps(made["rows"][split])
    assert {split: count for split, (count, _) in found["splits"].items()} == counts
    assert found["size"] == sum(size for _, size in found["splits"].values()) > 0
    assert found["label"] == "branch"


@pytest.mark.parametrize("config", CONFIGS)
def test_a_config_survives(config, pushed, loaded):
    check(loaded, pushed, config)
    features = pushed.made["configs"][config]["features"]
    assert loaded["configs"][config]["features"] == features
    assert loaded["configs"][config]["stream features"] == features
    assert features["category"]["_type"] == features["verified"]["_type"] == "ClassLabel"


def test_the_configs_share_a_repository(pushed, loaded):
    assert sorted(loaded["names"]) == sorted(CONFIGS)
    files = pushed.hub.repositories[REPO].files()
    assert sorted(files) == sorted(
        [".gitattributes", "README.md"]
        + [f"{c}/{split}-00000-of-00001.parquet" for c in CONFIGS for split in COUNTS[c]]
    )
    told = {info["config_name"]: info for info in card(pushed)["dataset_info"]}
    assert sorted(told) == sorted(CONFIGS)
    for config, info in told.items():
        assert {s["name"]: s["num_examples"] for s in info["splits"]} == COUNTS[config]
        sizes = [f.size for path, f in files.items() if path.startswith(f"{config}/")]
        assert info["download_size"] == sum(sizes)
    titles = [made["title"] for _, made in pushed.hub.repositories[REPO].history()]
    assert titles == ["Upload dataset"] * len(CONFIGS) + ["initial commit"]


def test_the_default_config(pushed, loaded):
    defaults = [c["config_name"] for c in card(pushed)["configs"] if c.get("default")]
    assert defaults == ["warp"]
    assert loaded["default"] == list(pushed.made["configs"]["warp"]["features"])
    assert "Config name is missing" in loaded["no default"]
    assert pushed.made["late default"] == "'default'"


@pytest.mark.skipif(not STREAMS, reason="datasets before 4 cannot push a stream")
def test_a_stream_can_be_pushed(pushed, loaded):
    rows = pushed.made["configs"]["warp"]["rows"]["train"][:4]
    assert json.dumps(loaded["streamed"]) == json.dumps(rows)
    files = pushed.hub.repositories["me/streamed"].files()
    assert [path for path in files if path.endswith(".parquet")] == [
        f"warp/train-{n:05d}-of-00002.parquet" for n in range(2)
    ]


def test_the_other_datasets_reads_the_same(pushed):
    """What datasets 5 pushed, datasets 3.6 reads, and the other way round."""
    names = (os.environ.get("VENV", ".venv"), os.environ.get("VENV36", ".venv-datasets36"))
    name = names[datasets.__version__ >= "5"]
    python = ROOT / name / "bin" / "python"
    if not python.exists():
        pytest.skip(f"no environment {name}: make test and make test-36 make one each")
    seen = run(python, LOAD, pushed, pushed.folder / "other.json")
    assert (seen["version"] < "5") == (datasets.__version__ >= "5")
    for config in CONFIGS:
        check(seen, pushed, config)
    assert seen["default"] == list(pushed.made["configs"]["warp"]["features"])
