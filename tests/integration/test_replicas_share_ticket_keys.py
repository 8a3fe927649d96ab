"""session.ticket_keys: gateways with the same key files resume each other's sessions, and a rotation of the files loses none."""
import os
import time

import pytest

from harness.clients import context, tls
from harness.config import document, respond, virtual_host
from harness.waiting import eventually

BOTH = pytest.mark.parametrize("version", ["1.2", "1.3"])


def key_file(path, content=None):
    path.write_bytes(content or os.urandom(80))
    path.chmod(0o600)
    return str(path)


def config(pki, *keys, **session):
    routes = [respond("ok"), {"path": "/echo", "respond": "echo"}]
    return document(pki, virtual_host(pki, "strict", "strict", routes=routes), session={**({"ticket_keys": list(keys)} if keys else {}), **session},
                    workers=2)


def visit(running, ctx, session=None):
    """Whether it was resumed, and the session to resume."""
    with tls(running.port, "strict.test", ctx=ctx, session=session) as connection:
        assert connection.request(host="strict.test").status == 200
        return connection.sock.session_reused, connection.sock.session


@BOTH
def test_replicas_with_the_same_keys_take_each_others_sessions(pki, gateway, tmp_path, version):
    key = key_file(tmp_path / "current.key")
    here, there = gateway(config(pki, key)), gateway(config(pki, key))
    ctx = context(pki, version=version, cert=pki.client)
    resumed, session = visit(here, ctx)
    assert not resumed
    for replica in (there, here, there, there):
        resumed, session = visit(replica, ctx, session)
        assert resumed
    there.counted(3, "gateway_tls_handshakes_total", virtual_host="strict", resumed="true", outcome="success")


@BOTH
def test_replicas_with_the_same_keys_and_another_trust_do_not(pki, gateway, tmp_path, version):
    key = key_file(tmp_path / "current.key")
    wider = config(pki, key)
    wider["trust"]["clients"] = {"ca": [str(pki.root.pem), str(pki.other.pem)]}
    here, there = gateway(config(pki, key)), gateway(wider)
    ctx = context(pki, version=version, cert=pki.client)
    _, session = visit(here, ctx)
    assert not visit(there, ctx, session)[0]


@BOTH
def test_replicas_with_other_keys_make_full_handshakes(pki, gateway, tmp_path, version):
    here = gateway(config(pki, key_file(tmp_path / "one.key")))
    there = gateway(config(pki, key_file(tmp_path / "two.key")))
    own = gateway(config(pki))
    ctx = context(pki, version=version, cert=pki.client)
    _, session = visit(here, ctx)
    assert not visit(there, ctx, session)[0]
    assert not visit(own, ctx, session)[0]


@BOTH
def test_certificates_and_crls_that_are_rotated_leave_the_keys_alone(pki, gateway, tmp_path, version):
    doc = config(pki, key_file(tmp_path / "current.key"))
    crl = pki.root.write_crl(tmp_path / "ca.crl", [])
    doc["trust"]["clients"] = {"ca": [str(pki.root.pem)], "crl": [str(crl)]}
    running = gateway(doc)
    ctx = context(pki, version=version, cert=pki.client)
    _, session = visit(running, ctx)
    pki.root.write_crl(crl, [pki.revoked], number=2)
    running.counted(1, "gateway_rotations_total", item="crl", result="rotated")
    assert visit(running, ctx, session)[0]


@BOTH
def test_a_rotation_of_the_files_keeps_sessions_while_their_key_is_listed(pki, gateway, tmp_path, version):
    old, new = key_file(tmp_path / "old.key"), key_file(tmp_path / "new.key")
    running = gateway(config(pki, old))
    ctx = context(pki, version=version, cert=pki.client)
    _, first = visit(running, ctx)
    changes = running.reload(config(pki, new, old)).stdout
    assert "session ticket keys changed" in changes
    resumed, renewed = visit(running, ctx, first)
    assert resumed
    running.reload(config(pki, new))
    assert visit(running, ctx, renewed)[0], "a ticket that the old key sealed was renewed by the new one"
    assert not visit(running, ctx, first)[0]


def test_the_files_are_read_again_when_they_change(pki, gateway, tmp_path):
    key = key_file(tmp_path / "current.key")
    running = gateway({**config(pki, key), "watch": True})
    ctx = context(pki, version="1.3", cert=pki.client)
    _, session = visit(running, ctx)
    before = running.metric("gateway_config_generation")
    replacement = tmp_path / "next"
    key_file(replacement)
    replacement.rename(key)
    running.counted(before + 1, "gateway_config_generation")
    assert not visit(running, ctx, session)[0]


def replace(path, content):
    fresh = path.with_name("." + path.name)
    key_file(fresh, content)
    fresh.rename(path)


def rotations(running, result="rotated", item="ticket_keys"):
    return running.metric("gateway_rotations_total", item=item, result=result)


@BOTH
def test_replicas_rotate_their_key_files_without_a_reload(pki, gateway, tmp_path, version):
    """Each replica has files of its own, as a Secret on each machine: current, previous and next. No session is lost on the way."""
    keys = [os.urandom(80) for _ in range(5)]
    names = ("current.key", "previous.key", "next.key")
    folders, replicas = [tmp_path / "here", tmp_path / "there"], []
    for folder in folders:
        folder.mkdir()
        paths = [key_file(folder / name, key) for name, key in zip(names, (keys[1], keys[0], keys[2]))]
        replicas.append(gateway(config(pki, *paths)))
    ctx = context(pki, version=version, cert=pki.client)
    _, session = visit(replicas[0], ctx)
    for step in (2, 3):
        for folder, running in zip(folders, replicas):
            for name, key in zip(("previous.key", "current.key", "next.key"), (keys[step - 1], keys[step], keys[step + 1])):
                replace(folder / name, key)
            eventually(lambda: rotations(running) >= step - 1 and running.metric("gateway_rotation_stale") == 0, "the keys are taken up")
            for replica in (*replicas, *replicas):
                resumed, session = visit(replica, ctx, session)
                assert resumed, (step, replicas.index(replica))
    assert all(running.metric("gateway_config_generation") == 1 for running in replicas)
    _, first = visit(replicas[0], ctx)
    for path in names:
        replace(folders[0] / path, os.urandom(80))
    eventually(lambda: not visit(replicas[0], ctx, first)[0], "keys that all left open nothing any more")


def test_a_faulty_key_file_keeps_the_keys_and_alarms(pki, gateway, tmp_path):
    key = key_file(tmp_path / "current.key")
    running = gateway(config(pki, key))
    ctx = context(pki, version="1.3", cert=pki.client)
    _, session = visit(running, ctx)
    replace(tmp_path / "current.key", b"x" * 80)
    eventually(lambda: running.metric("gateway_rotation_stale", item="ticket_keys") == 1, "the fault alarms")
    assert visit(running, ctx, session)[0]
    replace(tmp_path / "current.key", os.urandom(80))
    eventually(lambda: rotations(running) == 1 and running.metric("gateway_rotation_stale") == 0, "it is mended")
    assert not visit(running, ctx, session)[0]


def test_a_rotation_of_something_else_keeps_the_keys_of_the_files(pki, gateway, tmp_path):
    key, crl = key_file(tmp_path / "current.key"), pki.root.write_crl(tmp_path / "clients.crl")
    own = config(pki, key)
    own["trust"]["clients"]["crl"] = [str(crl)]
    running = gateway(own)
    ctx = context(pki, version="1.3", cert=pki.client)
    _, session = visit(running, ctx)
    pki.root.write_crl(tmp_path / "fresh.crl", [pki.bob], number=2).rename(crl)
    eventually(lambda: rotations(running, item="crl") == 1, "the CRL is taken up")
    assert visit(running, ctx, session)[0]


@pytest.mark.parametrize("content, says", [(b"x" * 80, "these are not random"), (bytes(range(48)), "found 48 bytes"), (b"", "found 0 bytes")])
def test_a_file_that_is_no_key_is_refused_and_the_old_keys_stay(pki, gateway, tmp_path, content, says):
    key = key_file(tmp_path / "current.key")
    running = gateway(config(pki, key))
    ctx = context(pki, version="1.3", cert=pki.client)
    _, session = visit(running, ctx)
    (tmp_path / "current.key").write_bytes(content)
    refused = running.ctl("reload")
    assert refused.returncode != 0 and says in refused.stderr + refused.stdout and "xxxx" not in refused.stderr + refused.stdout
    assert visit(running, ctx, session)[0]


def test_a_key_that_everybody_can_read_is_warned_of(pki, gateway, tmp_path):
    key = key_file(tmp_path / "current.key")
    running = gateway.unstarted(config(pki, key))
    assert "current.key" not in running.check().stderr
    (tmp_path / "current.key").chmod(0o644)
    warned = running.check()
    assert warned.returncode == 0 and "current.key' is readable by every user; chmod 600 it" in warned.stderr


@BOTH
def test_a_session_ends_at_its_lifetime_however_often_it_was_renewed(pki, gateway, tmp_path, version):
    """The renewal counts from now in OpenSSL's books and from the full handshake in ours: neither end may come too early or too late."""
    old, new = key_file(tmp_path / "old.key"), key_file(tmp_path / "new.key")
    running = gateway(config(pki, old, lifetime="5s"))
    ctx = context(pki, version=version, cert=pki.client)
    begun = time.monotonic()
    _, session = visit(running, ctx)
    # Past the half of its life a renewed ticket has less to live than it has lived: counted from its birth it would be dead.
    time.sleep(3)
    running.reload(config(pki, new, old, lifetime="5s"))
    resumed, session = visit(running, ctx, session)
    assert resumed
    resumed, session = visit(running, ctx, session)
    assert resumed or time.monotonic() - begun >= 5
    time.sleep(max(0.0, begun + 6.1 - time.monotonic()))
    resumed, _ = visit(running, ctx, session)
    assert not resumed, "it outlived its lifetime"
