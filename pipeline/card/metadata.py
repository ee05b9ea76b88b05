"""The metadata on top of the card, written and read by datasets' own classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import datasets
import yaml
from datasets.info import DatasetInfosDict
from datasets.utils.metadata import MetadataConfigs
from huggingface_hub import DatasetCard, DatasetCardData

from jit_synthesis import FEATURES, SPLITS
from pipeline.card import tables

LICENSE = "apache-2.0"
TAGS = {
    "": ("code", "code-generation", "compilers", "autodiff", "synthetic"),
    "warp": ("warp", "cuda", "c++"),
    "jax": ("jax", "hlo"),
    "stablehlo": ("jax", "hlo", "stablehlo"),
    "paired": ("warp", "jax", "cuda", "c++", "hlo"),
}
SIZES = ("n<1K", "1K<n<10K", "10K<n<100K", "100K<n<1M", "1M<n<10M", "10M<n<100M", "100M<n<1B")


def own_configs(configs: Sequence[str]) -> list[str]:
    """The names of configs and of their samples in the repository."""
    return [name for config in configs for name in (config, f"{config}-sample")]


def metadata(summaries: Sequence[Mapping[str, Any]], title: str, kept: str) -> DatasetCardData:
    """The YAML: what the Hub searches by, and what load_dataset reads.

    ``kept`` is the README that stands there: configs in it that are not of the summaries stay.
    Raises ValueError where it cannot be read.
    """
    configs = [summary["config"] for summary in summaries]
    tags = dict.fromkeys(tag for name in ("", *configs) for tag in TAGS[name])
    rows = sum(map(tables.rows_of, summaries))
    data = DatasetCardData(
        license=LICENSE,
        pretty_name=f"JIT synthesis: {title}",
        language=["code"],
        annotations_creators=["machine-generated"],
        language_creators=["machine-generated"],
        source_datasets=["original"],
        task_categories=["text-generation"],
        tags=list(tags),
        size_categories=[size_category(rows)],
    )
    known, infos = _kept(kept, own_configs(configs))
    own, default = MetadataConfigs(), not any(config.get("default") for config in known)
    for summary in summaries:
        config = summary["config"]
        splits = [split for split in SPLITS if split in summary["splits"]]
        own[config] = {
            "data_files": [{"split": s, "path": f"{config}/{s}-*.parquet"} for s in splits],
            **({"default": True} if default else {}),
        }
        default = False
        sample = {"split": "train", "path": f"{config}-sample/train-*.parquet"}
        own[f"{config}-sample"] = {"data_files": [sample]}
    own.to_dataset_card_data(data)
    _infos(summaries).to_dataset_card_data(data)
    # In the order of the summaries, the others after them as they stood.
    for field, others in (("configs", known), ("dataset_info", infos)):
        ours = sorted(data[field], key=lambda told: own_configs(configs).index(told["config_name"]))
        data[field] = [*ours, *others]
    return data


def _kept(readme: str, own: Sequence[str]) -> tuple[list[dict], list[dict]]:
    """The configs and the dataset_info of a README that are none of our own."""
    if not readme.strip():
        return [], []
    try:
        data: Any = DatasetCard(readme, ignore_metadata_errors=True).data
        configs = list(MetadataConfigs.from_dataset_card_data(data))
        found = data.get("configs") or []
    except (TypeError, ValueError, yaml.YAMLError) as error:
        [line, *_] = str(error).strip().splitlines()
        raise ValueError(
            f"the README.md that stands there has metadata that cannot be read ({line}): mend or "
            "remove it"
        ) from error
    infos = data.get("dataset_info") or []
    infos = [infos] if isinstance(infos, dict) else infos
    infos = [{"config_name": "default"} | info for info in infos]
    names = [name for name in configs if name not in own]
    return (
        [config for config in found if config["config_name"] in names],
        [info for info in infos if info["config_name"] not in own],
    )


def _infos(summaries: Sequence[Mapping[str, Any]]) -> DatasetInfosDict:
    """Features, splits and sizes of each config and of its sample."""
    found = DatasetInfosDict()
    for summary in summaries:
        config, told = summary["config"], summary["splits"]
        sample = {"rows": summary["sample_rows"], **summary.get("sample", {})}
        found[config] = _info(config, {s: told[s] for s in SPLITS if s in told})
        found[f"{config}-sample"] = _info(config, {"train": sample})
    return found


def _info(config: str, told: Mapping[str, Mapping[str, int]]) -> datasets.DatasetInfo:
    """What is known: of a sample perhaps not how large it is, and then no size is told."""
    info = datasets.DatasetInfo(features=FEATURES[config])
    if all("bytes" in split and "memory_bytes" in split for split in told.values()):
        splits = datasets.SplitDict(dataset_name="jit_synthesis")
        for split, size in told.items():
            splits[split] = datasets.SplitInfo(
                name=split, num_bytes=size["memory_bytes"], num_examples=size["rows"]
            )
        info.splits = splits
        info.download_size = sum(size["bytes"] for size in told.values())
        info.dataset_size = sum(size["memory_bytes"] for size in told.values())
    return info


def size_category(rows: int) -> str:
    """The Hub's word for so many rows."""
    return SIZES[min(max(0, len(str(rows)) - 3), len(SIZES) - 1)]
