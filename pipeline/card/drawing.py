"""What all plots share: their style, a figure that no global state knows, its PNG.

They have a ground of their own, so that they read on light and on dark pages alike. Colours are
close to those of Okabe and Ito, which colour-blind people tell apart. matplotlib is imported when
needed.
"""

from __future__ import annotations

import io
from typing import Any, NamedTuple

from pipeline.card.markdown import number
from verification.tasks import TIERS

GROUND, INK, PALE, GRID = "#e8ebef", "#24292f", "#57606a", "#ccd2d9"
BLUE, SKY, GREEN, ORANGE, RED = "#0072B2", "#56B4E9", "#007F5F", "#E69F00", "#D55E00"
TIER_COLOURS = dict(zip(TIERS, ("#8c959f", ORANGE, SKY, BLUE), strict=True))
LINE_COLOURS = (BLUE, RED, GREEN)
STYLE = {
    "font.family": "DejaVu Sans",  # shipped with matplotlib
    "font.size": 9,
    "figure.constrained_layout.h_pad": 0.08,  # inches
    "figure.constrained_layout.w_pad": 0.08,
    "figure.facecolor": GROUND,
    "axes.facecolor": GROUND,
    "axes.edgecolor": GRID,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 9.5,
    "axes.titlelocation": "left",
    "grid.color": GRID,
    "text.color": INK,
    "axes.labelcolor": PALE,
    "xtick.color": PALE,
    "ytick.color": INK,
    "xtick.labelsize": 8,
}


class Plot(NamedTuple):
    """A picture: its name in ``assets/`` without suffix, the PNG, and what is seen on it."""

    name: str
    png: bytes
    alt: str


def style() -> Any:
    """The context to draw in, whatever the user's own settings are.

    Raises ValueError, naming the extra, where matplotlib is not installed.
    """
    try:
        import matplotlib
    except ImportError:
        raise ValueError("plots need matplotlib: pip install 'jit-synthesis[publish]'") from None
    settings: Any = {**matplotlib.rcParamsDefault, "backend": "agg", **STYLE}
    return matplotlib.rc_context(settings)


def new_figure(width: float, height: float, rows: int = 1, columns: int = 1, **more: Any) -> Any:
    """A figure of so many inches that no global state knows, and its axes as rows of columns."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.subplots(rows, columns, squeeze=False, **more)


def png(figure: Any) -> bytes:
    """The figure as a small PNG that says nothing of when and by which version it was made."""
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=130, metadata={"Software": None})
    from PIL import Image

    image = Image.open(file).convert("RGB")
    small = io.BytesIO()
    image.quantize(64, dither=Image.Dither.NONE).save(small, format="png", optimize=True)
    return small.getvalue()


def whole_ticks(axis: Any) -> None:
    """Mark whole numbers only, with thousands separators."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    axis.set_major_locator(MaxNLocator(5, integer=True))
    axis.set_major_formatter(FuncFormatter(lambda value, _: number(round(value))))
