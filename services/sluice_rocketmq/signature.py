"""What every request says of its sender. Pure."""

import hashlib
import hmac
from datetime import UTC, datetime

Metadata = tuple[tuple[str, str], ...]

VERSION = "5.0.0"
"""Of the protocol, as far as it is spoken here."""


def metadata(client: str, namespace: str, access_key: str, secret_key: str, now_s: float) -> Metadata:
    """Signed, if there is a key. It never holds the secret."""
    moment = datetime.fromtimestamp(now_s, UTC).strftime("%Y%m%dT%H%M%SZ")
    who = (
        ("x-mq-language", "PYTHON"),
        ("x-mq-protocol", "v2"),
        ("x-mq-client-version", VERSION),
        ("x-mq-client-id", client),
        ("x-mq-namespace", namespace),
        ("x-mq-date-time", moment),
    )
    if not access_key:
        return who
    signature = hmac.new(secret_key.encode(), moment.encode(), hashlib.sha1).hexdigest()
    return (*who, ("authorization", f"MQv2-HMAC-SHA1 Credential={access_key}, SignedHeaders=x-mq-date-time, Signature={signature}"))
