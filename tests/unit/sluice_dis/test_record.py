"""From what the driver gives to records, and records in parts."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sluice.event import Record
from sluice_dis.record import pieces, records_of
from sluice_dis.shape import BEHIND

SOURCE = "clicks#1/shardId-0"


def test_a_record_has_its_key_its_number_and_its_time() -> None:
    message: dict[str, Any] = {
        "Data": b"v",
        "PartitionKey": "ü",
        "SequenceNumber": "4959",
        "ApproximateArrivalTimestamp": 1772432000.123,
    }
    assert records_of([message], SOURCE, 7) == [Record(b"v", SOURCE, "4959", 1_772_432_000_123, "ü".encode(), attributes=((BEHIND, "7"),))]


def test_a_service_may_give_no_times() -> None:
    (record,) = records_of([{"Data": b"", "PartitionKey": "k", "SequenceNumber": "1"}], SOURCE, 0)
    assert record.time_ms == 0


@given(st.lists(st.integers(0, 300), max_size=30))
def test_parts_hold_all_records_in_order_and_only_a_lone_one_is_too_large(sizes: list[int]) -> None:
    records = [Record(bytes(size), SOURCE, str(number), 0) for number, size in enumerate(sizes)]
    parts = list(pieces(records, 100))
    assert [record for part in parts for record in part] == records
    assert all(part and (len(part) == 1 or sum(record.size for record in part) <= 100) for part in parts)
