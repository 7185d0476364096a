"""What a server's status means for the one who reads: go on, mend a setting, or come back later. Pure."""

from sluice.errors import SourceLost, SourceRefused

OK = 20000
NOT_OURS = 40013
"""A receipt that no longer counts."""
NO_MESSAGE = 40401
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
    40402: "topic",
    40403: "consumer_group",
    50500: "endpoints",
    50501: "endpoints",
}
"""Only a changed setting, here or at the server, helps against these: which one."""
_BAD_FILTER = "parse the consumer's subscription failed"
"""A condition that does not parse comes under the code of what passes by itself."""


def error_of(code: int, said: str, about: str) -> Exception:
    """Of an answer that is not a good one."""
    setting = "filter_expression" if _BAD_FILTER in said else _REFUSED.get(code)
    if setting:
        return SourceRefused(f"{about} was refused, see {setting}: {said[:200]} ({code})")
    return SourceLost(f"{about}: {said[:200]} ({code})")
