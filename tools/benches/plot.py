"""The plot of the table: how much of each bound is reached. A bar that passes the line has met it."""

from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure as Canvas

from tools.benches import words
from tools.benches.figure import Figure, Row

MET, MISSED = "#2f7d4f", "#b5452c"
LONGEST = 3.0
"""A bar is cut here: a figure ten times better than its bound would hide the others."""


def draw(rows: list[Row], target: Path) -> None:
    bars = [(row, each) for row in rows for each in row.figures if each.reach is not None]
    if not bars:
        target.unlink(missing_ok=True)
        return
    # the same figures give the same file, with text as text
    with mpl.rc_context({"svg.hashsalt": "sluice", "svg.fonttype": "none", "font.family": "sans-serif", "font.size": 9}):
        canvas = Canvas(figsize=(9, 0.8 + 0.3 * len(bars)), layout="constrained")
        _fill(canvas, bars)
        canvas.savefig(target, metadata={"Date": None})


def _fill(canvas: Canvas, bars: list[tuple[Row, Figure]]) -> None:
    axes = canvas.subplots()
    for place, (_, each) in enumerate(bars):
        assert each.reach is not None
        share = min(LONGEST, each.reach.share(each.median))
        axes.barh(place, share, color=MET if each.met else MISSED, height=0.65)
        said = f"{words.number(each.median)} {each.unit}   ({words.reach(each.reach)})"
        axes.text(share + 0.02, place, said, va="center")
    axes.axvline(1.0, color="black", linewidth=0.8)
    axes.set_yticks(range(len(bars)), [f"{row.name}: {each.name}" for row, each in bars])
    axes.set_xlim(0, LONGEST + 1.2)
    axes.set_xticks([0, 1, 2, 3], ["0", "as promised", "2x", "3x"])
    axes.invert_yaxis()
    axes.spines[["top", "right"]].set_visible(False)
