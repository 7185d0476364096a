"""The obs kind."""

from sluice_obs.kind import KIND

__all__ = ["KIND"]
