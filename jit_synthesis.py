"""Kernels and their compiled code as a Hugging Face dataset: configs, features, rows, builder.

Importing this module lets ``load_dataset("./jit_synthesis.py", "warp")`` find it by name, also on
the versions of datasets that no longer run scripts.
"""

from __future__ import annotations

import hashlib
import json
import operator
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, fields
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import datasets

import extractors
import generators
import verification
from extractors.outcomes import COLUMNS, DEVICES, MODES
from verification import (
    DEFAULT_MODES,
    LEVELS,
    TIERS,
    Compiler,
    LazyRow,
    Rejection,
    Yield,
    attempt,
    differing,
    rows,
    sources,
    warn,
)

__version__ = "0.1.0"
CONFIGS = tuple(COLUMNS)
SPLITS = generators.SPLITS


def _features(config: str) -> datasets.Features:
    text, number = datasets.Value("string"), datasets.Value("float64")
    argument = {"name": text, "role": text, "dtype": text, "shape": [datasets.Value("int32")]}
    own = ("kernel_name", *sources(config), *COLUMNS[config], "type")
    return datasets.Features(
        {
            "id": datasets.Value("int64"),
            **dict.fromkeys(own, text),
            "category": datasets.ClassLabel(names=list(generators.TYPES)),
            "inputs": [{**argument, "low": number, "high": number}],
            "operations": [text],
            "differentiable": datasets.Value("bool"),
            "verified": datasets.ClassLabel(names=list(TIERS)),
            "fingerprint": text,
            "structure": text,
            "row_key": text,
        }
    )


FEATURES = {config: _features(config) for config in CONFIGS}


def _code_hash() -> str:
    """Hash every source file that shapes a row, by its path inside the project."""
    digest = hashlib.sha256(Path(__file__).read_bytes())
    for package in (generators, extractors, verification):
        root = Path(str(package.__file__)).parent
        for path in sorted(root.rglob("*.py")):
            digest.update(f"\0{root.name}/{path.relative_to(root).as_posix()}\0".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


CODE_HASH = _code_hash()  # of the code as imported: a later edit must not pass for what ran


def _choose(what: str, value: object, choices: Sequence[str]) -> None:
    if value not in choices:
        raise ValueError(f"unknown {what} {value!r}: choose from {', '.join(choices)}")


def _whole(name: str, value: Any, low: int, high: int) -> int:
    """The integer that ``value`` is, refused outside [low, high]."""
    try:
        number = None if isinstance(value, bool) else operator.index(value)
    except TypeError:
        number = None
    if number is None or not low <= number <= high:
        raise ValueError(f"{name}={value!r} must be an integer from {low} to {high}")
    return number


@dataclass(eq=False)
class JitSynthesisConfig(datasets.BuilderConfig):
    """What to generate: rows a split, seed, kernel types, which compiled columns to fill, and up
    to which tier to verify.

    ``mode`` None means "both" for warp and jax, "forward" for stablehlo. ``categories`` None means
    all of the config's. ``verify`` None means "extract", or what ``min_verified`` needs; a kernel
    below ``min_verified`` is replaced by its index's next variant. Raises ValueError, naming the
    value and the choices, for a bad option.
    """

    version: Any = __version__
    num_train: int = 1500
    num_validation: int = 150
    num_test: int = 150
    seed: int = 0
    categories: Sequence[str] | None = None
    extended: bool = False
    device: str = "both"
    mode: str | None = None
    preamble: bool = False
    verify: str | None = None
    min_verified: str | None = None
    num_shards: int = 16

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check()

    def check(self) -> None:
        """Normalise and validate every option; datasets sets options after construction too."""
        _choose("config", self.name, CONFIGS)
        for split in SPLITS:
            name = f"num_{split}"
            setattr(self, name, _whole(name, getattr(self, name), 0, 2**63 - 1))
        self.seed = _whole("seed", self.seed, 0, 2**64 - 1)
        self.num_shards = _whole("num_shards", self.num_shards, 1, 2**31 - 1)
        for name in ("extended", "preamble"):
            if not isinstance(getattr(self, name), bool):
                raise ValueError(f"{name}={getattr(self, name)!r} must be True or False")
        _choose("device", self.device, DEVICES)
        self.mode = DEFAULT_MODES[self.name] if self.mode is None else self.mode
        _choose("mode", self.mode, MODES)
        if self.preamble and self.name not in ("warp", "paired"):
            raise ValueError(f"preamble=True is Warp's: leave it out for config {self.name}")
        if self.device == "cuda" and self.name == "jax":
            raise ValueError("device='cuda' gives an empty row: jax rows hold HLO; use 'cpu'")
        if isinstance(self.categories, str):
            names = (name.strip() for name in self.categories.split(","))
            self.categories = [name for name in names if name]
        if not isinstance(self.categories, list | tuple | None):
            raise ValueError(f"categories={self.categories!r} must be a list of names")
        if self.categories is not None:
            # Their order and repetition mean nothing to the generators, nor to a cache.
            self.categories = generators.choose(self.name, self.categories, self.extended)
        self._check_tiers()
        if not any(self.count(split) for split in SPLITS):
            raise ValueError("num_train, num_validation and num_test are all 0: set one above 0")
        for split in SPLITS:
            generators.check_count(
                self.name, split, self.count(split), self.categories, self.extended
            )

    def _check_tiers(self) -> None:
        if self.min_verified is not None:
            _choose("min_verified", self.min_verified, TIERS)
        if self.verify is not None:
            _choose("verify", self.verify, LEVELS)
        needed = TIERS.index(self.min_verified or TIERS[0])
        if LEVELS.index(self.level) < needed:
            raise ValueError(
                f"min_verified={self.min_verified!r} is more than verify={self.verify!r} shows: "
                f"leave verify out, or give {LEVELS[needed]!r}"
            )
        if self.min_verified != TIERS[-1]:
            return
        names = generators.choose(self.name, self.categories, self.extended)
        fitting = [n for n in names if generators.has_gradients(self.name, n)]
        if self.categories is None:
            self.categories = None if len(fitting) == len(names) else tuple(fitting)
        elif len(fitting) < len(names):
            [lacking, *_] = (n for n in names if n not in fitting)
            raise ValueError(
                f"min_verified='gradient' leaves nothing of category {lacking!r}, next to none of "
                "whose kernels is differentiable: leave it out, or min_verified='matched'"
            )

    @property
    def level(self) -> str:
        """Up to which tier rows are verified: ``verify``, or what ``min_verified`` needs.

        Not kept in ``verify``: datasets copies a config and sets options on the copy.
        """
        return self.verify or LEVELS[TIERS.index(self.min_verified or TIERS[0])]

    def count(self, split: str) -> int:
        """Rows of a split."""
        return getattr(self, f"num_{split}")

    def create_config_id(self, config_kwargs: dict, custom_features: Any = None) -> str:
        """Name the cache folder after the options in force, however they were given."""
        self.check()
        default = {f.name: f.default for f in fields(JitSynthesisConfig)}
        own = ("num_train", "num_validation", "num_test", "num_shards", "seed")
        given = {name: getattr(self, name) for name in own if getattr(self, name) != default[name]}
        return super().create_config_id(given | differing(self), custom_features)


def parse_row_key(key: str) -> tuple[JitSynthesisConfig, str, int, int]:
    """The config, split, index and variant that a row_key names; ValueError if it names none."""
    if not isinstance(key, str) or "?" not in key:
        raise ValueError(
            f"{key!r} is not a row_key, as in jax?seed=7&split=train&index=17&variant=0"
        )
    name, _, query = key.partition("?")
    values: dict[str, Any] = dict(parse_qsl(query))
    try:
        split, index, variant = (values.pop(k) for k in ("split", "index", "variant"))
        _choose("split", split, SPLITS)
        counts = dict.fromkeys((f"num_{other}" for other in SPLITS), 0)
        counts[f"num_{split}"] = int(index) + 1
        flags = {k: values.pop(k) == "1" for k in ("extended", "preamble") if k in values}
        seed = int(values.pop("seed"))
        config = JitSynthesisConfig(name, seed=seed, **counts, **flags, **values)
        return config, split, int(index), int(variant)
    except KeyError as error:
        raise ValueError(f"{key!r} is not a row_key: {error} is missing in it") from error
    except (TypeError, ValueError) as error:
        raise ValueError(f"{key!r} is not a row_key: {error}") from error


def regenerate(key: str, compiler: Compiler | None = None) -> dict[str, Any]:
    """The row that a row_key names, made anew; ValueError with stage and reason if rejected."""
    config, split, index, variant = parse_row_key(key)
    with extractors.Extractor(config.name) if compiler is None else nullcontext(compiler) as worker:
        (made,) = attempt(config, split, [index], variant, worker)
    if made.row is None:
        why = made.missed
        told = f"{why.stage}: {why.reason} ({why.repro})" if why else "unknown"
        raise ValueError(f"{key} was rejected: {told}")
    return made.row


class JitSynthesis(datasets.GeneratorBasedBuilder):
    """The dataset builder: rows of generated kernels beside what Warp and JAX made of them."""

    BUILDER_CONFIG_CLASS = JitSynthesisConfig
    DEFAULT_CONFIG_NAME = "warp"
    BUILDER_CONFIGS = [JitSynthesisConfig(config) for config in CONFIGS]  # noqa: RUF012
    DEFAULT_WRITER_BATCH_SIZE = 256
    config: JitSynthesisConfig

    def __init__(self, *args: Any, config_name: str | None = None, **kwargs: Any) -> None:
        """Take what any builder takes, and JitSynthesisConfig's fields; ValueError for bad ones."""
        config_name = self.DEFAULT_CONFIG_NAME if config_name is None else config_name
        _choose("config", config_name, CONFIGS)
        # What load_dataset says of names, hashes and files is about this file's path and about
        # the folder it was called in; neither makes a row.
        for name in ("hash", "dataset_name", "data_files"):
            kwargs.pop(name, None)
        self._yields: str | None = None
        self._owner = 0
        versions = extractors.toolchain(str(config_name))
        key = hashlib.sha256(json.dumps([CODE_HASH, versions]).encode()).hexdigest()[:16]
        super().__init__(
            *args, config_name=config_name, dataset_name="jit_synthesis", hash=key, **kwargs
        )

    def get_exported_dataset_info(self) -> datasets.DatasetInfo:
        """Nothing: datasets 3 would take split sizes for other options from a README near by."""
        return datasets.DatasetInfo()

    def _info(self) -> datasets.DatasetInfo:
        versions = extractors.toolchain(self.config.name)
        made_by = ", ".join(f"{name} {version}" for name, version in versions.items())
        return datasets.DatasetInfo(
            description=f"Generated kernels and their compiled code, config {self.config.name}, "
            f"seed {self.config.seed}, {made_by}, code {CODE_HASH}.",
            features=FEATURES[self.config.name],
            license="apache-2.0",
            version=self.config.version,
        )

    def _split_generators(self, dl_manager: Any) -> list[datasets.SplitGenerator]:
        extractors.check_toolchain(self.config.name)
        found = []
        for split in SPLITS:
            count = self.config.count(split)
            parts = min(count, self.config.num_shards)
            edges = [count * part // parts for part in range(parts + 1)] if parts else []
            shards = list(pairwise(edges))
            if shards:
                kwargs = {"split": split, "shards": shards, "lazy": dl_manager.is_streaming}
                found.append(datasets.SplitGenerator(name=split, gen_kwargs=kwargs))
        return found

    def _generate_examples(
        self, split: str, shards: list[tuple[int, int]], lazy: bool
    ) -> Iterator[tuple[int, Mapping[str, Any]]]:
        if lazy:
            columns = tuple(FEATURES[self.config.name])
            for start, stop in shards:
                for index in range(start, stop):
                    yield index, LazyRow(self.config, split, index, columns)
            return
        parent = os.getppid()
        found = Yield(self.config.level)

        def note(missed: Rejection) -> None:
            warn(missed)
            found.note(missed)

        with extractors.Extractor(self.config.name) as worker:
            for start, stop in shards:
                for row in rows(self.config, split, start, stop, compiler=worker, on_reject=note):
                    if os.getpid() != self._owner and os.getppid() != parent:
                        worker.close()  # the process that wanted these rows was killed
                        os._exit(1)
                    found.add(row)
                    yield row["id"], row
        if self._yields:  # left where the process that forked this one will count it
            path = Path(self._yields) / f"{split}-{shards[0][0]}"
            path.write_text(json.dumps(found.told()))

    def _download_and_prepare(self, *args: Any, **kwargs: Any) -> None:
        self._owner = os.getpid()
        found = Yield(self.config.level)
        with tempfile.TemporaryDirectory() as self._yields:
            super()._download_and_prepare(*args, **kwargs)
            for path in sorted(Path(self._yields).iterdir()):
                found.join(json.loads(path.read_text()))
        self._yields = None
        told = [
            f"{reason['stage']}: {reason['reason']} {reason['count']}"
            f"{'' if reason['kept'] else ' (replaced)'}"
            for reason in found.told()["reasons"]
        ]
        self.info.description += f" Yield, {found}. Missed: {'; '.join(told) or 'nothing'}."


def _register() -> None:
    """Let load_dataset find this module by name, wherever it is called.

    Raises ImportError naming the versions that work when datasets is another.
    """
    names = ("jit_synthesis", "jit_synthesis.py", "./jit_synthesis.py", __file__)
    works = "jit_synthesis works with datasets>=3.6,<6"
    if not (3, 6) <= tuple(int(part) for part in datasets.__version__.split(".")[:2]) < (6, 0):
        raise ImportError(f"{works}, not {datasets.__version__}: pip install 'datasets>=3.6,<6'")
    try:
        from datasets.load import DatasetModule, PackagedDatasetModuleFactory
        from datasets.packaged_modules import _PACKAGED_DATASETS_MODULES

        find = PackagedDatasetModuleFactory.get_module
    except (AttributeError, ImportError) as error:
        raise ImportError(f"{works}, and {datasets.__version__} has moved: {error}") from error

    def get_module(self: Any) -> Any:
        # The usual way searches the current folder for data files, and fails in an empty one.
        if self.name not in names:
            return find(self)
        if self.data_files:
            raise ValueError("data_files means nothing to jit_synthesis: it generates its rows")
        return DatasetModule(__name__, CODE_HASH, {"data_files": {}})

    PackagedDatasetModuleFactory.get_module = get_module
    for name in names:
        _PACKAGED_DATASETS_MODULES[name] = (__name__, CODE_HASH)


if __name__ == "jit_synthesis":  # not when datasets 3 runs a copy of this file as a script
    _register()
