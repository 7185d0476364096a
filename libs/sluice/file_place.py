"""Where reading stands in a file that is followed: the text that a ledger keeps, and how the file is known again by it."""

import hashlib

import msgspec

HEAD_BYTES = 1024
"""So many of its first bytes tell a file from others."""
TELLING_BYTES = 256
"""A head of this length names the content even where the file is another one: a copy, or a file system that was mounted anew."""
_DIGITS = 16


class FilePlace(msgspec.Struct, frozen=True):
    """A place in the file `device`/`inode`, behind `offset` bytes and `lines` lines; `head` is the number of its first bytes, none of them
    behind the place, that `digest` is of. `files` counts the files read before this one: a file may get the inode of one that is gone.
    The place in a file that did not exist yet has no inode."""

    files: int = 0
    device: int = 0
    inode: int = 0
    offset: int = 0
    lines: int = 0
    head: int = 0
    digest: str = ""

    @property
    def text(self) -> str:
        return f"{self.files}:{self.device}:{self.inode}:{self.offset}:{self.lines}:{self.head}:{self.digest}"

    @classmethod
    def of(cls, text: str) -> "FilePlace":
        """The inverse of `text`. Raises ValueError for anything else."""
        *numbers, digest = text.split(":")
        files, device, inode, offset, lines, head = map(int, numbers)
        if min(files, device, inode, offset, lines, head) < 0 or head > min(offset, HEAD_BYTES) or len(digest) not in (0, _DIGITS):
            raise ValueError(f"no place in a file: {text[:100]!r}")
        return cls(files, device, inode, offset, lines, head, digest)

    def is_content_of(self, head: bytes, size: int) -> bool:
        """Whether a file of that size which begins so can be the one, read on from here."""
        return size >= self.offset and len(head) >= self.head and digest_of(head[: self.head]) == self.digest


def digest_of(head: bytes) -> str:
    return hashlib.sha256(head).hexdigest()[:_DIGITS] if head else ""
