"""Which compilers are installed, told from their metadata: nothing heavy is imported."""

from __future__ import annotations

import platform
import re
from importlib import metadata

from .outcomes import LANGUAGES, PAIRED

# Distribution -> (first version that works, first that does not, how to say so).
SUPPORTED = {
    "warp-lang": ((1, 19, 0), (1, 20, 0), "warp-lang>=1.19,<1.20"),
    "jax": ((0, 10, 2), (0, 11, 0), "jax>=0.10.2,<0.11"),
    "jaxlib": ((0, 10, 2), (0, 11, 0), "jaxlib>=0.10.2,<0.11"),
}
NEEDS = {"warp": ("warp-lang",), "jax": ("jax", "jaxlib"), "stablehlo": ("jax", "jaxlib")}
NEEDS[PAIRED] = NEEDS["warp"] + NEEDS["jax"]


def toolchain(language: str) -> dict[str, str]:
    """Versions of what makes a row of ``language``; ValueError when it is not installed."""
    versions = {"python": platform.python_version()}
    for name in _needs(language):
        versions[name.removesuffix("-lang")] = _installed(name, language)
    return versions


def check_toolchain(language: str) -> None:
    """Raise ValueError, naming the versions that work, when a compiler is missing or another."""
    for name in _needs(language):
        version = _installed(name, language)
        first, beyond, spelled = SUPPORTED[name]
        if not first <= _release(version) < beyond:
            raise ValueError(
                f"{name} {version} is not supported: {language} rows need {spelled} "
                f'(pip install "{spelled}")'
            )


def _needs(language: str) -> tuple[str, ...]:
    if language not in NEEDS:
        raise ValueError(
            f"unknown language {language!r}: choose from {', '.join((*LANGUAGES, PAIRED))}"
        )
    return NEEDS[language]


def _installed(name: str, language: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        spelled = SUPPORTED[name][2]
        raise ValueError(
            f'{name} is not installed: {language} rows need {spelled} (pip install "{spelled}")'
        ) from None


def _release(version: str) -> tuple[int, ...]:
    """The leading numbers of a version: "1.19.0rc1" gives (1, 19, 0)."""
    found = re.match(r"\d+(?:\.\d+)*", version)
    numbers = [int(part) for part in found.group().split(".")] if found else []
    return tuple([*numbers, 0, 0, 0][:3])
