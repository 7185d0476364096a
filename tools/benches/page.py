"""The parts of a document that the bench writes: what stands between `<!-- bench:NAME -->` and `<!-- /bench:NAME -->`. Pure."""

import re


def replaced(text: str, parts: dict[str, str]) -> str:
    """The text with each part between its markers. Raises KeyError for markers that are not there."""
    for name, content in parts.items():
        between = re.compile(rf"(<!-- bench:{re.escape(name)} -->\n).*?(<!-- /bench:{re.escape(name)} -->)", re.DOTALL)
        if not between.search(text):
            raise KeyError(f"no place for {name}")
        text = between.sub(lambda found, content=content: f"{found[1]}{content.rstrip()}\n{found[2]}", text)  # type: ignore[misc]
    return text
