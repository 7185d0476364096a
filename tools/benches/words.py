"""How figures are written for people. Pure."""

from tools.benches.figure import Figure, Reach, Row


def number(value: float) -> str:
    """Three digits that matter, thousands apart: 12,400, 49.7, 0.31."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def reach(bound: Reach | None) -> str:
    if bound is None:
        return ""
    return f"{'≥' if bound.at_least else '≤'} {number(bound.bound)}"


def spread(figure: Figure) -> str:
    """From the least to the most of the runs."""
    return f"{number(min(figure.values))} .. {number(max(figure.values))}" if len(figure.values) > 1 else ""


def verdict(figure: Figure) -> str:
    return {None: "", True: "met", False: "missed"}[figure.met]


MOST_FAILURE = 200
"""Characters of what went wrong; the rest is above the table."""
HEADINGS = ("measure", "figure", "reach", "median", "min .. max", "")


def lines(row: Row) -> list[tuple[str, ...]]:
    """The row as lines of the table; its title stands on the first one."""
    if row.skipped:
        return [(row.title, f"skipped: {row.skipped}", "", "", "", "")]
    if row.failed:
        return [(row.title, row.failed.replace("\n", " ")[:MOST_FAILURE], "", "", "", "failed")]
    titles = [row.title] + [""] * len(row.figures)
    return [
        (title, f"{each.name} ({each.unit})", reach(each.reach), number(each.median), spread(each), verdict(each))
        for title, each in zip(titles, row.figures, strict=False)
    ]


def markdown(rows: list[Row]) -> str:
    """The table for docs/performance.md."""
    head = ["| " + " | ".join(HEADINGS) + " |", "|---|---|--:|--:|--:|---|"]
    return "\n".join(head + ["| " + " | ".join(_emphasised(line)) + " |" for row in rows for line in lines(row)])


def _emphasised(line: tuple[str, ...]) -> tuple[str, ...]:
    return (*line[:-1], f"**{line[-1]}**") if line[-1] in ("missed", "failed") else line


def notes(rows: list[Row]) -> str:
    return "\n".join(f"- **{row.title}**: {row.note}" for row in rows if row.note)
