"""`watch: true`: whatever file changes, however it is replaced, is taken up without anybody asking; a bad one changes nothing."""
import json
import os
import shutil
import threading

import pytest

from harness.clients import context, get, tls, tls_error
from harness.config import document, dump, respond, virtual_host
from harness.waiting import eventually


def events(running):
    lines = [json.loads(line) for line in running.stderr().splitlines() if line.startswith("{") and line.endswith("}")]
    return [line for line in lines if line.get("trigger") == "watch"]


def generation(running):
    return running.metric("gateway_config_generation")


def taken(running, number):
    eventually(lambda: generation(running) >= number, f"generation {number} by itself")
    assert generation(running) == number
    assert running.metric("gateway_config_last_reload_success") == 1


def refused(running, count=1):
    """So many loads by the watcher were refused, and the last one was."""
    found = eventually(lambda: [e for e in events(running) if e["message"] == "config refused"][count - 1:], f"{count} refused")
    assert len(found) == 1
    eventually(lambda: running.metric("gateway_config_last_reload_success") == 0, "the metric says so")
    assert running.metric("gateway_config_reloads_total", trigger="watch", result="refused") == count


@pytest.fixture
def time_for_a_reload(pki, gateway):
    """time_for_a_reload() returns when a change that happens now has been taken up by a gateway beside the test's own: what that
    one would have noticed before, it has by then."""
    def doc(number):
        return document(pki, virtual_host(pki, "open", routes=[respond(str(number))]), watch=True)

    beside = gateway(doc(1))

    def wait():
        number = int(generation(beside)) + 1
        beside.write(doc(number))
        taken(beside, number)

    return wait


class Mount:
    """A ConfigMap or Secret as the kubelet mounts it: NAME -> ..data/NAME, ..data -> ..VERSION, swapped by a rename."""

    def __init__(self, folder, **files):
        self.folder, self.version = folder, 0
        folder.mkdir()
        self.publish(**files)

    def publish(self, **files):
        self.version += 1
        old = self.folder / f"..2026_{self.version - 1}"
        fresh = self.folder / f"..2026_{self.version}"
        fresh.mkdir()
        for name, content in files.items():
            content = content if isinstance(content, bytes) else content.encode()
            (fresh / name).write_bytes(content)
            (fresh / name).chmod(0o600)
        temporary = self.folder / "..data_tmp"
        temporary.symlink_to(fresh.name)
        temporary.rename(self.folder / "..data")
        for name in files:
            if not (self.folder / name).is_symlink():
                (self.folder / name).symlink_to(f"..data/{name}")
        for name in [path.name for path in self.folder.iterdir() if path.is_symlink() and not path.name.startswith("..")]:
            if name not in files:
                (self.folder / name).unlink()
        if old.exists():
            shutil.rmtree(old)


@pytest.fixture
def watched(pki, gateway):
    """watched(text) -> gateway with one open host that answers with the text, and a function that makes its document."""
    def doc(text, **more):
        return document(pki, virtual_host(pki, "open", routes=[respond(text)]), watch=True, **more)

    running = gateway(doc("one"))
    return running, doc


def test_a_config_that_is_renamed_into_place_is_taken_up(watched, pki):
    running, doc = watched
    running.write(doc("two"))
    taken(running, 2)
    assert get(running.port, "open.test", pki).text == "two"
    assert events(running)[-1]["message"] == "config adopted by all workers"
    assert running.metric("gateway_config_reloads_total", trigger="watch", result="reloaded") == 1
    status = json.loads(running.ctl("--json", "status").stdout)
    assert status["last_reload"]["trigger"] == "watch" and status["last_reload"]["result"] == "reloaded"


def test_a_config_that_is_written_in_place_is_taken_up_once(watched, pki):
    """In pieces, as a slow editor does: the pieces are no configs of their own."""
    running, doc = watched
    text = dump(running.complete(doc("two")))
    with open(running.config, "w") as file:
        for start in range(0, len(text), 100):
            file.write(text[start:start + 100])
            file.flush()
            os.fsync(file.fileno())
    taken(running, 2)
    assert get(running.port, "open.test", pki).text == "two"
    assert not [event for event in events(running) if event["level"] == "error"]


def test_a_bad_config_changes_nothing_says_where_and_is_healed_by_a_good_one(watched, pki):
    running, doc = watched
    running.write(dump(running.complete(doc("two"))).replace("virtual_hosts:", "virtual_hosts:\n- name: [broken"))
    refused(running)
    errors = [event for event in events(running) if event["level"] == "error"]
    assert any("gateway.yaml:" in event["message"] for event in errors), errors
    assert get(running.port, "open.test", pki).text == "one"
    assert generation(running) == 1
    running.write(doc("three"))
    taken(running, 2)
    assert get(running.port, "open.test", pki).text == "three"


def test_a_refusal_is_not_repeated_until_something_changes(watched, time_for_a_reload):
    running, doc = watched
    running.write("nonsense: [")
    refused(running)
    time_for_a_reload()
    refused(running)
    running.write(doc("two"))
    taken(running, 2)


def test_a_missing_key_that_appears_heals_the_config(pki, gateway, tmp_path):
    fresh = pki.server_ca.issue("appearing", "gateway", server=True, dns=["*.test"])
    secret = tmp_path / "secret"
    host = virtual_host(pki, "open", routes=[respond("one")])
    running = gateway(document(pki, host, watch=True))
    host["tls"].update(certificate=str(fresh.pem), key=str(secret / "late" / "tls.key"))
    running.write(document(pki, host, watch=True))
    refused(running)
    assert any("tls.key" in event["message"] for event in events(running)), "the log names the file that is missing"
    (secret / "late").mkdir(parents=True)
    shutil.copy(fresh.key, secret / "late" / "tls.key")
    taken(running, 2)
    with tls(running.port, "open.test", pki) as connection:
        assert connection.sock.getpeercert(True) == fresh.der


def test_a_rotation_in_two_steps_ends_well(pki, gateway, tmp_path):
    """The new certificate stands beside the old key until the second step: refused, served by the old pair, then healed."""
    cert, key = tmp_path / "s.pem", tmp_path / "s.key"
    shutil.copy(pki.server.pem, cert)
    shutil.copy(pki.server.key, key)
    host = virtual_host(pki, "open", tls={"certificate": str(cert), "key": str(key)}, routes=[respond()])
    running = gateway(document(pki, host, watch=True))
    fresh = pki.server_ca.issue("two-steps", "gateway", server=True, dns=["*.test"])
    shutil.copy(fresh.pem, cert)
    refused(running)
    assert any("does not match" in event["message"] for event in events(running))
    with tls(running.port, "open.test", pki) as connection:
        assert connection.sock.getpeercert(True) == pki.server.der
    shutil.copy(fresh.key, key)
    taken(running, 2)
    with tls(running.port, "open.test", pki) as connection:
        assert connection.sock.getpeercert(True) == fresh.der


def test_a_crl_that_is_replaced_ends_the_client_it_revokes(pki, gateway, tmp_path):
    crl = pki.root.write_crl(tmp_path / "own.crl", [])
    running = gateway(document(pki, virtual_host(pki, "strict", "strict", routes=[respond()]), watch=True,
                               trust={"clients": {"ca": [str(pki.root.pem)], "crl": [str(crl)]}}))
    with tls(running.port, "strict.test", pki, cert=pki.client) as connection:
        assert connection.request(host="strict.test").status == 200
        pki.root.write_crl(crl, [pki.client], number=2)
        # The gateway's own promise is a second; the harness' patience only says that it came at all.
        assert connection.is_closed(), "the live connection is ended"
    assert tls_error(running.port, "strict.test", pki, cert=pki.client).endswith("certificate revoked")
    assert generation(running) == 2


def in_kubernetes(pki, tmp_path, gateway, text="one", behind=None):
    """A gateway whose config is a ConfigMap and whose pairs and CRL are Secrets, each in a mount of its own."""
    secret = Mount(tmp_path / "tls", **{"tls.crt": pki.server.pem.read_bytes(), "tls.key": pki.server.key.read_bytes()})
    trust = Mount(tmp_path / "ca", **{"ca.crt": pki.root.pem.read_bytes(), "ca.crl": pki.crl.read_bytes()})

    def doc(answer):
        hosts = [virtual_host(pki, "open", routes=None if behind else [respond(answer)]),
                 virtual_host(pki, "strict", "strict", routes=[respond(answer)])]
        for host in hosts:
            host["tls"].update(certificate="../tls/tls.crt", key="../tls/tls.key")
        return document(pki, *hosts, origins=[behind.address] if behind else (), watch=True,
                        trust={"clients": {"ca": ["../ca/ca.crt"], "crl": ["../ca/ca.crl"]}}, workers=2)

    running = gateway.unstarted(doc(text))
    config = Mount(tmp_path / "config", **{"gateway.yaml": dump(running.complete(doc(text)))})
    running.config = tmp_path / "config" / "gateway.yaml"
    running.start()
    publish = lambda answer: config.publish(**{"gateway.yaml": dump(running.complete(doc(answer)))})  # noqa: E731
    return running, publish, config, secret, trust


def test_config_maps_and_secrets_that_are_swapped_are_taken_up(pki, gateway, tmp_path):
    running, publish, config, secret, trust = in_kubernetes(pki, tmp_path, gateway)
    publish("two")
    taken(running, 2)
    assert get(running.port, "open.test", pki).text == "two"
    fresh = pki.server_ca.issue("swapped", "gateway", server=True, dns=["*.test"])
    secret.publish(**{"tls.crt": fresh.pem.read_bytes(), "tls.key": fresh.key.read_bytes()})
    taken(running, 3)
    with tls(running.port, "open.test", pki) as connection:
        assert connection.sock.getpeercert(True) == fresh.der
    crl = pki.root.write_crl(tmp_path / "next.crl", [pki.client], number=2)
    trust.publish(**{"ca.crt": pki.root.pem.read_bytes(), "ca.crl": crl.read_bytes()})
    taken(running, 4)
    assert tls_error(running.port, "strict.test", pki, cert=pki.client).endswith("certificate revoked")
    assert get(running.port, "strict.test", pki, cert=pki.bob).status == 200
    assert [event["message"] for event in events(running) if event["level"] != "info"] == []


def test_a_secret_without_its_key_is_refused_until_it_is_whole(pki, gateway, tmp_path):
    running, publish, config, secret, trust = in_kubernetes(pki, tmp_path, gateway)
    pair = {"tls.crt": pki.server.pem.read_bytes(), "tls.key": pki.server.key.read_bytes()}
    secret.publish(**{"tls.crt": pair["tls.crt"]})
    refused(running)
    assert any("tls.key" in event["message"] for event in events(running))
    assert get(running.port, "open.test", pki).text == "one"
    config.publish(**{"gateway.yaml": "virtual_hosts: nonsense\n"})
    refused(running, 2)
    assert get(running.port, "open.test", pki).text == "one"
    secret.publish(**pair)
    publish("two")
    eventually(lambda: get(running.port, "open.test", pki).text == "two", "both are whole again")
    assert running.metric("gateway_config_last_reload_success") == 1


def test_swaps_under_load_lose_no_request(pki, gateway, origin, tmp_path):
    running, publish, config, secret, trust = in_kubernetes(pki, tmp_path, gateway, behind=origin())
    pairs = [pki.server_ca.issue(f"load{i}", "gateway", server=True, dns=["*.test"]) for i in range(2)]
    stop, failures, served = threading.Event(), [], [0, 0]

    def load(index, keep_alive):
        ctx, connection = context(pki), None
        while not stop.is_set():
            try:
                connection = connection or tls(running.port, "open.test", ctx=ctx)
                status = connection.request().status
                if status != 200:
                    failures.append(status)
                served[index] += 1
                if not keep_alive:
                    connection.close()
                    connection = None
            except Exception as error:  # noqa: B902: whatever it was, a request failed
                failures.append(repr(error))
                connection = None
        if connection:
            connection.close()

    clients = [threading.Thread(target=load, args=each) for each in [(0, True), (1, False)]]
    for client in clients:
        client.start()
    try:
        for number in range(1, 6):
            done = list(served)
            pair = pairs[number % 2]
            publish(f"version {number}")
            secret.publish(**{"tls.crt": pair.pem.read_bytes(), "tls.key": pair.key.read_bytes()})
            eventually(lambda: presented(running, pki) == pair.der, f"certificate {number} is served")
            eventually(lambda: all(now > before for now, before in zip(served, done)), "the clients go on")
    finally:
        stop.set()
        for client in clients:
            client.join()
    assert failures == []
    assert running.metric("gateway_config_last_reload_success") == 1


def presented(running, pki):
    with tls(running.port, "open.test", pki) as connection:
        return connection.sock.getpeercert(True)


def test_a_folder_that_is_removed_and_made_again_is_taken_up(pki, gateway, tmp_path):
    folder = tmp_path / "pair"

    def make(pair):
        folder.mkdir()
        shutil.copy(pair.pem, folder / "s.pem")
        shutil.copy(pair.key, folder / "s.key")

    make(pki.server)
    host = virtual_host(pki, "open", tls={"certificate": str(folder / "s.pem"), "key": str(folder / "s.key")}, routes=[respond()])
    running = gateway(document(pki, host, watch=True))
    shutil.rmtree(folder)
    refused(running)
    fresh = pki.server_ca.issue("again", "gateway", server=True, dns=["*.test"])
    make(fresh)
    eventually(lambda: presented(running, pki) == fresh.der, "the pair of the new folder is served")
    assert running.metric("gateway_config_last_reload_success") == 1


def test_what_the_daemon_writes_beside_its_config_is_no_change(watched, pki, time_for_a_reload):
    """The access log and the admin socket are in the config's own folder."""
    running, doc = watched
    assert running.log.parent == running.config.parent == running.socket.parent
    for _ in range(30):
        assert get(running.port, "open.test", pki).text == "one"
    eventually(lambda: len(running.log_lines()) >= 30, "the log is written")
    time_for_a_reload()
    assert generation(running) == 1
    running.write(doc("two"))
    taken(running, 2)
    time_for_a_reload()
    assert len(events(running)) == 1, "the change is the only reload"


def test_a_reload_on_demand_is_not_repeated(watched, pki, time_for_a_reload):
    running, doc = watched
    running.reload(doc("two"))
    time_for_a_reload()
    assert generation(running) == 2 and not events(running)
    running.write(doc("three"))
    taken(running, 3)
    assert get(running.port, "open.test", pki).text == "three"


def test_without_watch_nothing_happens_by_itself_and_a_reload_turns_it_on_and_off(pki, gateway, time_for_a_reload):
    def doc(text, watch):
        return document(pki, virtual_host(pki, "open", routes=[respond(text)]), watch=watch)

    running = gateway(doc("one", False))
    running.write(doc("two", False))
    time_for_a_reload()
    assert generation(running) == 1
    result = running.reload(doc("three", True))
    assert "watch turned on" in result.stdout
    running.write(doc("four", False))
    taken(running, 3)
    assert "watch turned off" in running.stderr()
    running.write(doc("five", True))
    time_for_a_reload()
    assert generation(running) == 3 and get(running.port, "open.test", pki).text == "four"


def test_a_change_that_needs_a_restart_is_refused_and_said(watched, pki):
    running, doc = watched
    running.write(doc("two", **{"admin": {"socket": "other.sock", "metrics": f"127.0.0.1:{running.admin_port}"}}))
    refused(running)
    assert any("needs a restart" in event["message"] for event in events(running))
    running.write(doc("two"))
    taken(running, 2)


def test_a_gateway_whose_drain_is_announced_goes_on_watching(watched, pki):
    """A certificate may have to be rotated while load balancers take their time."""
    running, doc = watched
    assert running.ctl("drain").returncode == 0
    running.write(doc("two"))
    eventually(lambda: get(running.port, "open.test", pki).text == "two", "the change is taken up")


def test_check_and_status_say_how_many_files_are_watched(watched):
    running, doc = watched
    assert "watch: 3 file(s)" in running.check().stdout
    assert json.loads(running.ctl("--json", "status").stdout)["watched_files"] == 3
    running.reload({**doc("one"), "watch": False})
    assert json.loads(running.ctl("--json", "status").stdout)["watched_files"] == 0
    assert "watch:" not in running.check().stdout
