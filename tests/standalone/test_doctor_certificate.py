"""The results of `atdb doctor` about certificates, with a real TLS server."""

import signal
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from atdb_interface.client.exchange import certificates
from standalone.containers.certificates import self_signed
from standalone.doctor import certificate
from standalone.doctor.results import CheckResult, CheckState
from standalone.settings import HOST, Settings

Serve = Callable[[str, str], Settings]


@pytest.fixture
def serve(tmp_path: Path, settings: Settings) -> Iterator[Serve]:
    """Serve TLS with a key and a certificate, both as PEM; return settings with the server's public URL."""
    servers: list[ThreadingHTTPServer] = []
    # If a test has run the command `atdb` in this process, SIGPIPE would end the process when a client hangs up.
    before = signal.signal(signal.SIGPIPE, signal.SIG_IGN)

    def make(key: str, chain: str) -> Settings:
        (tmp_path / "key.pem").write_text(key)
        (tmp_path / "certificate.pem").write_text(chain)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tmp_path / "certificate.pem", tmp_path / "key.pem")
        server = ThreadingHTTPServer((HOST, 0), BaseHTTPRequestHandler)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        # A client that does not trust it hangs up.
        server.handle_error = lambda *_: None  # type: ignore[method-assign]
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        servers.append(server)
        return replace(settings, atdb_public_url=f"https://localhost:{server.server_port}")

    yield make
    signal.signal(signal.SIGPIPE, before)
    for server in servers:
        server.shutdown()
        server.server_close()


def lasting(days: float, host: str = "localhost") -> tuple[str, str]:
    """Create a key and a certificate that expires in some days."""
    key_pem, pem = self_signed(host)
    made = x509.load_pem_x509_certificate(pem.encode())
    key = load_pem_private_key(key_pem.encode(), None)
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(
        made.issuer,
        made.subject,
        made.public_key(),
        made.serial_number,
        now - timedelta(days=30),
        now + timedelta(days=days),
        list(made.extensions),
    )
    return key_pem, builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()  # type: ignore[arg-type]


def only(settings: Settings) -> CheckResult:
    (result,) = certificate.check(settings)
    return result


def test_a_certificate_that_signs_itself_is_a_warning(serve: Serve) -> None:
    result = only(serve(*self_signed("localhost")))
    assert result.state is CheckState.WARNING
    assert "self-signed" in result.seen
    assert "nginx -s reload" in result.advice


def test_one_that_programs_trust_is_well(serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = serve(*self_signed("localhost"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "certificate.pem"))
    certificates.cache_clear()
    try:
        result = only(settings)
    finally:
        certificates.cache_clear()
    assert result.state is CheckState.WELL
    assert "expires in 364 days" in result.seen


def test_one_for_another_host_is_a_failure(serve: Serve) -> None:
    result = only(serve(*self_signed("atdb.example")))
    assert result.state is CheckState.FAILED
    assert "it is for atdb.example, not for localhost" in result.seen


def test_one_that_expired_is_a_failure_and_one_that_soon_does_a_warning(serve: Serve) -> None:
    result = only(serve(*lasting(-1)))
    assert result.state is CheckState.FAILED
    assert "it expired at" in result.seen
    soon, _ = certificate.check(serve(*lasting(20.5)))
    assert soon.state is CheckState.WARNING
    assert "expires in 20 days" in soon.seen
    assert "expires" not in only(serve(*lasting(22.5))).seen


def test_where_the_address_cannot_be_reached_nginx_is_asked_for_it(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside = serve(*self_signed("atdb.example"))
    monkeypatch.setattr(certificate, "_NGINX", (HOST, int(inside.atdb_public_url.rpartition(":")[2])))
    result = only(replace(inside, atdb_public_url="https://atdb.example:9"))
    assert result.state is CheckState.WARNING
    assert "self-signed" in result.seen
    result = only(replace(inside, atdb_public_url="https://localhost:9"))
    assert "it is for atdb.example, not for localhost" in result.seen


def test_without_https_none_is_needed_and_without_a_server_it_is_not_checked(settings: Settings) -> None:
    assert only(settings).state is CheckState.WELL
    result = only(replace(settings, atdb_public_url=f"https://localhost:{settings.atdb_port}"))
    assert result.state is CheckState.NOT_CHECKED
    assert f"ATDB_PUBLIC_URL=https://localhost:{settings.atdb_port} .venv/bin/atdb doctor" in result.advice
