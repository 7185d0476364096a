"""docs/cli.md lists every command with its options, and every operation of the API is reached by one."""

import asyncio
import re
from pathlib import Path

import pytest

from sluice_control.openapi import AT_THE_GATEWAY
from tests.commands import LOCAL, REACHES, WITHIN, commands, options
from tools.compatibility import served_here

PAGE = (Path(__file__).resolve().parents[2] / "docs/cli.md").read_text()
LINES = [line for block in re.findall(r"^```\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL) for line in block.splitlines()]


def shown(command: str) -> str:
    """Every line of the page's blocks about a command; `list|show` stands for both."""
    words = command.split()
    return "\n".join(line for line in LINES if _is_about(line.split()[1:] if line.startswith("sluice ") else [], words))


def _is_about(typed: list[str], words: list[str]) -> bool:
    return len(typed) >= len(words) and all(word in one.split("|") for word, one in zip(words, typed, strict=False))


@pytest.mark.parametrize("command", commands())
def test_the_page_has_every_command_with_its_options(command: str) -> None:
    assert shown(command), f"sluice {command} is not in docs/cli.md"
    assert [name for name in options(command) if name not in shown(command)] == []


def test_every_operation_is_reached_by_a_command() -> None:
    served = {operation.name for operation in (*asyncio.run(served_here()), *AT_THE_GATEWAY)}
    reached = {name for names in REACHES.values() for name in names}
    assert reached | set(WITHIN) == served
    assert set(WITHIN.values()) <= reached


def test_every_command_that_asks_is_in_the_table() -> None:
    assert set(REACHES) | LOCAL == set(commands())
