"""TLS towards a source, from settings that are each a path or PEM text."""

import ssl
import tempfile
from collections.abc import Iterator
from pathlib import Path

from sluice.errors import Fault, SourceRefused


def client_context(ca: str, certificate: str, key: str) -> ssl.SSLContext:
    """`ca` "" trusts the system's authorities; `certificate` "" shows none. Raises SourceRefused if one of them cannot be used; it never
    holds the text of a file, which may be a secret."""
    try:
        context = _trusting(ca)
    except (OSError, ValueError) as fault:
        raise SourceRefused(f"tls_ca cannot be used: {_reason(fault)}") from fault
    if certificate:
        try:
            _show(context, certificate, key)
        except (OSError, ValueError) as fault:
            raise SourceRefused(f"tls_certificate and tls_key cannot be used: {_reason(fault)}") from fault
    return context


def tls_faults(switch: str, enabled: bool, ca: str, certificate: str, key: str) -> Iterator[Fault]:
    """What is wrong with tls_ca, tls_certificate and tls_key together; `switch` is the field that turns TLS on."""
    if bool(certificate) != bool(key):
        yield Fault("tls_key", "tls_certificate and tls_key go together")
    if not enabled and (ca or certificate):
        yield Fault(switch, "must be true when tls_ca or tls_certificate is given")


def _trusting(authority: str) -> ssl.SSLContext:
    if _is_pem(authority):
        return ssl.create_default_context(cadata=authority)
    return ssl.create_default_context(cafile=authority or None)


def _show(context: ssl.SSLContext, certificate: str, key: str) -> None:
    # The ssl module reads certificates from files only.
    with tempfile.TemporaryDirectory() as folder:
        context.load_cert_chain(_file(certificate, Path(folder, "certificate")), _file(key, Path(folder, "key")))


def _file(text: str, place: Path) -> str:
    if not _is_pem(text):
        return text
    place.touch(0o600)
    place.write_text(text)
    return str(place)


def _is_pem(text: str) -> bool:
    return "-----BEGIN" in text


def _reason(fault: Exception) -> str:
    return getattr(fault, "reason", None) or getattr(fault, "strerror", None) or type(fault).__name__


def server_context(certificate: str, key: str, client_ca: str) -> ssl.SSLContext:
    """For those who connect to us. `client_ca` "" asks them for no certificate. Raises SourceRefused as `client_context` does."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        _show(context, certificate, key)
    except (OSError, ValueError) as fault:
        raise SourceRefused(f"tls_certificate and tls_key cannot be used: {_reason(fault)}") from fault
    if client_ca:
        context.verify_mode = ssl.CERT_REQUIRED
        try:
            _trust(context, client_ca)
        except (OSError, ValueError) as fault:
            raise SourceRefused(f"tls_client_ca cannot be used: {_reason(fault)}") from fault
    return context


def pem(text: str) -> bytes:
    """What a setting that is a path or PEM text stands for. Raises OSError."""
    return text.encode() if _is_pem(text) else Path(text).read_bytes()


def _trust(context: ssl.SSLContext, authority: str) -> None:
    if _is_pem(authority):
        context.load_verify_locations(cadata=authority)
    else:
        context.load_verify_locations(cafile=authority)
