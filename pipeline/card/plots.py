"""Plots of a dataset from its summaries: PNGs with alt texts, the same bytes each time."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import generators
from pipeline.card.drawing import (
    BLUE,
    GREEN,
    INK,
    ORANGE,
    PALE,
    TIER_COLOURS,
    Plot,
    new_figure,
    png,
    style,
    whole_ticks,
)
from pipeline.card.frequencies import draw_frequencies
from pipeline.card.markdown import listed, number, rounded
from pipeline.card.statistics import TEXTS, Group, floor, quantiles, vocabularies
from verification.tasks import TIERS

BIN_BITS = 4  # eight bins an octave


def draw(summary: Mapping[str, Any]) -> dict[str, Plot]:
    """The plots of one config: ``categories``, ``lengths``, ``operations``, ``opcodes``.

    Raises ValueError, naming the extra, where matplotlib is not installed.
    """
    config, told = summary["config"], summary["statistics"]
    operations: Group = ("operations", {"": told["operations"]["rows"]})
    with style():
        return {
            "categories": _categories(config, told["categories"], summary["yield"]["verify"]),
            "lengths": _lengths(config, told),
            "operations": draw_frequencies(f"{config}-operations", config, told, [operations]),
            "opcodes": draw_frequencies(
                f"{config}-opcodes", config, told, vocabularies(config, told["opcodes"])
            ),
        }


def _categories(config: str, counts: Mapping[str, Mapping[str, int]], verify: str) -> Plot:
    """Rows of each category, by the tier that was shown for them."""
    names = [name for name in generators.TYPES if name in counts]
    figure, [[axes]] = new_figure(8, 1.0 + 0.19 * len(names))
    left = [0] * len(names)
    totals = {tier: sum(counts[n].get(tier, 0) for n in names) for tier in TIERS}
    for tier in reversed(TIERS):
        if not totals[tier]:
            continue
        rows = [counts[name].get(tier, 0) for name in names]
        axes.barh(names, rows, 0.78, left, color=TIER_COLOURS[tier], label=tier)
        left = [a + b for a, b in zip(left, rows, strict=True)]
    axes.invert_yaxis()
    axes.margins(y=0.01)
    axes.set_xlim(0, max(left) * 1.005)
    axes.set_title(f"{config}: rows by category and the tier shown for them", pad=22)
    axes.legend(
        list(axes.containers),
        [f"{t} {number(totals[t])}" for t in reversed(TIERS) if totals[t]],
        loc="lower left",
        bbox_to_anchor=(0, 1),
        ncols=4,
        frameon=False,
        borderaxespad=0,
        handlelength=1,
        handleheight=1,
        handletextpad=0.5,
    )
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel("rows")
    whole_ticks(axes.xaxis)
    whole = sum(left)
    shown = listed([f"{number(totals[t])} {t}" for t in reversed(TIERS) if totals[t]])
    fewest, most = min(left), max(left)
    each = number(most) if fewest == most else f"{number(fewest)} to {number(most)}"
    tried = " Nothing was run." if verify == "extract" else ""
    alt = (
        f"Bars, one a category of {config}, {len(names)} in all with {each} rows each, divided by "
        f"the tier shown: {shown}, of {number(whole)} rows.{tried}"
    )
    return Plot(f"{config}-categories", png(figure), alt)


def _lengths(config: str, told: Mapping[str, Any]) -> Plot:
    """How long the texts of each column are, in lines and in characters."""
    columns = [column for column in TEXTS if column in told["lines"]]
    figure, axes = new_figure(8, 0.7 + 0.72 * len(columns), len(columns), 2, sharex="col")
    alts = []
    for row, column in zip(axes, columns, strict=True):
        colour = GREEN if column.startswith("python") else BLUE
        _spread(row[0], told["lines"][column], colour, number)
        _spread(row[1], told["characters"][column], colour, rounded)
        row[0].set_ylabel(column, rotation=0, ha="right", va="center", color=INK, fontsize=9)
        low, middle, high = quantiles(told["lines"][column], 0.1, 0.5, 0.9)
        size = quantiles(told["characters"][column], 0.5)[0]
        alts.append(
            f"{column} {number(middle)} ({number(low)} to {number(high)}) and {rounded(size)}"
        )
    axes[0][0].set_title(f"{config}: lines of a text", pad=14)
    axes[0][1].set_title("characters of a text", pad=14)
    alt = (
        f"Distributions of the lengths of {config}'s texts on logarithmic scales. Median lines "
        f"(with the 10th and 90th percentile) and median characters: {'; '.join(alts)}."
    )
    return Plot(f"{config}-lengths", png(figure), alt)


def _spread(axes: Any, counts: Mapping[str, int], colour: str, spelled: Any) -> None:
    """A distribution over a logarithmic scale: share of rows an octave, median and middle 80 %."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    bins: dict[int, int] = {}
    for value, rows in counts.items():
        edge = floor(int(value), BIN_BITS)
        bins[edge] = bins.get(edge, 0) + rows
    edges = [min(bins)]
    while edges[-1] <= max(bins):
        edges.append(edges[-1] + (1 << max(0, edges[-1].bit_length() - BIN_BITS)))
    octaves = [math.log2(b / a) for a, b in pairwise(edges)]
    heights = [bins.get(edge, 0) / width for edge, width in zip(edges, octaves, strict=False)]
    low, middle, high = quantiles(counts, 0.1, 0.5, 0.9)
    axes.stairs(heights, edges, fill=True, color=colour, alpha=0.75, lw=0)
    axes.set_xscale("log")
    axes.set_ylim(0, max(heights) * 1.1)
    axes.hlines(0, low, max(high, low * 1.01), color=INK, lw=3, clip_on=False, zorder=4)
    axes.axvline(middle, color=INK, lw=1.2)
    axes.annotate(
        spelled(middle),
        (middle, 1),
        xycoords=("data", "axes fraction"),
        xytext=(3, 0),
        textcoords="offset points",
        fontsize=8,
        va="center",
    )
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.xaxis.set_major_locator(LogLocator(10))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: number(round(value))))
    axes.xaxis.set_minor_formatter(NullFormatter())


def draw_uniqueness(summaries: Sequence[Mapping[str, Any]]) -> Plot:
    """Distinct structures against rows, a panel a config; on the diagonal every row is new.

    Raises ValueError, naming the extra, where matplotlib is not installed.
    """
    with style():
        count = len(summaries)
        figure, [panels] = new_figure(max(4.0, 2.6 * count), 3.0, 1, count)
        alts = []
        for axes, summary in zip(panels, summaries, strict=True):
            found = summary["uniqueness"]
            rows, distinct = zip(*[(0, 0), *found["curve"]], strict=True)
            end = max(found["rows"], 1)
            axes.plot([0, end], [0, end], color=ORANGE, lw=6, alpha=0.45, solid_capstyle="butt")
            axes.plot(rows, distinct, color=BLUE, lw=1.8)
            axes.set_xlim(0, end * 1.02)
            axes.set_ylim(0, end * 1.02)
            axes.set_box_aspect(1)
            axes.grid(True, lw=0.6)
            whole_ticks(axes.xaxis)
            whole_ticks(axes.yaxis)
            axes.tick_params(axis="x", rotation=30)
            axes.set_title(summary["config"])
            told = f"{number(found['structures'])} of {number(found['rows'])}"
            axes.annotate(
                told, (0.97, 0.05), xycoords="axes fraction", ha="right", color=BLUE, weight="bold"
            )
            axes.annotate(
                "all new",
                (0.4, 0.5),
                xycoords="axes fraction",
                ha="center",
                rotation=45,
                color=PALE,
                fontsize=8,
            )
            alts.append(f"{summary['config']} {told}")
        panels[0].set_ylabel("distinct structures")
        figure.supxlabel("rows", fontsize=9, color=PALE)
        alt = (
            "Distinct structures against rows, beside the diagonal on which every row has a new "
            f"one. In the end: {', '.join(alts)}."
        )
        return Plot("uniqueness", png(figure), alt)
