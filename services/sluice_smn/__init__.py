"""The smn kind."""

from sluice_smn.kind import KIND

__all__ = ["KIND"]
