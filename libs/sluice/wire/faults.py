"""Exceptions at the edge: ours become gRPC's, gRPC's become ours, by one table."""

from collections.abc import Iterable
from typing import Any, NamedTuple, NoReturn

import grpc
import grpc.aio

from sluice.catalog import FunctionGone
from sluice.errors import ClaimLost, ConfigurationError, Fault, Invalid, LedgerDamaged, LedgerFull, SluiceError, Unavailable
from sluice.v1 import event_pb2
from sluice.wire.columns import Malformed

NAME = "sluice-fault"
RETRY_AFTER = "sluice-retry-after"
CODE = "sluice-code"


class Unauthenticated(ConfigurationError):
    """The peer did not accept the token: unknown, spoiled, expired or missing."""


class PermissionDenied(ConfigurationError):
    """The token is good, but not for this rpc, kind or project."""


class Fenced(SluiceError):
    """A newer owner of the lease has greeted the runner. Stop: what this one still holds belongs to the other."""


class Row(NamedTuple):
    kind: type[Exception]
    status: grpc.StatusCode


TABLE = (
    Row(LedgerFull, grpc.StatusCode.RESOURCE_EXHAUSTED),
    Row(Unavailable, grpc.StatusCode.UNAVAILABLE),
    Row(ClaimLost, grpc.StatusCode.ABORTED),
    Row(Fenced, grpc.StatusCode.FAILED_PRECONDITION),
    Row(FunctionGone, grpc.StatusCode.NOT_FOUND),
    Row(Unauthenticated, grpc.StatusCode.UNAUTHENTICATED),
    Row(PermissionDenied, grpc.StatusCode.PERMISSION_DENIED),
    Row(Malformed, grpc.StatusCode.INVALID_ARGUMENT),
    Row(Invalid, grpc.StatusCode.INVALID_ARGUMENT),
    Row(LedgerDamaged, grpc.StatusCode.DATA_LOSS),
    Row(ConfigurationError, grpc.StatusCode.INVALID_ARGUMENT),
    Row(SluiceError, grpc.StatusCode.UNKNOWN),
)
"""The first row whose class fits names an exception; the first with its status stands for an answer without a name."""

_BY_NAME = {row.kind.__name__: row.kind for row in TABLE}


def row_of(error: BaseException) -> Row:
    for row in TABLE:
        if isinstance(error, row.kind):
            return row
    return Row(SluiceError, grpc.StatusCode.INTERNAL)


def fault_of(error: BaseException) -> event_pb2.Fault:
    """An exception of ours as data. What is not ours is a bug there, and its text stays there."""
    message = str(error) if isinstance(error, SluiceError) else "the peer failed; its log says why"
    return event_pb2.Fault(name=row_of(error).kind.__name__, message=message, retry_after_s=getattr(error, "retry_after_s", 0.0))


def revived(fault: event_pb2.Fault) -> SluiceError:
    """The inverse of `fault_of`; a name from a newer wire is a plain SluiceError."""
    return _made(_BY_NAME.get(fault.name, SluiceError), fault.message, fault.retry_after_s)


def _made(kind: type[Exception], message: str, retry_after_s: float, code: str = "") -> SluiceError:
    if issubclass(kind, Unavailable):
        return kind(message, retry_after_s or 1.0)
    if issubclass(kind, Invalid):
        return Invalid([Fault("", message)], code or "FSS.0400")
    return kind(message) if issubclass(kind, SluiceError) else SluiceError(message)


async def abort(context: grpc.aio.ServicerContext[Any, Any], error: BaseException) -> NoReturn:
    """End an rpc with an exception of ours. Raises."""
    fault = fault_of(error)
    trailing = ((NAME, fault.name), (RETRY_AFTER, f"{fault.retry_after_s:g}"), (CODE, getattr(error, "code", "")))
    await context.abort(row_of(error).status, fault.message, trailing)


def ours(error: grpc.aio.AioRpcError) -> SluiceError:
    """What a failed rpc means to us. What gRPC itself reports of a lost or stopped peer is Unavailable."""
    trailing = _texts(error.trailing_metadata() or ())
    message = error.details() or error.code().name
    if NAME in trailing:
        kind = _BY_NAME.get(trailing[NAME], SluiceError)
        return _made(kind, message, float(trailing.get(RETRY_AFTER, "1")), trailing.get(CODE, ""))
    return _made(_BY_STATUS.get(error.code(), Unavailable), f"{error.code().name}: {message}", 1.0)


# without a name it was not the peer's own code that spoke
_BY_STATUS: dict[grpc.StatusCode, type[Exception]] = {
    grpc.StatusCode.UNAUTHENTICATED: Unauthenticated,
    grpc.StatusCode.PERMISSION_DENIED: PermissionDenied,
    grpc.StatusCode.UNIMPLEMENTED: ConfigurationError,
    grpc.StatusCode.INVALID_ARGUMENT: Malformed,
}


def _texts(pairs: Iterable[Any]) -> dict[str, str]:
    return {key: value for key, value in pairs if isinstance(value, str)}
