"""The card of a published dataset, made from its summaries alone: README.md, plots, Croissant.

A summary is one JSON object a config, as it stands in the repository's ``metadata/``: rows and
bytes a split, the yield, the statistics, what was distinct, an example, versions and options.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any

from extractors.outcomes import COLUMNS
from jit_synthesis import CONFIGS, SPLITS, TIERS
from pipeline.card import plots, tables
from pipeline.card.croissant import croissant
from pipeline.card.markdown import code, counted, example, folded, listed, number, share
from pipeline.card.metadata import metadata, own_configs
from verification.rows import sources

TITLE = "kernels beside what their compilers made of them"
YEAR = 2026
LICENSE_URL = "https://www.apache.org/licenses/LICENSE-2.0"
CITATION = """\
@misc{{jit_synthesis,
  title = {{jit_synthesis: {title}}},
  author = {{The jit_synthesis authors}},
  year = {{{year}}},
  url = {{https://huggingface.co/datasets/{repo}}},
  note = {{Version {versions}}}
}}"""


def make_card(
    repo: str, summaries: Sequence[Mapping[str, Any]], changelog: Sequence[str], kept: str = ""
) -> dict[str, bytes]:
    """Path in the repository → content: ``README.md``, ``assets/*.png``, ``croissant.json``.

    The same bytes for the same arguments. ``changelog`` is one line an entry, Markdown; the latest
    date in it, as in 2026-11-25, is that of publication. ``kept`` is the README that stands there
    now: configs in its metadata that no summary is of stay in the new one's, nothing else of it
    does. Raises ValueError for no or an unknown config, a config told twice, a README whose
    metadata cannot be read, and where the extra [publish] is not installed.
    """
    names = [summary["config"] for summary in summaries]
    unknown = [name for name in names if name not in CONFIGS]
    if not names or unknown or len(set(names)) < len(names):
        raise ValueError(
            f"summaries of {', '.join(names) or 'nothing'}: give one of each config, of "
            f"{', '.join(CONFIGS)}"
        )
    data = metadata(summaries, TITLE, kept)
    drawn = {name: plots.draw(s) for name, s in zip(names, summaries, strict=True)}
    uniqueness = plots.draw_uniqueness(summaries)
    versions = ", ".join(dict.fromkeys(summary["version"] for summary in summaries))
    cite = CITATION.format(title=TITLE, year=YEAR, repo=repo, versions=versions)
    others = [
        c["config_name"] for c in data["configs"] if c["config_name"] not in own_configs(names)
    ]
    text = _template().render(
        repo=repo,
        name=repo.rpartition("/")[2],
        title=TITLE,
        cite=cite,
        summaries=summaries,
        configs=names,
        first=summaries[0],
        rows=sum(map(tables.rows_of, summaries)),
        plots=drawn,
        uniqueness=uniqueness,
        others=others,
        changelog=changelog,
        made_of=_made_of(names),
        unique=all(_unique(summary) for summary in summaries),
        example_split=next(split for split in SPLITS if split in summaries[0]["splits"]),
        python=sources(names[0])[0],
        compiled=_filled(summaries[0])[-1],
        yields={summary["config"]: _yielded(summary) for summary in summaries},
        commands=list(dict.fromkeys(summary["command"] for summary in summaries)),
        limits=_limits(summaries),
        shown=_shown(summaries),
        tables=tables,
        example=example,
        folded=folded,
        counted=counted,
    )
    pictures = [plot for found in drawn.values() for plot in found.values()] + [uniqueness]
    return {
        "README.md": f"---\n{data.to_yaml()}\n---\n\n{text}".encode(),
        **{f"assets/{plot.name}.png": plot.png for plot in pictures},
        "croissant.json": croissant(
            repo,
            summaries,
            title=TITLE,
            license=LICENSE_URL,
            cite=cite,
            published=max(re.findall(r"\b\d{4}-\d\d-\d\d\b", " ".join(changelog)), default=""),
        ).encode(),
    }


def _template() -> Any:
    try:
        import jinja2
    except ImportError:
        raise ValueError("the card needs jinja2: pip install 'jit-synthesis[publish]'") from None
    environment = jinja2.Environment(
        autoescape=False,  # it is Markdown
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=jinja2.StrictUndefined,
    )
    source = resources.files("pipeline.card").joinpath("card.md.jinja")
    return environment.from_string(source.read_text(encoding="utf-8"))


def _made_of(configs: Sequence[str]) -> str:
    """What stands beside the Python, in these configs together."""
    parts = []
    if {"warp", "paired"} & {*configs}:
        parts.append("C++ and CUDA by NVIDIA Warp, forward and adjoint")
    jax = ["HLO"] * bool({"jax", "paired"} & {*configs}) + ["StableHLO"] * ("stablehlo" in configs)
    if jax:
        parts.append(f"{listed(jax)} by JAX, before and after XLA's passes")
    return "; ".join(parts)


def _filled(summary: Mapping[str, Any]) -> list[str]:
    """The compiled columns that hold anything."""
    texts = summary["statistics"]["total"]["texts"]
    return [column for column in COLUMNS[summary["config"]] if texts.get(column)]


def _unique(summary: Mapping[str, Any]) -> bool:
    found = summary["uniqueness"]
    return found["rows"] == found["structures"] == tables.rows_of(summary)


def _yielded(summary: Mapping[str, Any]) -> str:
    """The yield in one line."""
    rows, replaced = tables.rows_of(summary), tables.replaced(summary)
    told = f"{counted(rows + replaced, 'kernel')} generated, {counted(rows, 'row')}"
    return f"{told}, {number(replaced)} replaced" if replaced else f"{told}, none replaced"


def _shown(summaries: Sequence[Mapping[str, Any]]) -> str:
    """What was shown of the rows, in a sentence."""
    parts = []
    for index, told in enumerate(SHOWN):
        tried = [s for s in summaries if tables.level(s) >= index]
        if not tried or (index == 1 and any(tables.level(s) > 1 for s in summaries)):
            continue
        rows = sum(map(tables.rows_of, tried))
        found = sum(tables.reached(s, tier) for s in tried for tier in TIERS[index:])
        where = "all rows"
        if len(tried) < len(summaries):
            where = f"the rows of {listed([code(s['config']) for s in tried])}"
        parts.append(f"{share(found, rows)} of {where} {told}")
    if len(parts) == 1:
        return "The compilers took every text; none was run, and no row claims more than that."
    return f"What was shown of a row stands in its column `verified`: {listed(parts[1:])}."


SHOWN = (
    "were taken by the compiler",
    "ran, with finite output",
    "give the numbers of an independent reference",
    "have a gradient that was shown right",
)


def _limits(summaries: Sequence[Mapping[str, Any]]) -> list[str]:
    """What the dataset is not, as its summaries bear out."""
    told = [summary["statistics"] for summary in summaries]
    configs = [summary["config"] for summary in summaries]
    warp, jax = {"warp", "paired"} & {*configs}, {"jax", "stablehlo", "paired"} & {*configs}
    python = [c for t in told for name, c in t["lines"].items() if name.startswith("python")]
    lines = [int(size) for counts in python for size in counts]
    each = [int(size) for t in told for size in t["operations"]["each"]]
    found = [
        f"Kernels are small: {min(lines)} to {max(lines)} lines of Python, of "
        f"{min(each)} to {max(each)} operations.",
        "The code is synthetic: names and formulas are plausible, not meaningful.",
    ]
    unrun = [f"`{s['config']}`" for s in summaries if not tables.level(s)]
    if len(unrun) < len(summaries):
        cuda = " CUDA text is of the same code generator, and was not compiled." if warp else ""
        found.append(f"What was run, ran on the CPU.{cuda}")
    if unrun:
        found.append(
            f"Nothing of {listed(unrun)} was run: `verified` says that the compiler took the text."
        )
    if jax:
        found.append(
            "Functions of JAX have the shapes of their arguments in their compiled texts. "
            "Optimized HLO is optimized for the CPU."
        )
    smooth = sum(n.get("differentiable", 0) for t in told for n in t["categories"].values())
    rows = sum(map(tables.rows_of, summaries))
    if smooth < rows:
        found.append(
            f"`differentiable` is false in {share(rows - smooth, rows)} of the rows: of those no "
            "right gradient is known."
        )
    for summary, counts in zip(summaries, told, strict=True):
        texts = counts["total"]["texts"]
        for column in (*sources(summary["config"]), *COLUMNS[summary["config"]]):
            empty = tables.rows_of(summary) - texts.get(column, 0)
            if empty:
                found.append(
                    f"`{column}` of `{summary['config']}` is empty in {counted(empty, 'row')}."
                )
    lacking = ["Warp: no meshes, hash grids, volumes or textures."] if warp else []
    lacking += ["JAX: no sharding, no Pallas."] if jax else []
    return [
        *found,
        " ".join(lacking),
        "Compiled texts are those of the versions above: others print other texts.",
    ]
