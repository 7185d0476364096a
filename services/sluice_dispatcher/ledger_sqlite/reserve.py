"""Room set aside on the disk, given up when the disk is full so that ends and deletes can go on."""

import os
from pathlib import Path

FILE = "ledger.reserve"


class Reserve:
    """`full` from the moment the disk had no room until there is room for the reserve again."""

    def __init__(self, directory: Path, size_bytes: int) -> None:
        self._path = directory / FILE
        self._size_bytes = size_bytes
        self.full = False

    def restore(self) -> bool:
        """Set the room aside; whether that worked."""
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                os.posix_fallocate(descriptor, 0, max(1, self._size_bytes))
            finally:
                os.close(descriptor)
        except OSError:
            self._path.unlink(missing_ok=True)
            return False
        self.full = False
        return True

    def release(self) -> None:
        self.full = True
        self._path.unlink(missing_ok=True)
