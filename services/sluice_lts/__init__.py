"""The lts kind: logs as FunctionGraph's LTS triggers, from OpenTelemetry, Loki's clients, syslog and files."""

from sluice_lts.kind import KIND

__all__ = ["KIND"]
