"""Finds the CA bundle by which upstreams are verified: the named file, the system's, or certifi's."""

from __future__ import annotations

import os
import ssl
from importlib import import_module
from pathlib import Path
from typing import Final

from serving.decision import BadInput

_SYSTEM: Final = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Ubuntu, Alpine, Arch
    "/etc/pki/tls/certs/ca-bundle.crt",  # Fedora, RHEL
    "/etc/ssl/ca-bundle.pem",  # SUSE
    "/etc/ssl/cert.pem",  # macOS, FreeBSD
)


class NoTrust(BadInput):
    """There are no certificates to verify an upstream by."""


def find_ca_bundle(named: Path | None = None) -> Path:
    """Find the CA bundle.

    Parameters
    ----------
    named
        PEM file that the user named, used instead of the system's.

    Raises
    ------
    NoTrust
        The file holds no certificate, or there is none on this machine.
    """
    if named is not None:
        _check(named)
        return named.resolve()
    for place in (os.environ.get("SSL_CERT_FILE"), ssl.get_default_verify_paths().cafile, *_SYSTEM):
        if place and Path(place).is_file():
            return Path(place).resolve()
    try:
        return Path(import_module("certifi").where())
    except (ImportError, AttributeError):
        raise NoTrust(
            "no CA bundle on this machine: install ca-certificates, or name a PEM file with --upstream-ca"
        ) from None


def _check(path: Path) -> None:
    try:
        ssl.create_default_context(cafile=str(path))
    except (OSError, ssl.SSLError):
        raise NoTrust(f"--upstream-ca {path} can't be read as PEM certificates: name a file that holds them") from None
