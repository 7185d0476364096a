"""Links lead somewhere, examples load and commands exist, in every document of the house."""

import importlib
from pathlib import Path

import pytest

from sluice.binding import Ordering
from sluice.host.kinds import installed
from sluice.trigger import TriggerKind
from tests.house.documents import faults, subcommands, unlisted_decisions

ROOT = Path(__file__).resolve().parents[2]
PAGE = """# A page

See [the other](docs/other.md#what-it-is) and [this one](#a-page).

```python
async with link() as stream:
    await stream.ready()
```

```yaml
functions: [{name: hello}]
```

```sh
make test   # and `make new-trigger NAME=x`
```
"""


def tree(root: Path, page: str) -> Path:
    (root / "docs").mkdir()
    (root / "docs/other.md").write_text("# Other\n\n## What it is\n")
    (root / "Makefile").write_text("test: setup ## Everything\nnew-trigger:\n")
    (root / "README.md").write_text(page)
    return root


def test_the_documents_of_this_house_keep_their_promises() -> None:
    assert faults(ROOT) == []


def exists(command: str, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether `sluice COMMAND --help` has something to say."""
    try:
        entry = importlib.import_module("sluice_cli.main")
    except ModuleNotFoundError:
        return False
    monkeypatch.setattr("sys.argv", ["sluice", command, "--help"])
    with pytest.raises(SystemExit) as ended:
        entry.main()
    return ended.value.code in (None, 0)


def test_every_command_the_documents_show_exists(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = subcommands(ROOT)
    assert [f"{path.name}: sluice {name}" for name, path in shown.items() if not exists(name, monkeypatch)] == []


def test_a_command_that_does_not_exist_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not exists("frobnicate", monkeypatch)


def test_commands_are_found_where_a_reader_would_type_them(tmp_path: Path) -> None:
    page = "Run `sluice up --mesh` with a sluice file in sluice.yaml.\n\n```sh\n.venv/bin/sluice apply x.yaml\n$ sluice check y\n```\n"
    assert subcommands(tree(tmp_path, page)).keys() == {"up", "apply", "check"}


def test_every_decision_is_in_the_index() -> None:
    assert unlisted_decisions(ROOT) == []


def test_a_decision_missing_in_the_index_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "docs/decisions"
    folder.mkdir(parents=True)
    (folder / "README.md").write_text("[0001](0001-first.md)")
    for name in ("0001-first.md", "0002-second.md"):
        (folder / name).touch()
    assert unlisted_decisions(tmp_path) == ["0002-second.md"]


def test_a_page_in_order_has_no_faults(tmp_path: Path) -> None:
    assert faults(tree(tmp_path, PAGE)) == []


@pytest.mark.parametrize(
    ("right", "wrong", "fault"),
    [
        ("docs/other.md#", "docs/missing.md#", "README.md: the link docs/missing.md#what-it-is leads nowhere"),
        ("#what-it-is", "#what-it-was", "README.md: the link docs/other.md#what-it-was names no heading"),
        ("(#a-page)", "(#b-page)", "README.md: the link #b-page names no heading"),
        ("await stream", "await await", "README.md:5: the python example does not load"),
        ("[{name: hello}]", "[{name: hello}", "README.md:10: the yaml example does not load"),
        ("make test", "make tests", "README.md: make tests is no target"),
    ],
)
def test_a_broken_promise_is_named(tmp_path: Path, right: str, wrong: str, fault: str) -> None:
    found = faults(tree(tmp_path, PAGE.replace(right, wrong)))
    assert len(found) == 1
    assert found[0].startswith(fault)


def kinds_with_pages() -> list[tuple[TriggerKind, Path]]:
    pages = ((kind, ROOT / "docs" / f"{'apig' if kind.name == 'gateway' else kind.name}.md") for kind in installed())
    return [(kind, page) for kind, page in pages if page.exists()]


@pytest.mark.parametrize(("kind", "page"), kinds_with_pages(), ids=lambda each: getattr(each, "name", ""))
def test_the_page_of_a_kind_says_what_becomes_of_ordering(kind: TriggerKind, page: Path) -> None:
    text, name = page.read_text(), page.relative_to(ROOT)
    assert "`ordering: source`" in text, f"{name} does not say what `ordering: source` keeps"
    has_key = Ordering.KEY in kind.orderings
    assert ("`ordering: key`" in text) is has_key, f"{name} and {kind.name} do not agree on `ordering: key`"
    assert ("`key` is refused" in text) is not has_key, f"{name} and {kind.name} do not agree on whether `key` is refused"
