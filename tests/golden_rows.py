"""The golden rows: a few of each category, checked in; run this file to renew them."""

from __future__ import annotations

import json
from pathlib import Path

import extractors
import generators
from jit_synthesis import JitSynthesisConfig, rows

FOLDER = Path(__file__).parent / "golden"
SEED = 2024
EACH = {"warp": 1, "jax": 1, "stablehlo": 1, "paired": 1}  # rows a category


def config_of(name: str) -> JitSynthesisConfig:
    """Return the config whose first rows are kept."""
    count = EACH[name] * len(generators.categories(name, extended=True))
    return JitSynthesisConfig(name, seed=SEED, num_train=count, extended=True)


def fresh(name: str) -> list[str]:
    """Return the first rows of a config as JSON lines, made now."""
    config = config_of(name)
    made = rows(config, "train", 0, config.num_train)
    return [json.dumps(row, ensure_ascii=False) for row in made]


def toolchain_line(name: str) -> str:
    """Return the versions that decide the bytes of a config's rows, as the file's first line."""
    kept = {k: v for k, v in extractors.toolchain(name).items() if k != "python"}
    return json.dumps({"generator": generators.GENERATOR_VERSION, **kept})


def kept(name: str) -> list[str]:
    """Return the checked-in lines of a config: the toolchain, then the rows."""
    return (FOLDER / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name in EACH:
        path = FOLDER / f"{name}.jsonl"
        path.write_text("\n".join([toolchain_line(name), *fresh(name), ""]), encoding="utf-8")
        print(f"{path}: {len(path.read_text().splitlines()) - 1} rows")
