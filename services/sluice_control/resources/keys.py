"""Access keys: made, counted, ended. Steps for `Keeper.change`."""

import secrets
from collections.abc import Callable, Sequence

import msgspec

from sluice.identity import APP
from sluice_control.fss import Refused
from sluice_control.registry import Edit, KeyRow
from sluice_control.resources.allowance import allowance_of
from sluice_control.vault import Vault

Step = Callable[[Edit], KeyRow]


class NewKey(msgspec.Struct, frozen=True):
    """What a key shall be. From `expires_ms` on it is refused, 0: never; one that ends is temporary and has a security token, an app
    has a code. `triggers` are those that an app may call."""

    project: str
    role: str
    description: str = ""
    expires_ms: int = 0
    triggers: tuple[str, ...] = ()


def new_key(vault: Vault, new: NewKey, now_ms: int) -> KeyRow:
    """Its secrets are sealed, each for its own place."""
    access_key = "SL" + secrets.token_hex(9).upper()
    return KeyRow(
        access_key=access_key,
        project=new.project,
        role=new.role,
        sealed=vault.seal(secrets.token_urlsafe(30).encode(), f"key:{access_key}"),
        created_ms=now_ms,
        description=new.description,
        expires_ms=new.expires_ms,
        sealed_proof=vault.seal(_proof(access_key, new.role), f"proof:{access_key}") if new.role == APP or new.expires_ms else b"",
        triggers=new.triggers,
    )


def _proof(access_key: str, role: str) -> bytes:
    """An app's code begins with its key, by which the gateway finds it; there is no other `_` in a key."""
    proof = secrets.token_urlsafe(48)
    return (f"{access_key}_{proof}" if role == APP else proof).encode()


def put(row: KeyRow, most: int, now_ms: int) -> Step:
    """Adds a key, and removes those of the project that have ended. Refuses (FSS.0403) more than the project may have."""

    def step(edit: Edit) -> KeyRow:
        remove_ended(edit, edit.keys(row.project), now_ms)
        if len(edit.keys(row.project)) >= allowance_of(edit, row.project).keys(most):
            raise Refused("FSS.0403", "The project has as many access keys as it may have: revoke one.")
        edit.put_key(row)
        return edit.key(row.access_key) or row

    return step


def revoke(project: str, access_key: str) -> Callable[[Edit], None]:
    """The last lasting admin key stays: without it nobody could make another."""

    def step(edit: Edit) -> None:
        rows = {row.access_key: row for row in edit.keys(project)}
        if access_key not in rows:
            raise Refused("FSS.0404")
        lasting = [row for row in rows.values() if row.role == "admin" and not row.expires_ms]
        if lasting == [rows[access_key]]:
            raise Refused("FSS.0403", "It is the last admin key.")
        edit.remove_key(access_key)

    return step


def remove_ended(edit: Edit, rows: Sequence[KeyRow], now_ms: int) -> None:
    for row in rows:
        if row.expires_ms and row.expires_ms <= now_ms:
            edit.remove_key(row.access_key)
