"""Which CA bundle verifies upstreams."""

from __future__ import annotations

import ssl
import sys
from pathlib import Path

import certifi
import pytest

from serving.gateways.standalone import trust
from serving.gateways.standalone.trust import NoTrust, find_ca_bundle
from tests.support.certificates import Authority


def test_the_named_file_wins_and_must_hold_certificates(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    assert find_ca_bundle(authority.cert) == authority.cert.resolve()
    (tmp_path / "text.pem").write_text("no certificate")
    for path in (tmp_path / "text.pem", tmp_path / "nosuch.pem", tmp_path):
        with pytest.raises(NoTrust, match="--upstream-ca"):
            find_ca_bundle(path)


def test_the_system_s_is_found_by_itself() -> None:
    context = ssl.create_default_context(cafile=str(find_ca_bundle()))
    assert context.cert_store_stats()["x509_ca"] > 0


def test_without_a_system_s_certifi_s_and_without_that_the_cure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = str(tmp_path / "none.pem")
    paths = ssl.get_default_verify_paths()._replace(cafile=nowhere)
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: paths)
    monkeypatch.setattr(trust, "_SYSTEM", (nowhere,))
    monkeypatch.setenv("SSL_CERT_FILE", nowhere)
    assert find_ca_bundle() == Path(certifi.where())
    monkeypatch.setitem(sys.modules, "certifi", None)
    with pytest.raises(NoTrust, match="--upstream-ca"):
        find_ca_bundle()
