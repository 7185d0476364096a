"""Who may read a source, and from where: epochs and positions."""

from collections.abc import Sequence

import apsw

from sluice.errors import ClaimLost
from sluice.ledger import Claim, Slice, SourceKey

REMEMBERED = 16_384
"""Sources whose state is kept in memory; the others are read again when they are used."""

_READ = "SELECT epoch, position FROM claim WHERE trigger = ? AND incarnation = ? AND source = ?"
_WRITE = """INSERT INTO claim (trigger, incarnation, source, epoch, position) VALUES (?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET epoch = excluded.epoch, position = excluded.position"""

_MOVE = """UPDATE claim SET position = ? WHERE trigger = ? AND incarnation = ? AND source = ? AND epoch = ? AND position IS ?
RETURNING ?"""

_State = tuple[int, str | None]


class Claims:
    """Judges slices in the order of the calls; what it says is on disk with the transaction's commit."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        self._known: dict[SourceKey, _State] = {}
        self._changed: dict[SourceKey, _State] = {}

    def claim(self, key: SourceKey) -> Claim:
        epoch, position = self._state(key)
        return self._set(key, epoch + 1, position)

    def seek(self, key: SourceKey, position: str) -> Claim:
        epoch, _ = self._state(key)
        return self._set(key, epoch + 1, position)

    def judge(self, piece: Slice) -> None:
        """Raises ClaimLost unless the slice's claim is current and it begins at the stored position."""
        epoch, position = self._state(piece.key)
        if piece.epoch != epoch:
            raise ClaimLost(f"{piece.key.source}: epoch {piece.epoch} was followed by {epoch}")
        if piece.start != position:
            raise ClaimLost(f"{piece.key.source}: the slice begins at {piece.start} and the ledger stands at {position}")

    def move(self, pieces: Sequence[Slice]) -> set[int]:
        """Judge and advance those whose state is not in memory, in one statement: the indexes of those that were. `judge` tells of each of
        the others why not, or that it is current."""
        rows = []
        seen: set[SourceKey] = set()
        for index, piece in enumerate(pieces):
            key = piece.key
            if key not in self._known and key not in self._changed and key not in seen:
                seen.add(key)
                rows.append((piece.to, key.trigger, key.incarnation, key.source, piece.epoch, piece.start, index))
        return {index for (index,) in self._connection.executemany(_MOVE, rows)}

    def advance(self, piece: Slice) -> None:
        self._changed[piece.key] = (piece.epoch, piece.to)

    def flush(self) -> None:
        if self._changed:
            rows = [(key.trigger, key.incarnation, key.source, *state) for key, state in self._changed.items()]
            self._connection.executemany(_WRITE, rows)

    def keep(self) -> None:
        if len(self._known) > REMEMBERED:
            self._known.clear()
        self._known.update(self._changed)
        self._changed.clear()

    def drop(self) -> None:
        self._known.clear()
        self._changed.clear()

    def _set(self, key: SourceKey, epoch: int, position: str | None) -> Claim:
        self._changed[key] = (epoch, position)
        return Claim(key, epoch, position)

    def _state(self, key: SourceKey) -> _State:
        state = self._changed.get(key) or self._known.get(key)
        if state is None:
            state = self._connection.execute(_READ, (key.trigger, key.incarnation, key.source)).get or (0, None)
            self._known[key] = state
        return state
