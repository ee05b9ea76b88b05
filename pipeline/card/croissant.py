"""Croissant metadata (``croissant.json``): what the files are, and every column typed and told.

Plain JSON as the Hub writes it, so that nothing but Python is needed; tests read it with
``mlcroissant``. https://docs.mlcommons.org/croissant/docs/croissant-spec.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import datasets

from jit_synthesis import FEATURES, SPLITS
from pipeline.card import columns
from pipeline.card.markdown import listed, number

_CROISSANT = (
    "citeAs column conformsTo equivalentProperty extract field fileProperty fileObject fileSet "
    "format includes isLiveDataset jsonPath key md5 parentField path recordSet references regex "
    "repeated replace samplingRate separator source subField transform"
)
CONTEXT = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "dct": "http://purl.org/dc/terms/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "sc": "https://schema.org/",
    **{name: f"cr:{name}" for name in _CROISSANT.split()},
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
}
TYPES = {
    "string": "sc:Text",
    "int32": "sc:Integer",
    "int64": "sc:Integer",
    "float64": "sc:Float",
    "bool": "sc:Boolean",
}
LABELS = ("category", "verified")


def croissant(
    repo: str,
    summaries: Sequence[Mapping[str, Any]],
    *,
    title: str,
    license: str,
    cite: str,
    published: str = "",
) -> str:
    """The metadata as JSON text: one record set a config, all of its splits in it.

    ``license`` is an address, ``cite`` BibTeX, ``published`` a date such as 2026-11-25 if known.
    """
    url = f"https://huggingface.co/datasets/{repo}"
    rows = {s["config"]: sum(part["rows"] for part in s["splits"].values()) for s in summaries}
    told = listed([f"{name} ({number(count)} rows)" for name, count in rows.items()])
    data = {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": repo.rpartition("/")[2],
        "alternateName": [repo],
        "description": f"JIT synthesis: {title}. Configs: {told}.",
        "license": license,
        "url": url,
        "version": max((s["version"] for s in summaries), key=_release),
        **({"datePublished": published} if published else {}),
        "citeAs": cite,
        "creator": {"@type": "sc:Organization", "name": "The jit_synthesis authors", "url": url},
        "keywords": ["code generation", "compilers", "synthetic", *rows],
        "isLiveDataset": False,
        "distribution": [
            {
                "@type": "cr:FileObject",
                "@id": "repo",
                "name": "repo",
                "description": "The repository on the Hugging Face Hub.",
                "contentUrl": url,
                "encodingFormat": "git+https",
                # What the Hub itself writes: a repository has no checksum that could stand here.
                "sha256": "https://github.com/mlcommons/croissant/issues/80",
            },
            *map(_files, rows),
        ],
        "recordSet": [
            *(_labels(name, FEATURES[next(iter(rows))][name]) for name in LABELS),
            *(_set for s in summaries for _set in _records(s, rows[s["config"]])),
        ],
    }
    return json.dumps(data, indent=1, ensure_ascii=False) + "\n"


def _release(version: str) -> list[int]:
    return [int(part) for part in version.split(".") if part.isdigit()]


def _files(config: str) -> dict[str, Any]:
    return {
        "@type": "cr:FileSet",
        "@id": f"{config}-files",
        "name": f"{config}-files",
        "description": f"The Parquet files of config {config}.",
        "containedIn": {"@id": "repo"},
        "encodingFormat": "application/x-parquet",
        "includes": f"{config}/*.parquet",
    }


def _labels(name: str, feature: datasets.ClassLabel) -> dict[str, Any]:
    """The names of a label, by the number that stands in the files."""
    own = f"{name}-labels"
    parts = {
        "value": ("The number in the files.", "sc:Integer"),
        "label": ("The name.", "sc:Text"),
    }
    return {
        "@type": "cr:RecordSet",
        "@id": own,
        "name": own,
        "description": f"The labels of column {name}.",
        "dataType": "sc:Enumeration",
        "key": {"@id": f"{own}/value"},
        "field": [
            {
                "@type": "cr:Field",
                "@id": f"{own}/{part}",
                "name": part,
                "description": told,
                "dataType": kind,
            }
            for part, (told, kind) in parts.items()
        ],
        "data": [
            {f"{own}/value": value, f"{own}/label": label}
            for value, label in enumerate(feature.names)
        ],
    }


def _records(summary: Mapping[str, Any], rows: int) -> list[dict[str, Any]]:
    """The record sets of a config: its splits, its rows."""
    config = summary["config"]
    splits = [split for split in SPLITS if split in summary["splits"]]
    own = f"{config}-splits"
    found = {
        "@type": "cr:RecordSet",
        "@id": own,
        "name": own,
        "description": f"The splits of config {config}.",
        "dataType": "cr:Split",
        "key": {"@id": f"{own}/name"},
        "field": [
            {
                "@type": "cr:Field",
                "@id": f"{own}/name",
                "name": "name",
                "description": "The split's name.",
                "dataType": "sc:Text",
            }
        ],
        "data": [{f"{own}/name": split} for split in splits],
    }
    split = {
        "@type": "cr:Field",
        "@id": f"{config}/split",
        "name": "split",
        "description": "The split that the row is of.",
        "dataType": "sc:Text",
        "references": {"field": {"@id": f"{own}/name"}},
        "source": {
            "fileSet": {"@id": f"{config}-files"},
            "extract": {"fileProperty": "filename"},
            # It also matches a split by itself: mlcroissant applies it to what came of it once
            # more. To read one split alone it makes a glob of it, which it must be simple for.
            "transform": {"regex": f"({'|'.join(splits)}).*"},
        },
    }
    python, compiled = columns.CONFIGS[config]
    rest = {
        "@type": "cr:RecordSet",
        "@id": config,
        "name": config,
        "description": f"{number(rows)} rows: {python}; {compiled}.",
        "field": [split, *(_field(config, *column) for column in FEATURES[config].items())],
    }
    return [found, rest]


def _field(config: str, column: str, feature: Any) -> dict[str, Any]:
    field: dict[str, Any] = {
        "@type": "cr:Field",
        "@id": f"{config}/{column}",
        "name": column,
        "description": columns.describe(config, column).told,
    }
    if isinstance(feature, datasets.ClassLabel):
        # No reference: beside that of the split, mlcroissant could not read one split alone.
        field["description"] += f" A number: its name is in record set {column}-labels."
    inner = columns.element(feature)
    if inner is not None:
        field["repeated"] = True
    if isinstance(inner, dict):
        return field | {"subField": [_part(config, column, *part) for part in inner.items()]}
    return field | {"dataType": _type(inner or feature), "source": _source(config, column)}


def _part(config: str, column: str, name: str, feature: Any) -> dict[str, Any]:
    """A field of the entries of a list."""
    inner = columns.element(feature)
    return {
        "@type": "cr:Field",
        "@id": f"{config}/{column}/{name}",
        "name": name,
        "description": columns.ARGUMENT[name],
        "dataType": _type(inner or feature),
        **({"repeated": True} if inner is not None else {}),
        "source": _source(config, column) | {"transform": {"jsonPath": name}},
    }


def _source(config: str, column: str) -> dict[str, Any]:
    return {"fileSet": {"@id": f"{config}-files"}, "extract": {"column": column}}


def _type(feature: Any) -> str:
    return "sc:Integer" if isinstance(feature, datasets.ClassLabel) else TYPES[feature.dtype]
