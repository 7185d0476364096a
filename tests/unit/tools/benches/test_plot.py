from pathlib import Path

from tools.benches.figure import Row, at_least, at_most, figure
from tools.benches.plot import draw

ROWS = [
    Row(
        "kafka",
        "Kafka",
        (figure("throughput", "events/s", [9.0], at_least(10)), figure("CPU", "µs", [1.0], at_most(50)), figure("x", "y", [1.0])),
    )
]


def test_the_same_figures_give_the_same_picture(tmp_path: Path) -> None:
    draw(ROWS, tmp_path / "one.svg")
    draw(ROWS, tmp_path / "two.svg")
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()


def test_figures_without_a_bound_are_not_drawn(tmp_path: Path) -> None:
    draw(ROWS, tmp_path / "plot.svg")
    drawn = (tmp_path / "plot.svg").read_text()
    assert "kafka: throughput" in drawn
    assert "kafka: x" not in drawn


def test_nothing_to_draw_leaves_no_picture(tmp_path: Path) -> None:
    (tmp_path / "plot.svg").touch()
    draw([Row("mesh", "mesh", skipped="no")], tmp_path / "plot.svg")
    assert not (tmp_path / "plot.svg").exists()
