"""What the driver's errors mean to us."""

from botocore.exceptions import BotoCoreError, ClientError, ConnectionClosedError, ConnectTimeoutError, ReadTimeoutError, SSLError

from sluice.errors import SourceLost, SourceRefused

THROTTLED = frozenset(
    {
        "KMSThrottlingException",
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
"""We asked too often: the same request may be sent again a little later."""
_LOGIN = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "ExpiredTokenException",
        "IncompleteSignature",
        "IncompleteSignatureException",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "MissingAuthenticationToken",
        "MissingAuthenticationTokenException",
        "NotAuthorized",
        "OptInRequired",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
NO_STREAM = "ResourceNotFoundException"
INVALID = "InvalidArgumentException"
EXPIRED = "ExpiredIteratorException"
FAILURES = (BotoCoreError, ClientError, OSError, TimeoutError)
"""Everything the driver raises for what happens on the other side."""


def code_of(error: BaseException) -> str:
    """The service's own word for what is wrong, "" if it did not answer."""
    return str(error.response.get("Error", {}).get("Code", "")) if isinstance(error, ClientError) else ""


def is_cut(error: BaseException) -> bool:
    """A connection that was kept open and that the service had closed: the request was not answered and can be sent again."""
    return isinstance(error, ConnectionClosedError)


def translated(error: BaseException, endpoint: str, stream: str) -> SourceLost | SourceRefused:
    """The driver's error as ours."""
    if isinstance(error, ClientError):
        return _answered(error, endpoint, stream)
    if isinstance(error, SSLError):
        return SourceRefused(f"endpoint, tls_ca: {endpoint}: TLS failed: {error}")
    if isinstance(error, ConnectTimeoutError | ReadTimeoutError | TimeoutError):
        return SourceLost(f"{endpoint} does not answer")
    return SourceLost(f"{endpoint}: {type(error).__name__}: {error}")


def _answered(error: ClientError, endpoint: str, stream: str) -> SourceLost | SourceRefused:
    code, status = code_of(error), error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code == NO_STREAM:
        return SourceRefused(f"stream_name: {endpoint} has no stream {stream}")
    if code in _LOGIN:
        return SourceRefused(f"access_key, secret_key: {endpoint} refused them: {code}")
    if code in THROTTLED:
        return SourceLost(f"{endpoint} goes on refusing to be asked so often: {code}")
    said = f"{endpoint}: {code}: {error.response.get('Error', {}).get('Message', '')}"
    return SourceLost(said) if status >= 500 else SourceRefused(said)
