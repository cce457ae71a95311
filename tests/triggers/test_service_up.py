"""service_up asks real sockets, a real web server, and certificates made for the test."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from socket import create_server
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from sentinel.checks.observation import Observation
from sentinel.checks.reading import Reading
from sentinel.errors import ConfigurationError
from tests.prefect_server import free_port
from triggers.service_up import service_up


class Page(BaseHTTPRequestHandler):
    """Answers /200 with 200, /503 with 503 and so on; never /slow; /moved leads to /200."""

    def do_GET(self) -> None:
        server = self.server
        assert isinstance(server, Site)
        server.asked.append(dict(self.headers.items()))
        what = self.path.strip("/")
        if what == "slow":
            server.patience.wait(30)
            return
        self.send_response(302 if what == "moved" else int(what))
        if what == "moved":
            self.send_header("Location", "/200")
        self.end_headers()
        self.wfile.write(b"all is well" if what == "200" else b"")

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its own name
        pass


class Site(ThreadingHTTPServer):
    """A real web server, with TLS where it is given a certificate."""

    daemon_threads = True

    def __init__(self, certificate: Path | None = None) -> None:
        super().__init__(("127.0.0.1", 0), Page)
        self.asked: list[dict[str, str]] = []
        self.patience = threading.Event()
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self.socket = context.wrap_socket(
                self.socket, server_side=True, do_handshake_on_connect=False
            )

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass  # a client that does not trust us hangs up

    @contextmanager
    def serving(self) -> Generator[Site]:
        thread = threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self.patience.set()
            self.shutdown()
            thread.join(60)
            self.server_close()


@pytest.fixture
def serve() -> Generator[Callable[..., Site]]:
    with ExitStack() as sites:

        def start(certificate: Path | None = None) -> Site:
            return sites.enter_context(Site(certificate).serving())

        yield start


@pytest.fixture
def site(serve: Callable[..., Site]) -> str:
    return f"http://127.0.0.1:{serve().server_port}"


def certificate(path: Path, *, days: float, born: float = -60) -> Path:
    """A certificate of 127.0.0.1 that ends in so many days, which vouches for itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + timedelta(days=born))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


def one(seen: Observation) -> Reading:
    (reading,) = seen.readings
    return reading


def said(seen: Observation) -> str:
    return one(seen).summary or ""


def test_a_port_that_somebody_listens_on_is_up_and_says_how_fast():
    with create_server(("127.0.0.1", 0)) as listening:
        reading = one(service_up.check(services=[f"tcp://127.0.0.1:{listening.getsockname()[1]}"]))
    assert reading.firing is False
    assert reading.value is not None
    assert 0 <= reading.value < 10_000


def test_a_port_that_nobody_listens_on_is_down():
    address = f"tcp://127.0.0.1:{free_port()}"
    reading = one(service_up.check(services=[address]))
    assert (reading.firing, reading.value) == (True, None)
    assert reading.summary == f"{address} is down: connection refused"
    assert reading.labels == {"service": address}


@pytest.mark.parametrize(("code", "firing"), [(200, False), (204, False), (404, True), (503, True)])
def test_a_web_address_is_judged_by_its_status(site: str, code: int, firing: bool):
    reading = one(service_up.check(services=[f"{site}/{code}"]))
    assert reading.firing is firing
    assert reading.details is not None
    assert reading.details["status"] == code


def test_the_answer_of_a_page_is_reported(site: str):
    seen = service_up.check(services=[f"{site}/503"])
    assert said(seen) == f"{site}/503 answers 503 Service Unavailable"


def test_the_statuses_that_are_good_can_be_given(site: str):
    assert one(service_up.check(services=[f"{site}/404"], status=[404])).firing is False
    assert one(service_up.check(services=[f"{site}/200"], status=[404])).firing is True


def test_a_redirect_is_judged_by_where_it_leads_or_by_itself(site: str):
    assert one(service_up.check(services=[f"{site}/moved"], status=[200])).firing is False
    alone = service_up.check(services=[f"{site}/moved"], status=[200], follow_redirects=False)
    assert one(alone).firing is True


def test_a_page_without_the_expected_text_is_bad(site: str):
    assert one(service_up.check(services=[f"{site}/200"], contains="well")).firing is False
    seen = service_up.check(services=[f"{site}/200"], contains="great")
    assert said(seen) == f"{site}/200 answers 200, but without 'great'"


def test_no_answer_in_time_is_down(serve: Callable[..., Site]):
    address = f"http://127.0.0.1:{serve().server_port}/slow"
    seen = service_up.check(services=[address], timeout_seconds=0.2)
    assert said(seen) == f"{address} is down: no answer within 0.2 s"


def test_too_slow_is_bad_where_that_is_asked(site: str):
    seen = service_up.check(services=[f"{site}/200"], slowest_ms=0.0001)
    assert one(seen).firing is True
    assert "is slow" in said(seen)
    assert one(seen).value is not None


def test_headers_are_sent(serve: Callable[..., Site]):
    served = serve()
    service_up.check(
        services=[f"http://127.0.0.1:{served.server_port}/200"], headers={"X-Check": "yes"}
    )
    assert served.asked[0]["X-Check"] == "yes"


def test_a_certificate_that_lasts_is_good(serve: Callable[..., Site], tmp_path: Path):
    pem = certificate(tmp_path / "good.pem", days=90)
    port = serve(pem).server_port
    for address in (f"https://127.0.0.1:{port}/200", f"tls://127.0.0.1:{port}"):
        answers, lasts = service_up.check(services=[address], ca_file=str(pem)).readings
        assert (answers.firing, lasts.firing) == (False, False)
        assert lasts.labels == {"service": address, "check": "certificate"}
        assert lasts.details is not None
        assert 89 < lasts.details["days"] <= 90


def test_a_certificate_that_soon_expires_has_its_own_severity(
    serve: Callable[..., Site], tmp_path: Path
):
    pem = certificate(tmp_path / "soon.pem", days=5)
    address = f"https://127.0.0.1:{serve(pem).server_port}/200"
    answers, lasts = service_up.check(services=[address], ca_file=str(pem)).readings
    assert (answers.firing, lasts.firing, lasts.severity) == (False, True, "medium")
    assert lasts.summary is not None
    assert f"the certificate of {address} lasts 5 more days" in lasts.summary
    later = service_up.check(services=[address], ca_file=str(pem), certificate_days=3)
    assert [r.firing for r in later.readings] == [False, False]


def test_a_certificate_that_has_run_out_takes_the_service_down(
    serve: Callable[..., Site], tmp_path: Path
):
    pem = certificate(tmp_path / "over.pem", days=-1)
    address = f"https://127.0.0.1:{serve(pem).server_port}/200"
    answers, lasts = service_up.check(services=[address], ca_file=str(pem)).readings
    assert answers.firing is True
    assert answers.summary is not None
    assert "certificate has expired" in answers.summary
    assert lasts.firing is True
    assert lasts.summary == f"the certificate of {address} has run out"


def test_a_certificate_nobody_vouches_for_is_down_and_its_end_unknown(
    serve: Callable[..., Site], tmp_path: Path
):
    pem = certificate(tmp_path / "unknown.pem", days=90)
    address = f"https://127.0.0.1:{serve(pem).server_port}/200"
    seen = service_up.check(services=[address])
    assert "its certificate is not trusted: self" in said(seen)
    assert seen.not_seen == [{"service": address, "check": "certificate"}]


def test_many_are_asked_at_once_and_none_hides_another(site: str):
    gone = [f"tcp://127.0.0.1:{free_port()}" for _ in range(3)]
    seen = service_up.check(services=[*gone, f"{site}/200"])
    assert [reading.firing for reading in seen.readings] == [True, True, True, False]


def test_passwords_are_not_shown():
    address = f"http://me:secret@127.0.0.1:{free_port()}/200"
    assert "secret" not in repr(service_up.check(services=[address]))


@pytest.mark.parametrize(
    "text", ["127.0.0.1:80", "ftp://host/", "tcp://host", "http://[", "tcp://:1"]
)
def test_what_is_no_address_is_explained(text: str):
    with pytest.raises(ConfigurationError, match=r"is no address. Write http://"):
        service_up.check(services=[text])


def test_a_file_of_authorities_that_cannot_be_read_is_named(tmp_path: Path):
    with pytest.raises(ConfigurationError, match=r"none.pem.*cannot be used"):
        service_up.check(services=["tcp://127.0.0.1:1"], ca_file=str(tmp_path / "none.pem"))
