"""URNs: every short form names the same function."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.errors import Invalid
from sluice.urn import NAME, Urn, parse

FULL = "urn:fss:local-1:p1:function:default:hello"


@pytest.mark.parametrize("text", ["hello", "default:hello", "p1:default:hello", "p1:default:hello:latest", FULL, FULL + ":latest"])
def test_short_forms_name_the_same_function(text: str) -> None:
    assert str(parse(text, region="local-1", project="p1")) == FULL + ":latest"


def test_an_alias_is_told_from_a_version() -> None:
    urn = parse(FULL + ":!prod", region="x", project="y")
    assert (urn.alias, urn.version) == ("prod", None)
    assert parse(FULL + ":v1", region="x", project="y").version == "v1"


@pytest.mark.parametrize("text", ["", "1abc", "a" * 61, "a-", "urn:fss:r:p:workflow:d:f", "a:b:c:d:e", FULL + ":", FULL + ":!", "ä"])
def test_what_is_no_name_is_refused_by_code(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        parse(text, region="local-1", project="p1")
    assert refused.value.code == "FSS.1309"


@given(st.from_regex(NAME, fullmatch=True), st.sampled_from(["latest", "v1", "!prod", "v20260101-101010"]))
def test_a_urn_reads_back_as_itself(name: str, qualifier: str) -> None:
    urn = Urn("local-1", "p1", "default", name, qualifier)
    assert parse(str(urn), region="", project="") == urn
