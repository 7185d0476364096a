"""Links lead somewhere, examples load and commands exist, in every document of the house."""

from pathlib import Path

import pytest

from tests.house.documents import faults

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
