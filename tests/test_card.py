"""The card: what the Hub and load_dataset read of it, what it says, that it says it each time."""

from __future__ import annotations

import copy
import hashlib
import json
import re
import shutil
import struct
import sys
from pathlib import Path

import datasets
import pytest
import yaml
from conftest import Processes
from huggingface_hub import DatasetCard, DatasetCardData
from markdown_it import MarkdownIt
from published import SAMPLE, make, publish, write
from readme_rows import README

from extractors.outcomes import COLUMNS
from jit_synthesis import CONFIGS, FEATURES, TIERS, JitSynthesisConfig
from pipeline.card import columns, drawing, plots
from pipeline.card.markdown import code, fence, megabytes, share, table
from pipeline.card.metadata import size_category
from pipeline.card.readme import make_card
from verification.rows import sources

REPO = "me/jit-kernels"
CHANGELOG = ["2026-11-24: first rows.", "2026-11-25: more of them, see `jax`."]
OPTIONS = {
    "warp": {"num_train": 12, "num_validation": 3, "num_test": 3, "verify": "gradient"},
    "jax": {"num_train": 14, "num_validation": 2, "num_test": 0, "extended": True},
    "stablehlo": {"num_train": 10, "num_validation": 0, "num_test": 0, "mode": "both"},
    "paired": {"num_train": 10, "num_validation": 1, "num_test": 1, "verify": "match"},
}


class Whole:
    """A repository in a folder with the rows it was made of."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.rows, self.summaries = folder, {}, []
        for name in CONFIGS:
            config = JitSynthesisConfig(name, **OPTIONS[name])
            made, found = make(config)
            self.rows[name] = made
            self.summaries.append(publish(folder, config, made, found))
        self.files = make_card(REPO, self.summaries, CHANGELOG)
        write(folder, self.files)
        self.text = self.files["README.md"].decode()
        self.data = yaml.safe_load(self.text.split("---\n")[1])


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Whole:
    return Whole(tmp_path_factory.mktemp("repository"))


def tokens(text: str) -> list:
    body = text.split("\n---\n", 1)[1]
    return MarkdownIt("commonmark", {"html": True}).enable("table").parse(body)


@pytest.mark.parametrize("config", CONFIGS)
def test_a_folder_with_it_loads(config, whole, tmp_path):
    loaded = datasets.load_dataset(str(whole.folder), config, cache_dir=str(tmp_path))
    made = whole.rows[config]
    assert list(loaded) == list(made)
    streamed = datasets.load_dataset(str(whole.folder), config, streaming=True)
    sample = datasets.load_dataset(str(whole.folder), f"{config}-sample", cache_dir=str(tmp_path))
    assert list(sample) == ["train"]
    for split, rows in [*made.items(), ("sample", made["train"][:SAMPLE])]:
        found = sample["train"] if split == "sample" else loaded[split]
        assert isinstance(found.features["category"], datasets.ClassLabel)
        assert found.features.arrow_schema.equals(FEATURES[config].arrow_schema)
        names = {n: FEATURES[config][n].names for n in ("category", "verified")}
        assert [r | {n: names[n][r[n]] for n in names} for r in found] == rows
        if split != "sample":
            assert found.info.splits[split].num_examples == len(rows)
            assert list(streamed[split]) == list(found)


def test_the_first_config_is_the_default(whole, tmp_path):
    loaded = datasets.load_dataset(str(whole.folder), cache_dir=str(tmp_path))
    assert loaded["train"].features["cpp"]
    assert [c["config_name"] for c in whole.data["configs"] if c.get("default")] == ["warp"]


def test_metadata_is_what_the_hub_takes(whole):
    data = DatasetCard(whole.text).data
    assert isinstance(data, DatasetCardData)
    assert data.license == "apache-2.0"
    resources = Path(datasets.__file__).parent / "utils" / "resources"
    known = {
        "size_categories": json.loads((resources / "size_categories.json").read_text()),
        "language": json.loads((resources / "languages.json").read_text()),
        "annotations_creators": json.loads((resources / "creators.json").read_text())[
            "annotations"
        ],
        "language_creators": json.loads((resources / "creators.json").read_text())["language"],
        "task_categories": datasets.utils.metadata.known_task_ids,
        "source_datasets": ["original"],
    }
    for field, values in known.items():
        assert whole.data[field]
        assert set(whole.data[field]) <= set(values), field
    names = [name for config in CONFIGS for name in (config, f"{config}-sample")]
    assert [c["config_name"] for c in whole.data["configs"]] == names
    assert [i["config_name"] for i in whole.data["dataset_info"]] == names
    for told, summary in zip(whole.data["dataset_info"][::2], whole.summaries, strict=True):
        sizes = summary["splits"]
        assert {s["name"]: s["num_examples"] for s in told["splits"]} == {
            split: size["rows"] for split, size in sizes.items()
        }
        assert told["download_size"] == sum(size["bytes"] for size in sizes.values())
        assert told["dataset_size"] == sum(size["memory_bytes"] for size in sizes.values())
    # A sample's size is not in the summaries: nothing is said of it.
    assert "splits" not in whole.data["dataset_info"][1]


def test_the_sizes_of_a_sample_are_told_where_they_are_known(whole):
    summary = whole.summaries[0] | {"sample": {"bytes": 7, "memory_bytes": 9}}
    data = yaml.safe_load(make_card(REPO, [summary], [])["README.md"].split(b"---\n")[1])
    told = data["dataset_info"][1]
    assert (told["download_size"], told["dataset_size"]) == (7, 9)
    assert told["splits"] == [{"name": "train", "num_bytes": 9, "num_examples": SAMPLE}]


@pytest.mark.parametrize("rows", [1, 999, 1000, 9_999, 10_000, 99_999, 100_000, 10**6, 10**8])
def test_size_categories(rows):
    low, _, high = size_category(rows).rpartition("<n<") if rows >= 1000 else ("0", "", "1K")
    scale = {"K": 10**3, "M": 10**6, "B": 10**9}
    low, high = (int(t.rstrip("KMB")) * scale.get(t[-1], 1) for t in (low, high))
    assert low <= rows < high
    assert size_category(999) == "n<1K"


def test_what_it_says_is_so(whole):
    text = whole.text
    count = sum(len(part) for made in whole.rows.values() for part in made.values())
    assert f"\n{count:,} kernels in Python" in text
    assert 'load_dataset("me/jit-kernels", "warp")' in text
    for summary in whole.summaries:
        config, rows = summary["config"], whole.rows[summary["config"]]
        sizes = [str(len(rows[s])) if s in rows else "-" for s in ("train", "validation", "test")]
        [line] = re.findall(rf"^\| `{config}` \| .*`{config}-sample`, {SAMPLE} \|$", text, re.M)
        assert f" | {' | '.join(sizes)} | {megabytes(sum_of(summary, 'bytes'))} | " in line
        assert summary["code"] in text
        assert summary["command"] in text
        assert summary["example"]["row_key"] in text
        for version in summary["toolchain"].values():
            assert version in text
        for name in FEATURES[config]:
            assert f"| `{name}` |" in text
            assert columns.describe(config, name).told.replace("|", r"\|") in text
    tiers = {tier: cells(text, f"| `{tier}` | ")[2:] for tier in TIERS}
    counted = {
        tier: [
            sum(row["verified"] == tier for part in made.values() for row in part)
            for made in whole.rows.values()
        ]
        for tier in TIERS
    }
    tried = {"warp": 3, "jax": 0, "stablehlo": 0, "paired": 2}
    assert tiers == {
        tier: [
            str(counted[tier][at]) if index <= tried[name] else "not tried"
            for at, name in enumerate(CONFIGS)
        ]
        for index, tier in enumerate(TIERS)
    }
    for entry in CHANGELOG:
        assert f"\n- {entry}\n" in text
    assert "no two of a config have the same structure" in text
    assert "jit-synthesis regenerate me/jit-kernels --rows 50" in text
    assert "Nothing of `jax` and `stablehlo` was run" in text
    assert "{{" not in text
    assert "None" not in text
    assert "\n\n\n" not in text.split("## One row")[0]


def sum_of(summary: dict, what: str) -> int:
    return sum(size[what] for size in summary["splits"].values())


def cells(text: str, start: str) -> list[str]:
    [line] = [line for line in text.splitlines() if line.startswith(start)]
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_every_row_shown_is_whole(whole):
    blocks = [t.content for t in tokens(whole.text) if t.type == "fence"]
    for summary in whole.summaries:
        config, row = summary["config"], summary["example"]
        for column in (*sources(config), *COLUMNS[config]):
            assert not row[column] or row[column].strip("\n") + "\n" in blocks, column
        rest = {k: v for k, v in row.items() if k not in (*sources(config), *COLUMNS[config])}
        assert rest in [json.loads(b) for b in blocks if b.startswith("{")]


def test_no_text_of_a_row_breaks_out_of_its_fence(whole):
    summary = copy.deepcopy(whole.summaries[0])
    nasty = 'x = """\n```\n````\n</details>\n# title\n{{ x }}\n"""\n'
    summary["example"] |= {"python": nasty, "cuda": "", "cpp": "`````\n| a |"}
    text = make_card(REPO, [summary], [])["README.md"].decode()
    found = tokens(text)
    blocks = [t.content for t in found if t.type == "fence"]
    assert nasty in blocks
    assert "`````\n| a |\n" in blocks
    assert "title" not in [t.content for t in found if t.type == "inline"]
    opened = sum(t.content.count("<details>") for t in found if t.type == "html_block")
    assert opened == sum(t.content.count("</details>") for t in found if t.type == "html_block")
    assert '"cuda": ""' in text  # no block of an empty text


def test_tables_have_as_many_cells_in_every_line(whole):
    summary = copy.deepcopy(whole.summaries[0])
    reason = {"stage": "codegen", "reason": "a | b `c` \\| #", "kept": False, "count": 3}
    summary["yield"]["reasons"].append(reason | {"repro": "jit-synthesis show warp 3"})
    text = make_card(REPO, [summary], [])["README.md"].decode()
    assert "| 3 | replaced |" in text
    assert "3 replaced" in text
    assert "21 kernels generated, 18 rows" in text
    width, lines = None, text.split("---\n", 2)[2].splitlines()
    for line in lines[: lines.index("## One row of each config")]:
        bars = len(re.findall(r"(?<!\\)\|", line)) if line.startswith("|") else None
        assert width is None or bars in (None, width), line
        width = bars
    assert tokens(text)


def test_pictures_are_there_with_words_and_numbers(whole):
    shown = re.findall(r"!\[([^\]]*)\]\((assets/[\w-]+\.png)\)", whole.text)
    assert {path for _, path in shown} == {p for p in whole.files if p.endswith(".png")}
    assert len(shown) == 4 * len(CONFIGS) + 1
    for alt, path in shown:
        content = whole.files[path]
        assert content.startswith(b"\x89PNG")
        width, height = struct.unpack(">II", content[16:24])
        assert 400 <= width <= 1500
        assert 200 <= height <= 2000
        assert len(content) < 80_000
        assert content[25] == 3  # colours of a palette,
        assert b"tRNS" not in content  # none of them transparent: it has a ground of its own
        assert b"tEXt" not in content
        assert len(alt) > 60
        assert re.search(r"\d", alt)
    alts = {path: alt for alt, path in shown}
    assert "18 rows" in alts["assets/warp-categories.png"]
    assert "Nothing was run" in alts["assets/jax-categories.png"]
    assert "warp 18 of 18" in alts["assets/uniqueness.png"]


def test_inks_stand_out_from_the_ground():
    def luminance(colour: str) -> float:
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return sum(w * p for w, p in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    def contrast(a: str, b: str) -> float:
        low, high = sorted((luminance(a), luminance(b)))
        return (high + 0.05) / (low + 0.05)

    assert contrast(drawing.INK, drawing.GROUND) > 7
    assert contrast(drawing.PALE, drawing.GROUND) > 4.5
    assert all(contrast(colour, drawing.GROUND) > 3 for colour in drawing.LINE_COLOURS)


def test_what_was_only_extracted_claims_no_more(whole):
    text = make_card(REPO, [whole.summaries[1]], [])["README.md"].decode()
    assert [cells(text, f"| `{tier}` | ")[2:] for tier in TIERS] == [["16"]] + 3 * [["not tried"]]
    assert "none was run" in text
    for claim in ("independent reference", "have a gradient", "What was run", "| matched |"):
        assert claim not in text
    assert "Warp" not in text.split("## What is verified")[0]
    assert "test" not in cells(text, "| config | Python")


def test_rows_that_repeat_are_not_called_distinct(whole):
    summary = copy.deepcopy(whole.summaries[0])
    summary["uniqueness"]["structures"] = 12
    text = make_card(REPO, [summary], [])["README.md"].decode()
    assert "the same structure" not in text
    assert "| distinct after masking numbers too | 12 of 18 |" in text


def test_many_rows_read_well(whole):
    """A summary of 100,000 rows, as joined from shards."""
    summary = copy.deepcopy(whole.summaries[3])
    times = 10_000

    def grow(value):
        if isinstance(value, dict):
            return {k: grow(v) for k, v in value.items()}
        return [grow(v) for v in value] if isinstance(value, list) else value * times

    for name in ("splits", "statistics", "uniqueness"):
        summary[name] = grow(summary[name])
    counts = summary["yield"]["categories"]
    summary["yield"]["categories"] = grow(counts)
    summary["sample_rows"] = 1000
    files = make_card(REPO, [summary], [])
    text = files["README.md"].decode()
    assert "\n120,000 kernels in Python" in text
    assert "size_categories:\n- 100K<n<1M\n" in text
    assert "| 100,000 | 10,000 | 10,000 |" in text
    assert "120,000 of 120,000" in text
    assert re.search(r"\| [\d,]{3,} MB \|", text)
    assert all(len(content) < 80_000 for path, content in files.items() if path.endswith(".png"))


def test_configs_of_others_stay(whole, tmp_path):
    """Pushed with push_to_hub, which names them in the README that stands there."""
    other = datasets.Dataset.from_dict({"x": [1, 2]})
    (tmp_path / "mine").mkdir()
    other.to_parquet(tmp_path / "mine" / "train-00000-of-00001.parquet")
    info = datasets.info.DatasetInfosDict({"mine": other.info})
    data = DatasetCardData(license="mit")
    info.to_dataset_card_data(data)
    data["configs"] = [
        {"config_name": "mine", "data_files": [{"split": "train", "path": "mine/train-*"}]},
        {"config_name": "warp", "data_files": "old/*"},
    ]
    kept = f"---\n{data}\n---\n\n# By hand\n"
    files = make_card(REPO, [whole.summaries[0]], [], kept)
    text = files["README.md"].decode()
    written = yaml.safe_load(text.split("---\n")[1])
    assert [c["config_name"] for c in written["configs"]] == ["warp", "warp-sample", "mine"]
    assert [c["config_name"] for c in written["configs"] if c.get("default")] == ["warp"]
    assert [i["config_name"] for i in written["dataset_info"]] == ["warp", "warp-sample", "mine"]
    assert "old/*" not in text
    assert "By hand" not in text
    assert written["license"] == "apache-2.0"
    assert "this card says nothing of them: `mine`." in text
    write(tmp_path, files)
    shutil.copytree(whole.folder / "warp", tmp_path / "warp")
    loaded = datasets.load_dataset(str(tmp_path), "mine", cache_dir=str(tmp_path / "cache"))
    assert loaded["train"]["x"][:] == [1, 2]
    # Again upon its own card: nothing doubles, nothing is lost.
    assert make_card(REPO, [whole.summaries[0]], [], text) == files


def test_a_default_of_others_stays_the_only_one(whole):
    kept = "---\nconfigs:\n- config_name: mine\n  data_files: mine/*\n  default: true\n---\n"
    text = make_card(REPO, whole.summaries[:2], [], kept)["README.md"].decode()
    configs = yaml.safe_load(text.split("---\n")[1])["configs"]
    assert [c["config_name"] for c in configs if c.get("default")] == ["mine"]


@pytest.mark.parametrize(
    "kept",
    [
        "---\nconfigs: [\n---\n",
        "---\nconfigs: 3\n---\n",
        "---\nconfigs:\n- data_files: x\n---\n",
        "---\n- 3\n---\n",
    ],
)
def test_a_readme_that_cannot_be_read_is_not_written_over(kept, whole):
    with pytest.raises(ValueError, match=r"README\.md that stands there has metadata that cannot"):
        make_card(REPO, whole.summaries[:1], [], kept)


def test_a_readme_without_metadata_is_replaced(whole):
    text = make_card(REPO, whole.summaries[:1], [], "# jit-kernels\n")["README.md"]
    assert text == make_card(REPO, whole.summaries[:1], [])["README.md"]


def test_summaries_of_nothing_are_refused(whole):
    first = whole.summaries[0]
    for bad, told in [([], "nothing"), ([first, first], "warp, warp"), ([{"config": "c"}], "c")]:
        with pytest.raises(ValueError, match=f"summaries of {told}: give one of each config"):
            make_card(REPO, bad, [])


@pytest.mark.parametrize("missing", ["matplotlib", "jinja2"])
def test_what_is_not_installed_is_named_with_its_extra(missing, whole, monkeypatch):
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(ValueError, match=rf"{missing}: pip install 'jit-synthesis\[publish\]'"):
        make_card(REPO, whole.summaries[:1], [])


def test_the_same_bytes_each_time(whole, tmp_path, processes: Processes):
    """In other processes, under other hash seeds and other settings of matplotlib."""
    (tmp_path / "matplotlibrc").write_text("font.size: 30\naxes.facecolor: red\n")
    (tmp_path / "summaries.json").write_text(json.dumps(whole.summaries[1:2]))
    script = (
        "import hashlib, json, sys\n"
        "from pipeline.card.readme import make_card\n"
        "summaries = json.load(open('summaries.json'))\n"
        f"for path, content in make_card({REPO!r}, summaries, {CHANGELOG!r}).items():\n"
        "    print(path, hashlib.sha256(content).hexdigest())\n"
    )
    mine = [
        f"{path} {hashlib.sha256(content).hexdigest()}"
        for path, content in make_card(REPO, whole.summaries[1:2], CHANGELOG).items()
    ]
    for seed in ("1", "2"):
        run = processes.run("-c", script, cwd=tmp_path, PYTHONHASHSEED=seed)
        assert run.stdout.splitlines() == mine, run.stderr


def test_words_are_of_every_column_and_tier():
    everything = {(config, column) for config in CONFIGS for column in FEATURES[config]}
    assert {column for _, column in everything} == set(columns.COLUMNS)
    assert set(columns.CONFIGS) == set(CONFIGS)
    assert list(columns.TIERS) == list(TIERS)
    told = [(line[0].strip("`"), line[1], line[3]) for line in columns.lines(CONFIGS)]
    spread = {
        (config, column)
        for column, having, _ in told
        for config in (CONFIGS if having == "all" else having.replace("`", "").split(", "))
    }
    assert spread == everything
    assert sum(len(CONFIGS) if h == "all" else h.count(",") + 1 for _, h, _ in told) == len(spread)
    for _, _, words in told:
        assert words.endswith((".", "…"))
    fields = columns.element(FEATURES["warp"]["inputs"])
    assert list(fields) == list(columns.ARGUMENT)
    assert columns.kind(FEATURES["warp"]["operations"]) == "list of string"
    # The manual's tables are these words: see readme_rows.
    manual = README.read_text(encoding="utf-8")
    assert all(f"| {words}" in manual for words in columns.TIERS.values())
    assert all(words in manual for _, _, words in told)


def test_pieces_of_markdown():
    assert [share(*pair) for pair in ((0, 9), (9, 9), (1, 3), (99_999, 100_000), (1, 10**6))] == [
        "0 %",
        "100 %",
        "33.3 %",
        "over 99.9 %",
        "under 0.1 %",
    ]
    sizes = (0, 4_999, 12_000, 1_250_000, 2_345_678_901)
    assert [megabytes(size) for size in sizes] == [
        "under 0.01 MB",
        "under 0.01 MB",
        "0.01 MB",
        "1.2 MB",
        "2,346 MB",
    ]
    for text in ("a", "`a`", "a``b", "a\nb", "|"):
        [inline] = [t for t in MarkdownIt().parse(code(text)) if t.type == "inline"]
        assert [t.content for t in inline.children] == [text.replace("\n", " ")]
        [block] = MarkdownIt().parse(fence(text))
        assert block.content == text + "\n"
    assert table(("a", "b"), [("x|y", r"x\|y")]).splitlines()[-1] == r"| x\|y | x\|y |"


def test_plots_need_no_display_and_leave_no_state(whole):
    import matplotlib

    before = dict(matplotlib.rcParams)
    found = plots.draw(whole.summaries[2])
    assert set(found) == {"categories", "lengths", "operations", "opcodes"}
    assert dict(matplotlib.rcParams) == before
    assert "matplotlib.pyplot" not in sys.modules
