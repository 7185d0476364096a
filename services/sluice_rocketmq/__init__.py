"""The rocketmq kind."""

from sluice_rocketmq.kind import KIND

__all__ = ["KIND"]
