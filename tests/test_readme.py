"""The README is the card and the manual: what it shows must be so."""

import ast
import re
import shlex

import golden_rows
import pytest
import readme_rows
import yaml
from huggingface_hub import DatasetCard

from jit_synthesis import COLUMNS, CONFIGS, FEATURES

TEXT = readme_rows.README.read_text(encoding="utf-8")
PYTHON = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
SHELL = re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL)


def test_rows_are_those_the_code_makes():
    for name in CONFIGS:
        if golden_rows.kept(name)[0] != golden_rows.toolchain_line(name):
            pytest.skip("another toolchain than the README's rows were made with")
    assert readme_rows.renewed(TEXT) == TEXT, "renew it with: make golden"


def test_front_matter_is_a_dataset_cards():
    data = yaml.safe_load(TEXT.split("---\n")[1])
    assert {"license", "pretty_name", "tags", "task_categories", "size_categories"} <= set(data)
    assert [c["config_name"] for c in data["configs"]] == list(CONFIGS)
    card = DatasetCard(TEXT)
    assert card.data.license == "apache-2.0"
    assert card.text.lstrip().startswith("# jit_synthesis")


def test_it_begins_with_the_two_commands():
    assert SHELL[0].split()[:2] == ["make", "data"]
    assert "\nmake test" in SHELL[0]


@pytest.mark.parametrize("block", PYTHON)
def test_python_is_python(block):
    ast.parse(block)


def test_every_column_is_told():
    for config in CONFIGS:
        for column in FEATURES[config]:
            assert f"`{column}`" in TEXT, column


def test_commands_are_commands(capsys):
    from pipeline.cli import main

    lines = [line.split("#")[0] for block in SHELL for line in block.splitlines()]
    commands = [shlex.split(line)[1:] for line in lines if line.startswith("jit-synthesis")]
    others = {"show", "extract", "verify", "browse", "publish", "regenerate", "shard", "gather"}
    assert {c[0] for c in commands} == {*COLUMNS, *others}
    for command in {c[0]: c for c in commands}.values():
        assert main([command[0], "--help"]) == 0
        told = capsys.readouterr().out
        for option in (word for word in command if word.startswith("--")):
            assert option in told
