"""Creates the server's TLS context from PEM files; errors name the file and the cure."""

from __future__ import annotations

import ssl
from pathlib import Path

from serving.decision import BadInput


class BadTls(BadInput):
    """A certificate, private key or client CA that can't be used; the message names the file."""


def server_context(cert: Path, key: Path, client_ca: Path | None) -> ssl.SSLContext:
    """Make a context for TLS 1.2 and 1.3.

    Parameters
    ----------
    cert, key
        PEM files of the server; the key is not encrypted.
    client_ca
        PEM file of the CAs that sign callers' certificates; callers without one are refused. None asks for none.

    Raises
    ------
    BadTls
        A file is missing or not PEM, or key and certificate do not belong together.
    """
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    for path in (cert, key, client_ca):
        if path is not None and not path.is_file():
            raise BadTls(f"{path} is not there: name PEM files with --tls-cert, --tls-key and --tls-client-ca")
    try:
        # Without this answer OpenSSL would ask the terminal for the passphrase of an encrypted key.
        context.load_cert_chain(cert, key, password=lambda: "")
    except (ssl.SSLError, OSError, ValueError) as fault:
        why = getattr(fault, "reason", None) or "it can't be read"
        raise BadTls(f"{cert} and {key} can't be used ({why}): PEM, not encrypted, and of one pair") from None
    if client_ca is not None:
        try:
            context.load_verify_locations(client_ca)
        except (ssl.SSLError, OSError) as fault:
            why = getattr(fault, "reason", None) or "it can't be read"
            raise BadTls(
                f"{client_ca} can't be used as --tls-client-ca ({why}): write CA certificates as PEM"
            ) from None
        context.verify_mode = ssl.CERT_REQUIRED
    return context
