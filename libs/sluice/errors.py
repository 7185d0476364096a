"""Errors that say what happens next. Each leaf belongs to exactly one of three answers: mend it, wait, or it is a bug.

`SluiceError` carries a `code` (FunctionGraph's `FSS.*` where one exists) so that the API, the command line and the log agree on the name.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass


class SluiceError(Exception):
    """Base of everything Sluice raises on purpose."""


class ConfigurationError(SluiceError):
    """Somebody has to change a setting; trying again without that is useless."""


class Unavailable(SluiceError):
    """It may work later. `retry_after_s` is a hint in seconds."""

    def __init__(self, message: str, retry_after_s: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class SourceLost(Unavailable):
    """A trigger's source went away; the host starts the trigger again after `retry_after_s` (and its own back-off)."""


class SourceRefused(ConfigurationError):
    """The source answered and said no: wrong password, no right to read, no such topic."""


class ClaimLost(SluiceError):
    """The claim is no longer the current one, or the slice does not begin at the stored position. Claim again and go on from there."""


class PartlyKnown(SluiceError):
    """Some of an event's records were accepted before, with another event: those of the ids in `known`. Push the others by themselves."""

    def __init__(self, known: Sequence[str]) -> None:
        super().__init__(f"{len(known)} of the records were accepted before")
        self.known = tuple(known)


class LedgerFull(Unavailable):
    """The disk under the ledger is full: new work is refused, what is there can still end."""


class LedgerDamaged(ConfigurationError):
    """The ledger's file cannot be trusted. It is never created anew behind the operator's back; the message says what to do."""


class AlreadyRunning(ConfigurationError):
    """Another process holds the data directory; the message names it."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with one field. `field` is a dotted path, `rule` what it should have been."""

    field: str
    rule: str

    def __str__(self) -> str:
        return f"{self.field}: {self.rule}" if self.field else self.rule


class Invalid(ConfigurationError):
    """Input that breaks a rule. All faults at once; `code` is the FSS code the API answers with."""

    def __init__(self, faults: list[Fault], code: str = "FSS.0400") -> None:
        super().__init__("; ".join(map(str, faults)))
        self.faults = faults
        self.code = code


def foremost(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """One of several that ended together: a bug before what has to be mended, and that before what only has to wait."""
    return min(_leaves(group), key=lambda leaf: (isinstance(leaf, SluiceError), isinstance(leaf, Unavailable)))


def _leaves(group: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    for leaf in group.exceptions:
        if isinstance(leaf, BaseExceptionGroup):
            yield from _leaves(leaf)
        else:
            yield leaf
