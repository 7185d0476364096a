"""What a server's status means for the one who reads: go on, mend a setting, or come back later. Pure."""

import grpc

from sluice.errors import SourceLost, SourceRefused

OK = 20000
NOT_OURS = 40013
"""A receipt that no longer counts."""
NO_MESSAGE = 40401
NO_TOPIC = 40402
_REFUSED = {
    40001: "endpoints",
    40002: "topic",
    40003: "consumer_group",
    40010: "filter_expression",
    40011: "invisible_s",
    40100: "access_key or secret_key",
    40200: "access_key",
    40300: "access_key",
    40400: "topic or consumer_group",
    NO_TOPIC: "topic",
    40403: "consumer_group",
    50500: "endpoints",
    50501: "endpoints",
}
"""Only a changed setting, here or at the server, helps against these: which one."""
_BAD_FILTER = "parse the consumer's subscription failed"
"""A condition that does not parse comes under the code of what passes by itself."""


_BY_TEXT = {"group not found": "consumer_group", "CERTIFICATE_VERIFY_FAILED": "tls_ca", "Hostname Verification Check failed": "tls_ca"}
"""What is told below the protocol, in words only."""
_REFUSED_CALLS = {
    grpc.StatusCode.UNAUTHENTICATED: "access_key or secret_key",
    grpc.StatusCode.PERMISSION_DENIED: "access_key",
    grpc.StatusCode.UNIMPLEMENTED: "endpoints",
}


def error_of(code: int, said: str, about: str) -> Exception:
    """Of an answer that is not a good one."""
    setting = "filter_expression" if _BAD_FILTER in said else _REFUSED.get(code)
    if setting:
        return SourceRefused(f"{about} was refused, see {setting}: {said[:200]} ({code})")
    return SourceLost(f"{about}: {said[:200]} ({code})")


def of_transport(code: grpc.StatusCode, said: str, place: str) -> Exception:
    """Of a call that has no answer."""
    setting = next((setting for text, setting in _BY_TEXT.items() if text in said), None) or _REFUSED_CALLS.get(code)
    if setting:
        return SourceRefused(f"{place} was refused, see {setting}: {said[:300]} ({code.name})")
    return SourceLost(f"{place}: {said[:300]} ({code.name})")
