"""The TLS certificate that browsers and programs receive."""

import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from urllib.parse import urlsplit

from cryptography import x509

from atdb_interface.client.exchange import certificates
from atdb_interface.fields import write_time
from atdb_interface.quantities import count_of
from standalone.doctor.results import CheckResult, failed, not_checked, warning, well
from standalone.settings import Settings

SUBJECT = "certificate"
WARNING_DAYS = 21
#: The address of nginx within the containers' network.
_NGINX = ("nginx", 443)
_TIMEOUT_SECONDS = 5.0
_MISMATCH = (62, 64)  # X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH
_REPLACE = (
    "Copy the new certificate, with its chain, and its key into the folder tls of the secrets, and run "
    "`docker compose exec nginx nginx -s reload`; docs/deploy.md describes it."
)


def check(settings: Settings) -> Iterator[CheckResult]:
    """Connect as a browser does, and report the certificate."""
    url = urlsplit(settings.atdb_public_url)
    if url.scheme != "https" or not url.hostname:
        yield well(SUBJECT, "none is required: ATDB_PUBLIC_URL is not https")
        return
    host, reasons = url.hostname, []
    for address in ((host, url.port or 443), _NGINX):
        try:
            yield from judge(address, host)
        except OSError as error:
            reasons.append(f"{address[0]}:{address[1]}: {error}")
        else:
            return
    yield not_checked(
        SUBJECT,
        f"no connection from here ({'; '.join(reasons)})",
        f"On a machine that reaches it, run `ATDB_PUBLIC_URL={settings.atdb_public_url} .venv/bin/atdb doctor "
        "--only certificate` in a checkout.",
    )


def judge(address: tuple[str, int], host: str) -> list[CheckResult]:
    """Report the validity, the names and the issuer of a server's certificate, for browsers that ask for `host`.

    Raises OSError if there is no such server, or if it does not use TLS.
    """
    any_certificate = ssl.create_default_context()
    any_certificate.check_hostname, any_certificate.verify_mode = False, ssl.CERT_NONE
    encoded = _connect(address, host, any_certificate)
    certificate = x509.load_der_x509_certificate(encoded)
    now, ends = datetime.now(UTC), certificate.not_valid_after_utc
    if now > ends:
        return [failed(SUBJECT, f"it expired at {write_time(ends)}; browsers and programs refuse it", _REPLACE)]
    if now < certificate.not_valid_before_utc:
        seen = f"it is not valid before {write_time(certificate.not_valid_before_utc)}"
        return [failed(SUBJECT, seen, "Check the clocks here and where the certificate was created.")]
    if not _is_for(address, host, encoded):
        names = ", ".join(_names(certificate)) or "no host"
        seen = f"it is for {names}, not for {host}, so browsers and programs refuse it"
        return [failed(SUBJECT, seen, f"{_REPLACE} If the name is wrong, correct ATDB_PUBLIC_URL.")]
    results = []
    days = (ends - now).days
    if days < WARNING_DAYS:
        results.append(warning(SUBJECT, f"it expires in {count_of(days, 'day')}, at {write_time(ends)}", _REPLACE))
    if refusal := _refusal(address, host):
        own = certificate.issuer == certificate.subject
        seen = "it is self-signed, so browsers warn about it" if own else f"it is not trusted here: {refusal}"
        advice = "For programs, set SSL_CERT_FILE to the certificate of its authority."
        if own:
            advice = "For programs, set SSL_CERT_FILE to it. For browsers, use a certificate of an authority."
        results.append(warning(SUBJECT, seen, f"{advice} {_REPLACE}"))
    return results or [well(SUBJECT, f"it is for {host}, is trusted, and expires in {count_of(days, 'day')}")]


def _connect(address: tuple[str, int], host: str, context: ssl.SSLContext) -> bytes:
    with (
        socket.create_connection(address, timeout=_TIMEOUT_SECONDS) as plain,
        context.wrap_socket(plain, server_hostname=host) as encrypted,
    ):
        return encrypted.getpeercert(binary_form=True) or b""


def _is_for(address: tuple[str, int], host: str, certificate: bytes) -> bool:
    """Return whether a certificate names a host, by OpenSSL's rules; trust is not checked."""
    trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trusting.load_verify_locations(cadata=certificate)
    trusting.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    try:
        _connect(address, host, trusting)
    except ssl.SSLCertVerificationError as error:
        return error.verify_code not in _MISMATCH
    return True


def _refusal(address: tuple[str, int], host: str) -> str:
    """Return why programs that use ATDB refuse the certificate; empty if they trust it."""
    try:
        _connect(address, host, certificates())
    except ssl.SSLCertVerificationError as error:
        return error.verify_message
    return ""


def _names(certificate: x509.Certificate) -> list[str]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return [str(name.value) for name in names]
