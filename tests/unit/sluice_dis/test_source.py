"""What streams and shards are called."""

from sluice_dis.source import shard_of, source_name, stream_of, stream_source


def test_a_stream_made_anew_is_another_source() -> None:
    assert source_name("clicks", 1, "shardId-0") != source_name("clicks", 2, "shardId-0")


def test_a_stream_and_its_shards_are_different_sources_and_can_be_told_again() -> None:
    source = source_name("a.b-c_d", 17, "shardId-000000000003")
    assert source != stream_source("a.b-c_d", 17)
    assert (stream_of(source), shard_of(source)) == ("a.b-c_d", "shardId-000000000003")
