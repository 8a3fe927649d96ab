"""`watch: files`, the default: certificates, keys, CAs and CRLs that change are taken up by themselves, each on its own. A bad one
keeps what was in use before, and alarms; the config file is not read."""
import json
import os
import shutil
import ssl
import threading
import time

import pytest

from harness.clients import context, get, tls, tls_error
from harness.config import document, respond, virtual_host
from harness.waiting import eventually

# What was renamed into place is in force within a second. Sanitized binaries are slow, busy machines too.
PROMISE = 10.0 if os.environ.get("GATEWAY_SANITIZED") else 1.0


def events(running, message):
    lines = [json.loads(line) for line in running.stderr().splitlines() if line.startswith("{") and line.endswith("}")]
    return [line for line in lines if message in line.get("message", "")]


def put(source, target):
    """As a careful writer does: a new file, renamed over the old one."""
    fresh = target.with_name(target.name + ".new")
    shutil.copy(source, fresh)
    fresh.rename(target)


def presented(running, pki, sni):
    with tls(running.port, sni, pki) as connection:
        return connection.sock.getpeercert(True)


def refusal(running, pki, sni, cert):
    """The alert that refuses this client; "" if it is served."""
    try:
        return tls_error(running.port, sni, pki, cert=cert)
    except AssertionError:
        return ""


def stale(running):
    return {(one["item"], one["name"]): one for one in json.loads(running.ctl("--json", "status").stdout)["stale_files"]}


class Files:
    """A folder with the files of a config that a test changes."""

    def __init__(self, folder, pki):
        self.folder, self.pki = folder, pki

    def __truediv__(self, name):
        return self.folder / name

    def pair(self, name, pair):
        put(pair.pem, self.folder / f"{name}.pem")
        put(pair.key, self.folder / f"{name}.key")

    def host(self, name, mode="off", **more):
        """A virtual host whose pair is NAME.pem and NAME.key."""
        self.pair(name, self.pki.server)
        own = {"certificate": str(self.folder / f"{name}.pem"), "key": str(self.folder / f"{name}.key")}
        return virtual_host(self.pki, name, mode, tls=own, **{"routes": [respond(name)], **more})

    def trust(self, name, authority):
        """A trust set with NAME-ca.pem and NAME.crl."""
        put(authority.pem, self.folder / f"{name}-ca.pem")
        authority.write_crl(self.folder / f"{name}.crl")
        return {"ca": [str(self.folder / f"{name}-ca.pem")], "crl": [str(self.folder / f"{name}.crl")]}


@pytest.fixture
def files(tmp_path, pki):
    return Files(tmp_path, pki)


def fresh_pair(pki, stem, **more):
    return pki.server_ca.issue(stem, "gateway", server=True, dns=["*.test"], **more)


def test_a_new_pair_is_served_and_a_half_edited_config_is_not_read(pki, gateway, files):
    running = gateway(document(pki, files.host("open")))
    before = running.config.read_text()
    running.config.write_text(before.replace("open.test", "elsewhere.test")[:-40] + "\n  half: [an edit")
    pair = fresh_pair(pki, "files-new")
    with tls(running.port, "open.test", pki) as connection:
        assert connection.request().text == "open"
        files.pair("open", pair)
        eventually(lambda: presented(running, pki, "open.test") == pair.der, "the new certificate is served")
        assert connection.request().text == "open", "whoever is connected stays"
    assert running.metric("gateway_config_generation") == 1 and running.metric("gateway_config_last_reload_success") == 1
    assert running.metric("gateway_rotations_total", item="certificate", result="rotated") == 1
    assert running.metric("gateway_rotation_stale") == 0 and stale(running) == {}
    assert [event["name"] for event in events(running, "files rotated")] == ["open"]


def test_a_certificate_and_its_key_one_after_the_other_are_one_rotation_without_an_alarm(pki, gateway, files):
    running = gateway(document(pki, files.host("open")))
    pair = fresh_pair(pki, "files-steps")
    put(pair.pem, files / "open.pem")
    eventually(lambda: ("certificate", "open") in stale(running), "the mismatch is seen")
    assert presented(running, pki, "open.test") == pki.server.der, "no handshake sees half a pair"
    put(pair.key, files / "open.key")
    eventually(lambda: presented(running, pki, "open.test") == pair.der, "the pair is whole")
    assert stale(running) == {}
    assert not [event for event in events(running, "") if event["level"] in ("error", "warning")], running.stderr()


def test_what_is_at_fault_keeps_its_last_good_and_alarms_while_all_else_rotates(pki, gateway, files):
    faults = {
        "mismatch": lambda: put(fresh_pair(pki, "other-key").pem, files / "mismatch.pem"),
        "garbage": lambda: (files / "garbage.pem").write_text("nothing of use"),
        "keyless": lambda: (files / "keyless.key").unlink(),
        "expired": lambda: files.pair("expired", fresh_pair(pki, "files-expired", start=-30, days=-1)),
        "future": lambda: files.pair("future", fresh_pair(pki, "files-future", start=10, days=20)),
    }
    trust_faults = {
        "no-ca": lambda: put(pki.client.pem, files / "no-ca-ca.pem"),
        "ca-gone": lambda: (files / "ca-gone-ca.pem").unlink(),
        "no-crl": lambda: (files / "no-crl.crl").write_text("nothing of use"),
        "crl-gone": lambda: (files / "crl-gone.crl").unlink(),
        "forged": lambda: pki.impostor.write_crl(files / "forged.crl", number=2),
        "older": lambda: pki.root.write_crl(files / "older.crl", start=-9),
    }
    hosts = [files.host(name) for name in [*faults, "good"]]
    hosts += [files.host(name, "strict", trust=name) for name in [*trust_faults, "renewed"]]
    running = gateway(document(pki, *hosts, trust={name: files.trust(name, pki.root) for name in [*trust_faults, "renewed"]}))
    for spoil in [*faults.values(), *trust_faults.values()]:
        spoil()
    pair = fresh_pair(pki, "files-good")
    files.pair("good", pair)
    pki.root.write_crl(files / "renewed.crl", [pki.client], number=2)
    eventually(lambda: presented(running, pki, "good.test") == pair.der, "the good pair is not held up")
    eventually(lambda: "revoked" in refusal(running, pki, "renewed.test", pki.client), "nor is the good CRL")

    wanted = {("certificate", name) for name in faults}
    wanted |= {("ca" if name in ("no-ca", "ca-gone") else "crl", name) for name in trust_faults}
    eventually(lambda: running.metric("gateway_rotation_stale") == len(wanted), "everything at fault alarms")
    found = stale(running)
    assert set(found) == wanted and all(one["alarm"] for one in found.values())
    told = {(event["item"], event["name"]): event for event in events(running, "a file can't be taken")}
    assert set(told) == wanted
    for key, words in {("certificate", "mismatch"): "does not match", ("certificate", "garbage"): "can't be parsed",
                       ("certificate", "keyless"): "No such file", ("certificate", "expired"): "expired on",
                       ("certificate", "future"): "not valid before", ("ca", "no-ca"): "is no CA", ("ca", "ca-gone"): "No such file",
                       ("crl", "no-crl"): "CRL", ("crl", "crl-gone"): "No such file", ("crl", "forged"): "signature",
                       ("crl", "older"): "older than the one in use"}.items():
        assert words in told[key]["detail"] and words in found[key]["reason"], (key, told[key])
        assert key[1] in told[key]["file"]
    for name in faults:
        assert presented(running, pki, f"{name}.test") == pki.server.der, name
    for name in trust_faults:
        assert get(running.port, f"{name}.test", pki, cert=pki.client).status == 200, name
        assert tls_error(running.port, f"{name}.test", pki, cert=pki.stranger), name
    taken_by_a_load = {("certificate", "expired"), ("certificate", "future"), ("crl", "older")}
    assert {key for key, one in found.items() if one["restart"] == "would take the file"} == taken_by_a_load

    # Whoever asks for a load gets all or nothing, with the place of each fault.
    result = running.ctl("reload")
    assert result.returncode == 1
    for name in ("mismatch", "garbage", "keyless", "no-ca", "ca-gone", "no-crl", "crl-gone", "forged"):
        assert any(name in line and ": error: " in line for line in result.stderr.splitlines()), (name, result.stderr)
    assert set(stale(running)) == wanted and get(running.port, "older.test", pki, cert=pki.client).status == 200

    for name in faults:
        files.pair(name, pair)
    for name in trust_faults:
        put(pki.root.pem, files / f"{name}-ca.pem")
        pki.root.write_crl(files / f"{name}.crl", [pki.client], number=3)
    eventually(lambda: stale(running) == {}, "all is mended")
    assert running.metric("gateway_rotation_stale") == 0
    for name in faults:
        assert presented(running, pki, f"{name}.test") == pair.der
    for name in trust_faults:
        assert "revoked" in tls_error(running.port, f"{name}.test", pki, cert=pki.client)
    assert len(events(running, "is mended")) == len(wanted)
    assert running.ctl("reload").returncode == 0


@pytest.mark.parametrize("swap", ["rename", "link"])
def test_a_new_crl_is_in_force_within_a_second(pki, gateway, files, swap):
    """New handshakes, resumed sessions and live connections."""
    trust = files.trust("clients", pki.root)
    if swap == "link":
        (files / "v1").mkdir()
        (files / "clients.crl").rename(files / "v1" / "clients.crl")
        (files / "now").symlink_to("v1")
        trust["crl"] = [str(files / "now" / "clients.crl")]
    running = gateway(document(pki, files.host("strict", "strict"), trust={"clients": trust}, workers=2))
    ctx = context(pki, cert=pki.client)
    idle = [tls(running.port, "strict.test", ctx=ctx) for _ in range(4)]
    for connection in idle:
        assert connection.request(host="strict.test").status == 200
    session = idle[0].sock.session
    if swap == "link":
        (files / "v2").mkdir()
        pki.root.write_crl(files / "v2" / "clients.crl", [pki.client], number=2)
        (files / "next").symlink_to("v2")
        start = time.monotonic()
        (files / "next").rename(files / "now")
    else:
        fresh = pki.root.write_crl(files / "fresh.crl", [pki.client], number=2)
        start = time.monotonic()
        fresh.rename(files / "clients.crl")
    for connection in idle:
        assert connection.is_closed()
    closed = time.monotonic() - start
    assert "revoked" in tls_error(running.port, "strict.test", pki, cert=pki.client)
    with pytest.raises((ssl.SSLError, ConnectionError)):
        with tls(running.port, "strict.test", ctx=ctx, session=session) as connection:
            connection.request(host="strict.test")
    assert closed < PROMISE, closed
    assert get(running.port, "strict.test", pki, cert=pki.bob).status == 200


@pytest.mark.parametrize("fault", ["garbage", "gone", "forged"])
def test_a_bad_crl_file_holds_back_neither_a_revocation_in_another_one_nor_a_new_ca(pki, gateway, files, fault):
    folder = files / "crls"
    folder.mkdir()
    pki.root.write_crl(folder / "root.crl")
    pki.other.write_crl(folder / "other.crl", [pki.stranger])
    put(pki.root.pem, files / "cas.pem")
    trust = {"ca": [str(files / "cas.pem")], "crl": [str(folder)]}
    running = gateway(document(pki, files.host("strict", "strict"), trust={"clients": trust}))
    assert get(running.port, "strict.test", pki, cert=pki.client).status == 200
    if fault == "garbage":
        (folder / "other.crl").write_text("nothing of use")
    elif fault == "forged":
        pki.impostor.write_crl(folder / "third.crl", number=9)
    else:
        (folder / "other.crl").unlink()
    eventually(lambda: ("crl", "clients") in stale(running), "the fault is seen")
    pki.root.write_crl(files / "fresh.crl", [pki.client], number=2).rename(folder / "root.crl")
    eventually(lambda: "revoked" in refusal(running, pki, "strict.test", pki.client), "the new revocation counts")
    assert get(running.port, "strict.test", pki, cert=pki.bob).status == 200
    both = files / "both.pem"
    both.write_bytes(pki.root.pem.read_bytes() + pki.other.pem.read_bytes())
    both.rename(files / "cas.pem")
    eventually(lambda: running.metric("gateway_rotations_total", item="ca", result="rotated") == 1, "the new CA is taken")
    assert "revoked" in tls_error(running.port, "strict.test", pki, cert=pki.stranger), "by the last good CRL of the file at fault"
    assert set(stale(running)) == {("crl", "clients")}
    (folder / "third.crl").unlink(missing_ok=True)
    pki.other.write_crl(files / "mended.crl", number=2).rename(folder / "other.crl")
    eventually(lambda: stale(running) == {}, "it is mended")
    assert get(running.port, "strict.test", pki, cert=pki.stranger).status == 200


def test_a_ca_that_is_added_admits_its_clients_and_one_that_leaves_does_not(pki, gateway, files):
    running = gateway(document(pki, files.host("strict", "strict"), trust={"clients": {**files.trust("clients", pki.root), "crl": []}}))
    old = tls(running.port, "strict.test", pki, cert=pki.client)
    assert old.request(host="strict.test").status == 200
    assert tls_error(running.port, "strict.test", pki, cert=pki.stranger)
    both = files / "both.pem"
    both.write_bytes(pki.root.pem.read_bytes() + pki.other.pem.read_bytes())
    both.rename(files / "clients-ca.pem")
    eventually(lambda: refusal(running, pki, "strict.test", pki.stranger) == "", "the new CA's clients are admitted")
    assert old.request(host="strict.test").status == 200, "the old CA's clients stay"
    assert get(running.port, "strict.test", pki, cert=pki.client).status == 200
    put(pki.other.pem, files / "clients-ca.pem")
    assert old.is_closed(), "whoever came by the CA that left"
    assert tls_error(running.port, "strict.test", pki, cert=pki.client)
    assert get(running.port, "strict.test", pki, cert=pki.stranger).status == 200


def test_fifty_rotations_under_load_lose_nothing_and_each_connection_sees_one_whole_pair(pki, gateway, origin, files):
    behind = origin()
    rounds = 10 if os.environ.get("GATEWAY_SANITIZED") else 50
    pairs = [fresh_pair(pki, f"load-{number}") for number in range(4)]
    running = gateway(document(pki, files.host("open", routes=None), files.host("still", routes=None), origins=[behind.address], workers=2))
    stop, failures, served, known = threading.Event(), [], [0, 0, 0], {pki.server.der, *(pair.der for pair in pairs)}

    def load(index, sni, keep_alive):
        ctx, connection = context(pki), None
        while not stop.is_set():
            try:
                if connection is None:
                    connection = tls(running.port, sni, ctx=ctx)
                    if connection.sock.getpeercert(True) not in known:
                        failures.append("a certificate that nobody made")
                if connection.request(host=sni).status != 200:
                    failures.append("status")
                served[index] += 1
                if not keep_alive:
                    connection.close()
                    connection = None
            except Exception as error:  # noqa: B902: whatever it was, a request failed
                failures.append(repr(error))
                connection = None
        if connection:
            connection.close()

    clients = [threading.Thread(target=load, args=each)
               for each in [(0, "open.test", True), (1, "open.test", False), (2, "still.test", True)]]
    for client in clients:
        client.start()
    try:
        for number in range(rounds):
            pair = pairs[number % len(pairs)]
            files.pair("open", pair)
            eventually(lambda: presented(running, pki, "open.test") == pair.der, f"certificate {number} is served")
    finally:
        stop.set()
        for client in clients:
            client.join()
    assert failures == [] and min(served) > rounds, served
    assert running.metric("gateway_rotations_total", item="certificate", result="rotated") == rounds
    assert running.metric("gateway_rotation_stale") == 0


def test_a_secret_that_kubernetes_swaps_is_taken_up(pki, gateway, tmp_path):
    """NAME -> ..data/NAME, ..data -> ..VERSION, swapped by one rename; the old version is removed at once."""
    secret = tmp_path / "secret"
    secret.mkdir()

    def publish(version, pair):
        fresh = secret / f"..2026_{version}"
        fresh.mkdir()
        shutil.copy(pair.pem, fresh / "tls.crt")
        shutil.copy(pair.key, fresh / "tls.key")
        (secret / "..data_tmp").symlink_to(fresh.name)
        (secret / "..data_tmp").rename(secret / "..data")
        shutil.rmtree(secret / f"..2026_{version - 1}", ignore_errors=True)

    publish(1, pki.server)
    for name in ("tls.crt", "tls.key"):
        (secret / name).symlink_to(f"..data/{name}")
    host = virtual_host(pki, "open", tls={"certificate": str(secret / "tls.crt"), "key": str(secret / "tls.key")}, routes=[respond()])
    running = gateway(document(pki, host))
    for version in range(2, 5):
        pair = fresh_pair(pki, f"swapped-{version}")
        publish(version, pair)
        eventually(lambda: presented(running, pki, "open.test") == pair.der, "the swapped pair is served")
    assert running.metric("gateway_rotations_total", item="certificate", result="rotated") == 3
    assert running.metric("gateway_rotations_total", result="kept") == 0


def test_a_refused_reload_does_not_end_the_watch(pki, gateway, files):
    running = gateway(document(pki, files.host("open")))
    running.write("nonsense: [")
    assert running.ctl("reload").returncode == 1
    pair = fresh_pair(pki, "files-after")
    files.pair("open", pair)
    eventually(lambda: presented(running, pki, "open.test") == pair.der, "the new certificate is served")


def test_off_watches_nothing(pki, gateway, files):
    quiet, beside = gateway(document(pki, files.host("open"), watch=False)), gateway(document(pki, files.host("beside")))
    pair = fresh_pair(pki, "files-off")
    files.pair("open", pair)
    files.pair("beside", pair)
    eventually(lambda: presented(beside, pki, "beside.test") == pair.der, "a gateway that watches has noticed by now")
    assert presented(quiet, pki, "open.test") == pki.server.der
    quiet.reload()
    assert presented(quiet, pki, "open.test") == pair.der
