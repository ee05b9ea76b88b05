"""Croissant metadata: valid to ``mlcroissant``, which reads the rows of a folder by it."""

from __future__ import annotations

import json
import logging

import golden_rows
import mlcroissant
import pytest
from published import publish, write

from jit_synthesis import CONFIGS, FEATURES, JitSynthesisConfig
from pipeline.card import columns
from pipeline.card.readme import make_card
from verification import Yield

REPO = "me/jit-kernels"
ROWS = {name: [json.loads(line) for line in golden_rows.kept(name)[1:]] for name in CONFIGS}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A repository of real rows; ``jax`` has no test split."""
    path = tmp_path_factory.mktemp("repository")
    summaries = []
    for name in CONFIGS:
        config = JitSynthesisConfig(name, seed=golden_rows.SEED, extended=True)
        made = {"train": ROWS[name][:-4], "validation": ROWS[name][-4:-2], "test": ROWS[name][-2:]}
        if name == "jax":
            made = {"train": ROWS[name][:-2], "validation": ROWS[name][-2:]}
        found = Yield()
        for row in ROWS[name]:
            found.add(row)
        summaries.append(publish(path, config, made, found))
    write(path, make_card(REPO, summaries, ["2026-11-25: first rows.", "2025-01-01: none."]))
    return path


def test_it_validates_without_a_warning(folder, caplog):
    caplog.set_level(logging.WARNING)
    data = mlcroissant.Dataset(folder / "croissant.json").metadata
    assert not data.issues.errors
    assert not data.issues.warnings
    assert "not standard" not in caplog.text  # of its context
    assert data.name == "jit-kernels"
    assert data.url == f"https://huggingface.co/datasets/{REPO}"
    assert data.license == ["https://www.apache.org/licenses/LICENSE-2.0"]
    assert data.version == "0.1.0"
    assert data.cite_as.startswith("@misc{jit_synthesis,")
    assert str(data.date_published).startswith("2026-11-25")


def test_every_column_is_typed_and_told(folder):
    data = json.loads((folder / "croissant.json").read_text())
    sets = {found["@id"]: found for found in data["recordSet"]}
    files = {part["@id"]: part for part in data["distribution"]}
    for config in CONFIGS:
        assert files[f"{config}-files"]["includes"] == f"{config}/*.parquet"
        # Samples are rows of the config again, and none of its files.
        assert all(p.parent.name == config for p in folder.glob(f"{config}/*.parquet"))
        split, *fields = sets[config]["field"]
        assert split["name"] == "split"
        assert [field["name"] for field in fields] == list(FEATURES[config])
        for field in fields:
            assert field["description"].startswith(columns.describe(config, field["name"]).told)
            parts = field.get("subField", [field])
            assert all(part["dataType"].startswith("sc:") for part in parts)
            assert all(part["description"] for part in parts)
    names = [label["category-labels/label"] for label in sets["category-labels"]["data"]]
    assert names == FEATURES["warp"]["category"].names


def plain(value, prefix: str):
    """A record of mlcroissant's as a row: text is bytes in it, names are whole paths."""
    if isinstance(value, dict):
        return {k.removeprefix(prefix + "/"): plain(v, k) for k, v in value.items()}
    if isinstance(value, list):
        return [plain(v, prefix) for v in value]
    return value.decode() if isinstance(value, bytes) else value


@pytest.mark.parametrize("config", CONFIGS)
def test_it_reads_the_rows_of_a_folder(config, folder, caplog):
    caplog.set_level(logging.WARNING)
    source = mlcroissant.Dataset(folder / "croissant.json", mapping={"repo": folder})
    records = [plain(record, config) for record in source.records(config)]
    assert "Could not match" not in caplog.text
    labels = {n: FEATURES[config][n].names for n in ("category", "verified")}
    order = {row["row_key"]: number for number, row in enumerate(ROWS[config])}
    records.sort(key=lambda record: order[record["row_key"]])
    splits = [record.pop("split") for record in records]
    assert [r | {n: labels[n][r[n]] for n in labels} for r in records] == ROWS[config]
    last = ["validation"] * 2 if config == "jax" else ["validation"] * 2 + ["test"] * 2
    assert splits == ["train"] * (len(records) - len(last)) + last
    [first] = [r for r in source.records("category-labels") if r["category-labels/value"] == 0]
    assert first["category-labels/label"] in ("elementwise", b"elementwise")


def test_one_split_can_be_had_alone(folder):
    source = mlcroissant.Dataset(folder / "croissant.json", mapping={"repo": folder})
    found = list(source.records("warp", filters={"warp/split": "validation"}))
    assert [r["warp/row_key"].decode() for r in found] == [
        r["row_key"] for r in ROWS["warp"][-4:-2]
    ]
