"""The eventgrid kind."""

from sluice_eventgrid.kind import KIND

__all__ = ["KIND"]
