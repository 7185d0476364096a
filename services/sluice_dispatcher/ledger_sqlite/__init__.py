"""The ledger on SQLite: one writer thread, group commit, events in blocks."""
