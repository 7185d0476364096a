"""Whatever the API says no with, a person is told what to do."""

import re

import pytest

from sluice_cli.hints import _BY_CODE, hint
from sluice_control.fss import CODES
from tests.commands import commands

COMMAND = re.compile(r"`sluice ([a-z -]+?)(?: [A-Z].*?| --.*?)?`")


@pytest.mark.parametrize("code", CODES)
def test_every_code_has_something_to_do(code: str) -> None:
    assert hint(CODES[code][0], code, CODES[code][1])


def test_every_hint_is_of_a_code_there_is() -> None:
    assert set(_BY_CODE) <= set(CODES)


def test_an_answer_that_has_no_code_is_not_left_alone() -> None:
    assert "sluice doctor" in hint(502, "", "the API answered 502")
    assert "sluice doctor" in hint(599, "", "")


def test_a_message_that_says_what_to_do_is_enough() -> None:
    assert hint(404, "FSS.1131", "there is no trigger x; `sluice get triggers` lists them") == ""


def test_hints_name_commands_that_there_are() -> None:
    known = commands()
    told = [words for code in CODES for words in COMMAND.findall(hint(CODES[code][0], code, ""))]
    assert told
    for words in told:
        assert any(" ".join(words.split()[:length]) in known for length in (1, 2)), words
