"""Private keys may be encrypted. The passphrase comes from a file or a program, is never asked for, and shows up nowhere."""
import os
import pty
import subprocess

import pytest
from cryptography.hazmat.primitives import serialization

from harness.clients import get
from harness.config import document, respond, virtual_host
from harness.gateway import GATEWAYD
from harness.waiting import PATIENCE, eventually

PASSPHRASE = "correct-horse-battery"


@pytest.fixture
def secrets(pki, tmp_path):
    """The server's key, encrypted, and a file with its passphrase."""
    class Files:
        key = tmp_path / "encrypted.key"
        file = tmp_path / "passphrase"
        wrong = tmp_path / "wrong"
        script = tmp_path / "print-it"

    form = serialization.PrivateFormat.PKCS8
    Files.key.write_bytes(pki.server.private_key.private_bytes(serialization.Encoding.PEM, form, serialization.BestAvailableEncryption(PASSPHRASE.encode())))
    Files.file.write_text(PASSPHRASE + "\n")
    Files.wrong.write_text(PASSPHRASE + "x\n")
    Files.script.write_text(f"#!/bin/sh\necho {PASSPHRASE}\n")
    for path in (Files.key, Files.file, Files.wrong):
        path.chmod(0o600)
    Files.script.chmod(0o700)
    return Files


def host_with(pki, secrets, passphrase):
    host = virtual_host(pki, "open", "off", routes=[respond()], tls={"key": str(secrets.key)})
    if passphrase is not None:
        host["tls"]["passphrase"] = passphrase
    return host


@pytest.mark.parametrize("form", ["pkcs8", "traditional"])
@pytest.mark.parametrize("source", ["file", "command"])
def test_a_key_that_its_passphrase_opens_serves(pki, gateway, secrets, source, form):
    if form == "traditional":
        key = pki.server.private_key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL,
                                                   serialization.BestAvailableEncryption(PASSPHRASE.encode()))
        assert b"DEK-Info" in key
        secrets.key.write_bytes(key)
    passphrase = {"file": str(secrets.file)} if source == "file" else {"command": [str(secrets.script)]}
    running = gateway(document(pki, host_with(pki, secrets, passphrase)))
    for version in ("1.2", "1.3"):
        assert get(running.port, "open.test", pki, version=version).status == 200
    assert "warning" not in running.check().stderr


def test_the_passphrase_is_found_nowhere_outside(pki, gateway, secrets):
    running = gateway(document(pki, host_with(pki, secrets, {"file": str(secrets.file)})))
    running.write(document(pki, host_with(pki, secrets, {"file": str(secrets.wrong)})))
    refused = running.ctl("reload")
    assert refused.returncode != 0 and "does not open the private key" in refused.stdout + refused.stderr
    said = running.stderr() + running.stdout() + refused.stdout + refused.stderr + running.ctl("status").stdout + running.check().stderr
    said += running.admin("/metrics")[1] + open(f"/proc/{running.process.pid}/cmdline").read()
    assert PASSPHRASE not in said and PASSPHRASE not in running.log.read_text() if running.log.exists() else PASSPHRASE not in said
    assert get(running.port, "open.test", pki).status == 200, "the old one serves on"


@pytest.mark.parametrize("passphrase, said", [
    (None, "the private key is encrypted, and it has no 'passphrase'"),
    ({"command": ["/bin/sh", "-c", "echo vault is sealed >&2; exit 2"]}, "'/bin/sh' ended with status 2: vault is sealed"),
    ({"command": ["/no/such/program"]}, "can't run '/no/such/program': No such file or directory"),
    ({"file": "/no/such/file"}, "can't read '/no/such/file': No such file or directory"),
])
def test_without_the_passphrase_nothing_starts(pki, gateway, secrets, passphrase, said):
    """The daemon has a terminal here, on which OpenSSL would ask."""
    broken = gateway.unstarted(document(pki, host_with(pki, secrets, passphrase)))
    leader, follower = pty.openpty()
    try:
        done = subprocess.run([GATEWAYD, "--config", str(broken.config)], stdin=follower, capture_output=True, text=True, timeout=PATIENCE,
                              start_new_session=True)
        os.set_blocking(leader, False)
        with pytest.raises(BlockingIOError):
            os.read(leader, 100)
    finally:
        os.close(leader)
        os.close(follower)
    assert done.returncode == 78
    assert said in done.stderr


def test_requests_are_served_while_a_slow_command_keeps_the_control_thread(pki, gateway, secrets, tmp_path):
    plain = virtual_host(pki, "open", "off", routes=[respond()])
    running = gateway(document(pki, plain))
    fifo = tmp_path / "answer"
    os.mkfifo(fifo, 0o600)
    running.write(document(pki, host_with(pki, secrets, {"command": ["/bin/cat", str(fifo)]})))
    reload = subprocess.Popen([os.environ.get("GATEWAYCTL_BIN", GATEWAYD.replace("gatewayd", "gatewayctl")), "--socket", str(running.socket), "reload"],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    writer = eventually(lambda: _opened(fifo), "the command waits for its answer")
    assert get(running.port, "open.test", pki).status == 200
    os.write(writer, (PASSPHRASE + "\n").encode())
    os.close(writer)
    output, _ = reload.communicate(timeout=PATIENCE)
    assert reload.returncode == 0, output
    assert get(running.port, "open.test", pki).status == 200


def _opened(fifo):
    """The writing end, once somebody reads."""
    try:
        return os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
    except OSError:
        return None


def test_a_passphrase_in_the_config_is_refused_and_not_repeated(pki, gateway, secrets):
    broken = gateway.unstarted(document(pki, host_with(pki, secrets, PASSPHRASE)))
    said = broken.check()
    assert said.returncode != 0
    assert "a passphrase can't stand in the config" in said.stderr
    assert PASSPHRASE not in said.stderr + said.stdout


def test_a_new_key_under_a_new_passphrase_comes_by_reload(pki, gateway, secrets):
    running = gateway(document(pki, host_with(pki, secrets, {"file": str(secrets.file)})))
    other = pki.server_ca.issue("reencrypted", "reencrypted", server=True, dns=["open.test"])
    secrets.key.write_bytes(other.private_key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                                            serialization.BestAvailableEncryption(b"another")))
    secrets.file.write_text("another\n")
    host = host_with(pki, secrets, {"file": str(secrets.file)})
    host["tls"]["certificate"] = str(other.pem)
    changes = running.reload(document(pki, host)).stdout
    assert "certificate changed" in changes and "key changed" in changes
    assert get(running.port, "open.test", pki).status == 200
