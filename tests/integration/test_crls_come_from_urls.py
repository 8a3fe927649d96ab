"""CRLs by URL: fetched in the background, the last good copy kept on disk, everybody refused until there is one."""
import os
import shutil
import ssl

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from harness.clients import get, tls, tls_error
from harness.config import document, respond, virtual_host
from harness.gateway import ctl
from harness.http import Closed
from harness.origin import answer
from harness.waiting import eventually, free_port


class Distributor:
    """What the URL serves: a CRL, some bytes, or (None) nothing but a closed connection."""

    def __init__(self, origin):
        self.content, self.status = None, 200
        self.server = origin(self.handle)
        self.url = f"http://{self.server.address}/ca.crl"

    def handle(self, exchange):
        if self.content is None:
            exchange.close()
            raise Closed
        return answer(self.status, self.content)

    def asked(self):
        return len(self.server.requests)

    def wait_asked_again(self, times=2):
        before = self.asked()
        eventually(lambda: self.asked() >= before + times, "the distributor was asked again")


@pytest.fixture
def distributor(origin):
    return Distributor(origin)


@pytest.fixture
def crl_of(tmp_path):
    """crl_of(authority, revoked, number=…) -> DER."""

    def make(authority, revoked=(), **options):
        path = authority.write_crl(tmp_path / "made.crl", revoked, **options)
        return x509.load_pem_x509_crl(path.read_bytes()).public_bytes(serialization.Encoding.DER)

    return make


def config(pki, url, *, revocation=None, **more):
    trust = {"clients": {"ca": [str(pki.root.pem)], "crl": [url], "revocation": {"refresh": "1s", **(revocation or {})}},
             "others": {"ca": [str(pki.other.pem)]}}
    return document(pki, virtual_host(pki, "strict", "strict", routes=[respond()]),
                    virtual_host(pki, "strict2", "strict", trust="others", routes=[respond()]), trust=trust, **more)


def admitted(running, pki, cert):
    try:
        return get(running.port, "strict.test", pki, cert=cert).status == 200
    except ssl.SSLError:
        return False


def wait_admitted(running, pki, cert):
    eventually(lambda: admitted(running, pki, cert), "the client is admitted")


def test_until_the_first_copy_has_come_everybody_is_refused_and_then_nobody_else(pki, gateway, distributor, crl_of):
    running = gateway(config(pki, distributor.url))
    assert tls_error(running.port, "strict.test", pki, cert=pki.client).endswith("certificate unknown")
    running.logged(reason="crl_missing")
    assert "has not been fetched yet" in running.stderr() and "CRL can't be fetched" in running.stderr()
    assert running.metric("gateway_crl_pending", trust="clients") == 1 and running.metric("gateway_crl_pending", trust="others") == 0
    running.counted(1, "gateway_crl_fetches_total", url=distributor.url, result="failed")
    assert running.metric("gateway_crl_fetch_failing", url=distributor.url) == 1
    # Another trust set has nothing to do with it.
    assert get(running.port, "strict2.test", pki, cert=pki.stranger).status == 200

    distributor.content = crl_of(pki.root, [pki.revoked])
    wait_admitted(running, pki, pki.client)
    assert tls_error(running.port, "strict.test", pki, cert=pki.revoked).endswith("certificate revoked")
    assert running.metric("gateway_crl_pending", trust="clients") == 0
    running.counted(1, "gateway_crl_fetches_total", url=distributor.url, result="replaced")
    assert running.metric("gateway_crl_fetch_failing", url=distributor.url) == 0
    assert running.metric("gateway_crl_fetch_last_success_timestamp_seconds", url=distributor.url) > 0


@pytest.mark.parametrize("watch", ["off", "files"])
def test_a_new_crl_reaches_live_connections_and_takes_up_no_edit_of_the_config(pki, gateway, distributor, crl_of, watch):
    distributor.content = crl_of(pki.root)
    running = gateway(config(pki, distributor.url, watch=watch))
    wait_admitted(running, pki, pki.client)
    running.config.write_text("half edited: [")
    with tls(running.port, "strict.test", pki, cert=pki.client) as live:
        assert live.request(host="strict.test").status == 200
        distributor.content = crl_of(pki.root, [pki.client], number=2)
        assert live.is_closed()
    assert tls_error(running.port, "strict.test", pki, cert=pki.client).endswith("certificate revoked")
    assert get(running.port, "strict.test", pki, cert=pki.bob).status == 200
    assert running.metric("gateway_config_generation") == 1 and running.metric("gateway_config_last_reload_success") == 1


def test_the_last_good_copy_serves_on_without_the_distributor_also_after_a_restart(pki, gateway, distributor, crl_of, tmp_path):
    distributor.content = crl_of(pki.root, [pki.revoked])
    environment = {"STATE_DIRECTORY": str(tmp_path / "state")}
    running = gateway(config(pki, distributor.url), environment=environment)
    wait_admitted(running, pki, pki.client)
    distributor.content = None
    distributor.wait_asked_again()
    running.counted(1, "gateway_crl_fetches_total", url=distributor.url, result="failed")
    assert get(running.port, "strict.test", pki, cert=pki.client).status == 200
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700
    running.stop()

    again = gateway(config(pki, distributor.url), environment=environment)
    assert get(again.port, "strict.test", pki, cert=pki.client).status == 200
    assert tls_error(again.port, "strict.test", pki, cert=pki.revoked).endswith("certificate revoked")


def test_neither_an_older_nor_a_forged_nor_a_broken_crl_replaces_the_last_good(pki, gateway, distributor, crl_of):
    distributor.content = crl_of(pki.root, [pki.revoked], number=7)
    running = gateway(config(pki, distributor.url))
    wait_admitted(running, pki, pki.client)
    bad = [crl_of(pki.root, start=-2), crl_of(pki.impostor, start=0), crl_of(pki.other, start=0), b"<html>Sorry</html>",
           distributor.content[:-1]]
    for number, content in enumerate(bad, 1):
        distributor.content = content
        running.counted(number, "gateway_crl_fetches_total", url=distributor.url, result="refused")
    assert tls_error(running.port, "strict.test", pki, cert=pki.revoked).endswith("certificate revoked")
    assert get(running.port, "strict.test", pki, cert=pki.client).status == 200
    for fault in ("is older than the one that is in use", "signature is not by the key", "is no CA of the trust set"):
        assert fault in running.stderr()


def test_a_lost_copy_keeps_what_is_in_use_and_is_fetched_again(pki, gateway, distributor, crl_of):
    distributor.content = crl_of(pki.root, [pki.revoked])
    running = gateway(config(pki, distributor.url))
    wait_admitted(running, pki, pki.client)
    folder = running.folder / "state" / "crl"
    shutil.rmtree(folder)
    eventually(lambda: folder.exists() and list(folder.glob("*.crl")), "the CRL is there again")
    assert get(running.port, "strict.test", pki, cert=pki.client).status == 200
    assert tls_error(running.port, "strict.test", pki, cert=pki.revoked).endswith("certificate revoked")


def test_a_broken_copy_is_as_good_as_none(pki, gateway, distributor, crl_of, tmp_path):
    distributor.content = crl_of(pki.root, [pki.revoked])
    environment = {"STATE_DIRECTORY": str(tmp_path / "state")}
    running = gateway(config(pki, distributor.url), environment=environment)
    wait_admitted(running, pki, pki.client)
    running.stop()
    [copy] = (tmp_path / "state" / "crl").glob("*.crl")
    for content in (b"", b"junk", crl_of(pki.impostor)):
        copy.write_bytes(content)
        distributor.content = None
        again = gateway(config(pki, distributor.url), environment=environment)
        assert tls_error(again.port, "strict.test", pki, cert=pki.client).endswith("certificate unknown")
        distributor.content = crl_of(pki.root, [pki.revoked])
        wait_admitted(again, pki, pki.client)
        again.stop()


def test_a_reload_adds_and_drops_urls(pki, gateway, origin, distributor, crl_of):
    distributor.content = crl_of(pki.root)
    running = gateway(config(pki, distributor.url))
    wait_admitted(running, pki, pki.client)
    second = Distributor(origin)
    second.content = crl_of(pki.root, [pki.client], number=2, start=0)
    doc = config(pki, second.url)
    assert "URLs of CRLs changed" in running.reload(doc).stdout
    eventually(lambda: tls_error(running.port, "strict.test", pki, cert=pki.client).endswith("certificate revoked"), "the second CRL counts")
    assert {labels["url"] for name, labels, _ in running.samples() if name == "gateway_crl_fetches_total"} == {second.url}
    asked = distributor.asked()
    second.wait_asked_again(2)
    assert distributor.asked() == asked


def test_an_intermediates_crl_is_taken_unproven_only_where_a_missing_one_refuses(pki, gateway, distributor, crl_of):
    distributor.content = crl_of(pki.issuing, [])
    running = gateway(config(pki, distributor.url))
    running.counted(1, "gateway_crl_fetches_total", url=distributor.url, result="refused")
    assert not admitted(running, pki, pki.deep)
    both = config(pki, distributor.url, revocation={"require": True})
    both["trust"]["clients"]["crl"].append(str(pki.crl))
    running.reload(both)
    wait_admitted(running, pki, pki.deep)


def test_check_fetches_nothing_and_says_what_is_missing(pki, gateway, distributor, crl_of):
    distributor.content = crl_of(pki.root)
    running = gateway.unstarted(config(pki, distributor.url))
    checked = ctl("check", str(running.config), env={**os.environ, "STATE_DIRECTORY": str(running.folder / "state")})
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "has not been fetched yet" in checked.stdout + checked.stderr
    assert distributor.asked() == 0


def test_a_server_that_never_answers_holds_nothing_up_not_even_the_end(pki, gateway, origin):
    silent = origin(lambda exchange: exchange.reader.fill())
    running = gateway(config(pki, f"http://{silent.address}/ca.crl"))
    eventually(lambda: silent.connections, "the URL is asked for")
    assert get(running.port, "strict2.test", pki, cert=pki.stranger).status == 200
    assert running.ctl("status").returncode == 0
    running.stop()  # within seconds, or it fails


@pytest.mark.parametrize("url", ["https://crl.example/ca.crl", "ldap://crl.example/ca.crl", "http://user@crl.example/", "http://"])
def test_only_clean_http_urls_are_taken(pki, gateway, url):
    running = gateway.unstarted(config(pki, url))
    checked = running.check()
    assert checked.returncode != 0 and url in checked.stdout + checked.stderr


def test_an_unreachable_port_is_retried_until_somebody_listens(pki, gateway, origin, crl_of):
    port = free_port()
    running = gateway(config(pki, f"http://localhost:{port}/ca.crl"))
    running.counted(1, "gateway_crl_fetch_failing")
    assert not admitted(running, pki, pki.client)
