"""Audit trails: what was done by whom, from Kubernetes, OpenStack, Linux, or Sluice itself."""

from sluice_cts.kind import KIND

__all__ = ["KIND"]
