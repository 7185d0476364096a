"""What the mesh knows of the eventgrid kind."""

import json

from sluice_eventgrid import KIND
from sluice_eventgrid.settings import EventGridSettings


def test_the_channel_is_the_source() -> None:
    assert KIND.source_of(EventGridSettings(channel_id="a")) != KIND.source_of(EventGridSettings(channel_id="b"))
    assert KIND.source_of(EventGridSettings(channel_id="a")) == KIND.source_of(EventGridSettings(channel_id="a", event_types=["t"]))


def test_the_sample_is_one_that_the_settings_choose() -> None:
    own = EventGridSettings(source_name="HC.OBS", event_types=["object:put"], subject_prefix="in/")
    record = KIND.sample(own)
    match = KIND.matcher(own, "")
    assert match is not None
    assert match(record) == ""
    assert json.loads(record.value or b"")["subject"] == "in/sample"


def test_the_kind_is_pushed_to_and_created_active() -> None:
    assert (KIND.pushed, KIND.created_disabled) == (True, frozenset())
