"""The dis kind: the shards of a Kinesis-compatible stream as FunctionGraph's DIS triggers."""

from sluice_dis.kind import KIND

__all__ = ["KIND"]
