"""What other gateways were published for, tried on this one; and the list of all of it, with its guards and tests, is true."""
import re
import socket
import ssl
import subprocess
import sys

import pytest

from harness.clients import context, get, head, tls_error
from harness.config import document, respond, virtual_host
from harness.gateway import ROOT

sys.path.insert(0, str(ROOT / "tests/guards"))

from guards import CASES  # noqa: E402


def test_an_exact_host_and_the_wildcard_beside_it_keep_their_own_modes(pki, gateway):
    running = gateway(document(
        pki, virtual_host(pki, "wild", "strict", hosts=["*.deep.test"], routes=[respond("wild")]),
        virtual_host(pki, "exact", hosts=["exact.deep.test"], routes=[respond("exact")]),
        virtual_host(pki, "open", hosts=["*.shallow.test"], routes=[respond("open")]),
        virtual_host(pki, "closed", "strict", hosts=["closed.shallow.test"], routes=[respond("closed")])))
    assert get(running.port, "exact.deep.test", pki).text == "exact"
    assert get(running.port, "any.shallow.test", pki).text == "open"
    for name in ("any.deep.test", "closed.shallow.test", "CLOSED.shallow.test"):
        assert tls_error(running.port, name, pki, version="1.3").endswith("certificate required")
    for sni, host in (("exact.deep.test", "any.deep.test"), ("any.shallow.test", "closed.shallow.test")):
        assert get(running.port, sni, pki, host=host).status == 421


class Splitter:
    """A TLS client whose first flight leaves in records of `size` bytes each."""

    def __init__(self, port, ctx, name, size):
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = ctx.wrap_bio(self.incoming, self.outgoing, server_hostname=name)
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        try:
            self.tls.do_handshake()
        except ssl.SSLWantReadError:
            pass
        record = self.outgoing.read()
        hello = record[5:]
        pieces = [hello[at:at + size] for at in range(0, len(hello), size)]
        self.socket.sendall(b"".join(record[:3] + len(piece).to_bytes(2, "big") + piece for piece in pieces))

    def until_done(self, step):
        while True:
            try:
                done = step()
                self.flush()
                return done
            except ssl.SSLWantReadError:
                self.flush()
                data = self.socket.recv(65536)
                if not data:
                    raise ConnectionError("closed") from None
                self.incoming.write(data)

    def flush(self):
        if self.outgoing.pending:
            self.socket.sendall(self.outgoing.read())

    def request(self, host):
        self.until_done(self.tls.do_handshake)
        self.tls.write(head(host=host, fields=[("Connection", "close")]))
        return self.until_done(lambda: self.tls.read(65536))


@pytest.mark.parametrize("size", [1, 7, 100])
def test_a_client_hello_in_many_records_gets_its_own_host(pki, gateway, size):
    running = gateway(document(
        pki, virtual_host(pki, "lax", default=True, allow_lax_default=True, routes=[respond("lax")]),
        virtual_host(pki, "strict", "strict", routes=[respond("strict")])))
    assert b"strict" in Splitter(running.port, context(pki, cert=pki.client), "strict.test", size).request("strict.test")
    with pytest.raises((ssl.SSLError, ConnectionError)) as refused:
        Splitter(running.port, context(pki), "strict.test", size).request("strict.test")
    assert "CERTIFICATE_REQUIRED" in str(refused.value).upper().replace(" ", "_")


def test_a_ca_file_that_is_missing_refuses_the_config(pki, gateway):
    doc = document(pki, virtual_host(pki, "strict", "strict", routes=[respond("strict")]))
    running = gateway(doc)
    good = dict(doc["trust"])
    for broken in ({"ca": ["nowhere.pem"]}, {"ca": []}, {}):
        doc["trust"] = {name: broken for name in good}
        running.write(doc)
        assert running.ctl("reload").returncode == 1
        assert tls_error(running.port, "strict.test", pki, version="1.3").endswith("certificate required")
        assert get(running.port, "strict.test", pki, cert=pki.client).text == "strict"
        unstarted = gateway.unstarted(doc)
        unstarted.spawn()
        assert unstarted.wait() == 78


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_a_second_certificate_in_the_chain_is_nobody(pki, gateway, version, tmp_path):
    """The client proves alice's key and sends bob's certificate, too, before and behind the intermediates."""
    running = gateway(document(
        pki, virtual_host(pki, "strict", "strict", policy="p", routes=[{"path": "/*", "respond": {"status": 200, "body": "in"}}]),
        policies={"p": {"rules": [{"name": "bob", "effect": "allow", "when": {"cn": "bob"}}]}}))
    assert get(running.port, "strict.test", pki, cert=pki.bob, version=version).text == "in"
    stuffed = tmp_path / "stuffed.pem"
    stuffed.write_bytes(pki.client.pem.read_bytes() + pki.bob.pem.read_bytes())
    ctx = context(pki, version=version)
    ctx.load_cert_chain(stuffed, pki.client.key)
    assert get(running.port, "strict.test", pki, ctx=ctx).status == 403
    assert running.logged(reason="policy_denied")["identity"]["cn"] == "alice"


# --- the list -------------------------------------------------------------------------------------------------------------------

def test_the_page_is_made_from_the_list():
    done = subprocess.run([sys.executable, str(ROOT / "tests/guards/table.py"), "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def unit_tests(library):
    text = "".join(path.read_text() for path in (ROOT / "tests/unit" / library).glob("*.cc"))
    return set(re.findall(r'TEST_CASE\(\s*"((?:[^"\\]|\\.)*)"', text))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_each_guard_stands_where_the_list_says_and_each_test_exists(case):
    for edit in case.edits:
        assert (ROOT / edit.file).read_text().count(edit.guard) == 1, f"{edit.file} has not one:\n{edit.guard}"
        assert edit.without != edit.guard
    assert case.tests or not case.edits
    for test in case.tests:
        if "::" in test:
            file, name = test.split("::")
            assert f"def {name}(" in (ROOT / "tests/integration" / file).read_text(), test
        else:
            library, name = test.split(": ", 1)
            assert name in unit_tests(library), test
