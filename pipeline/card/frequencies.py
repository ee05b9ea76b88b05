"""Plots of what is in how many rows: operations, and what compiled texts are made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.card.drawing import (
    BLUE,
    GRID,
    GROUND,
    LINE_COLOURS,
    PALE,
    Plot,
    new_figure,
    png,
    whole_ticks,
)
from pipeline.card.markdown import listed, number, share
from pipeline.card.statistics import Group, ordered

NAMED = 15  # of the most frequent


def draw_frequencies(
    name: str, config: str, told: Mapping[str, Any], groups: Sequence[Group]
) -> Plot:
    """A row of two panels a group: the most frequent by name, and how many are in so many rows.

    ``told`` is of `Statistics`; a group's columns are those whose texts are counted, "" for rows.
    """
    heights = [1.1 + 0.18 * min(NAMED, max(map(len, columns.values()))) for _, columns in groups]
    figure, axes = new_figure(8, sum(heights), len(groups), 2, height_ratios=heights)
    alts = []
    for [left, right], (what, columns) in zip(axes, groups, strict=True):
        texts = {
            c: told["total"]["texts"][c] if c else told["total"]["rows"]["all"] for c in columns
        }
        first = _most_frequent(left, columns, texts)
        unit = "rows" if "" in columns else "texts"
        left.set_title(f"{config}: most frequent {what}")
        left.set_xlabel(f"share of {unit}")
        right.set_title(f"{what} in so many {unit} or more")
        right.set_xlabel(unit)
        _coverage(right, columns)
        for column, counts in columns.items():
            whole = texts[column]
            common = [f"{n} ({share(counts[n], whole)} of {unit})" for n in first if n in counts][
                :3
            ]
            rare = [f"{n} {number(rows)}" for n, rows in ordered(counts)[-3:]]
            alts.append(
                f"{f'{column}: ' if column else ''}{number(len(counts))} {what}; most frequent "
                f"{listed(common)}; rarest, in {unit}, {listed(rare)}"
            )
    alt = (
        f"Frequencies in {config}: the most frequent by name, and how many are in so many or "
        f"more. {'. '.join(alts)}."
    )
    return Plot(name, png(figure), alt)


def _most_frequent(
    axes: Any, columns: Mapping[str, Mapping[str, int]], texts: Mapping[str, int]
) -> list[str]:
    """Bars of one column, or a dot for each of several; the names."""
    shares = {
        c: {n: rows / texts[c] for n, rows in counts.items()} for c, counts in columns.items()
    }
    best: dict[str, float] = {}
    for found in shares.values():
        for name, part in found.items():
            best[name] = max(best.get(name, 0), part)
    names = sorted(best, key=lambda name: (-best[name], name))[:NAMED]
    places = range(len(names))
    if len(columns) == 1:
        [found] = shares.values()
        axes.barh(places, [100 * found[n] for n in names], 0.72, color=BLUE)
    else:
        axes.hlines(places, 0, [100 * best[n] for n in names], color=GRID, lw=1.2)
        for colour, found in zip(LINE_COLOURS, shares.values(), strict=False):
            axes.plot([100 * found.get(n, 0) for n in names], places, "o", color=colour, ms=5)
    axes.set_yticks(places, names)
    axes.invert_yaxis()
    axes.tick_params(axis="y", length=0)
    axes.set_xlim(0, None)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g} %")
    return names


def _coverage(axes: Any, columns: Mapping[str, Mapping[str, int]]) -> None:
    """For each column a curve: how many names are in at least so many rows; the rarest named."""
    ends = []
    most = max(rows for counts in columns.values() for rows in counts.values())
    for colour, (column, counts) in zip(LINE_COLOURS, columns.items(), strict=False):
        ranked = ordered(counts)
        rows = [n for _, n in reversed(ranked)]
        names = range(len(rows), 0, -1)
        axes.step([1, *rows], [len(rows), *names], color=colour, lw=1.8, where="pre", zorder=5)
        ends.append((len(rows), colour, f"{column} {number(len(rows))}".strip()))
    axes.set_xscale("log")
    axes.set_xlim(0.95, most * 1.1)
    axes.set_ylim(0, max(end for end, _, _ in ends) * 1.12)
    axes.grid(True, lw=0.6)
    axes.set_axisbelow(True)
    whole_ticks(axes.yaxis)
    axes.xaxis.set_major_formatter(lambda value, _: number(round(value)))
    few = most < 10  # no power of ten is in reach: the numbers between tell the scale
    axes.xaxis.set_minor_formatter(lambda value, _: number(round(value)) if few else "")
    _direct_labels(axes, ends)
    rare = [f"{name} {number(rows)}" for name, rows in _rarest(columns)]
    axes.annotate(
        "\n".join(["rarest:", *rare]),
        (1, 1),
        xycoords="axes fraction",
        xytext=(-4, -10 - 13 * len(ends)),
        textcoords="offset points",
        ha="right",
        va="top",
        color=PALE,
        fontsize=8,
        bbox={"facecolor": GROUND, "edgecolor": "none", "pad": 1},
    )


def _rarest(columns: Mapping[str, Mapping[str, int]], count: int = 3) -> list[tuple[str, int]]:
    """What is in the fewest rows, of several columns in the one that has it most."""
    most: dict[str, int] = {}
    for counts in columns.values():
        for name, rows in counts.items():
            most[name] = max(most.get(name, 0), rows)
    return ordered(most)[-count:]


def _direct_labels(axes: Any, ends: Sequence[tuple[int, str, str]]) -> None:
    """Names of curves, below each other where the curves are at their lowest, in their colours."""
    for place, (_, colour, label) in enumerate(ends):
        axes.annotate(
            label,
            (1, 1),
            xycoords="axes fraction",
            xytext=(-4, -6 - 13 * place),
            textcoords="offset points",
            ha="right",
            va="top",
            color=colour,
            fontweight="bold",
            bbox={"facecolor": GROUND, "edgecolor": "none", "pad": 1},
        )
