"""The registry in one SQLite file, behind the port `sluice_control.registry`."""
