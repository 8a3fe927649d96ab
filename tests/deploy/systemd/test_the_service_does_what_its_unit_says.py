"""gatewayd as a service of a real systemd: ready, reload, watchdog, restarts, sandbox, credentials, socket activation, drain."""
import re
import subprocess

import pytest

from harness.gateway import ROOT
from harness.waiting import eventually

CONFIG = "/etc/gatewayd/gatewayd.yaml"
URL = "http://127.0.0.1:8088/"
ORIGIN = """
import socket, sys
listening = socket.create_server(("127.0.0.1", 9000))
print("listening", flush=True)
client, _ = listening.accept()
client.recv(65536)
print("received", flush=True)
sys.stdin.readline()
client.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 5\\r\\n\\r\\nslow\\n")
client.recv(1)
"""


def answering(body, listen="127.0.0.1:8088"):
    return f"""
listeners: [{{bind: {listen}, protocol: http}}]
virtual_hosts: [{{name: test, default: true, routes: [{{path: /*, respond: {{status: 200, body: {body}}}}}]}}]
admin: {{socket: /run/gatewayd/gatewayd.sock, metrics: 127.0.0.1:9145}}
"""


@pytest.fixture(scope="module")
def installed(machine_with_dependencies, package):
    machine = machine_with_dependencies()
    machine.apt_install(package)
    yield machine


@pytest.fixture
def machine(installed):
    """The installed machine, with the package's own config and unit, and the service freshly started."""
    yield installed
    installed.without_drop_ins()
    installed.run("systemctl", "stop", "gatewayd.socket", "gatewayd.service", check=False)
    installed.run("systemctl", "reset-failed", check=False)
    installed.write(CONFIG, (ROOT / "deploy/debian/gatewayd.yaml").read_text())
    installed.run("systemctl", "start", "gatewayd.service")


def served(machine, url=URL):
    return machine.curl(url).stdout


def is_active(machine):
    return machine.unit()["ActiveState"] == "active"


def test_it_is_enabled_and_serves_as_soon_as_it_is_installed(machine):
    unit = machine.unit()
    assert (unit["ActiveState"], unit["SubState"], unit["UnitFileState"], unit["NRestarts"]) == ("active", "running", "enabled", "0")
    assert unit["Type"] == "notify" and "generation 1" in unit["StatusText"], unit["StatusText"]
    assert "gatewayd runs" in served(machine)
    assert machine.curl("http://127.0.0.1:9145/readyz").stdout == "ready\n"
    assert machine.run("stat", "-c", "%U", f"/proc/{unit['MainPID']}").stdout.strip() == "gatewayd"
    assert machine.run("gatewayctl", "health").stdout == "ready\n", "root reaches the daemon without any option"


def test_a_reload_fails_if_the_config_is_refused_and_the_old_one_serves_on(machine):
    machine.write(CONFIG, answering("two"))
    machine.run("systemctl", "reload", "gatewayd")
    assert served(machine) == "two" and "generation 2" in machine.unit()["StatusText"]
    before = machine.unit()["MainPID"]

    machine.write(CONFIG, answering("three").replace("protocol:", "protokoll:"))
    assert machine.run("systemctl", "reload", "gatewayd", check=False).returncode != 0
    unit = machine.unit()
    assert (unit["ActiveState"], unit["MainPID"], served(machine)) == ("active", before, "two")
    assert "refused" in unit["StatusText"], unit["StatusText"]
    assert re.search(rf"{CONFIG}:2:\d+: error: .*protokoll", machine.journal())

    machine.write(CONFIG, answering("four"))
    machine.run("systemctl", "reload", "gatewayd")
    assert served(machine) == "four" and "refused" not in machine.unit()["StatusText"]


def test_a_killed_daemon_is_started_again(machine):
    before = machine.unit()["MainPID"]
    machine.sh(f"kill -KILL {before}")
    eventually(lambda: is_active(machine) and machine.unit()["MainPID"] not in (before, "0"), "it was started again")
    assert "gatewayd runs" in served(machine)


def test_a_daemon_that_hangs_is_ended_and_started_again(machine):
    assert machine.unit()["WatchdogUSec"] == "30s"
    machine.drop_in("[Service]\nWatchdogSec=2s\nTimeoutAbortSec=2s\n")
    machine.run("systemctl", "restart", "gatewayd")
    before = machine.unit()
    first_sign = int(before["WatchdogTimestampMonotonic"])
    eventually(lambda: int(machine.unit()["WatchdogTimestampMonotonic"]) > first_sign + 2_000_000, "it gives signs of life")
    assert machine.unit()["MainPID"] == before["MainPID"], "and lives longer than its watchdog"
    machine.sh(f"kill -STOP {before['MainPID']}")
    eventually(lambda: is_active(machine) and machine.unit()["MainPID"] not in (before["MainPID"], "0"), "it was started again")
    assert "watchdog" in machine.journal().lower() and "gatewayd runs" in served(machine)


def test_a_wrong_config_at_the_start_is_78_and_not_tried_again(machine):
    machine.write(CONFIG, "listeners: 7\n")
    assert machine.run("systemctl", "restart", "gatewayd", check=False).returncode != 0
    unit = machine.unit()
    assert (unit["ActiveState"], unit["ExecMainStatus"], unit["NRestarts"]) == ("failed", "78", "0")
    assert f"{CONFIG}:1:" in machine.journal()


def test_a_port_that_is_taken_is_tried_again_until_it_is_free(machine):
    machine.run("systemctl", "stop", "gatewayd")
    holder = subprocess.Popen(machine.network("python3", "-c", "import socket,sys; s=socket.create_server(('127.0.0.1',8088)); "
                                              "print('held',flush=True); sys.stdin.read()"), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert holder.stdout.readline() == b"held\n"
        assert machine.run("systemctl", "start", "gatewayd", check=False).returncode != 0
        assert machine.unit()["ExecMainStatus"] == "1" and "127.0.0.1:8088" in machine.journal()
    finally:
        holder.communicate(b"")
    eventually(lambda: is_active(machine), "it came up by itself once the port was free")


# What root could do here if the sandbox did not stop it, each with what takes it back.
AS_ROOT = {"write /etc": "touch /etc/gatewayd/x && rm /etc/gatewayd/x", "write /usr": "touch /usr/x && rm /usr/x", "see /home": "ls /home/*",
           "mount": "mount -t tmpfs none /mnt && umount /mnt", "have namespaces": "unshare --mount true",
           "give files away": "touch /tmp/c && chown gatewayd /tmp/c", "make a program set-uid": "touch /tmp/s && chmod u+s /tmp/s",
           "make a device": "mknod /tmp/null c 1 3 && rm /tmp/null", "rename the host": "hostname $(hostname)",
           "take more time": "renice -n -5 -p $$ && renice -n 0 -p $$", "change the kernel": "echo 1 > /proc/sys/net/ipv4/ip_forward",
           "read files of others": "cat /etc/hers"}
AS_GATEWAYD = {"see processes of others": "test -d /proc/1"}
ALLOWED = {"write its state": "touch /var/lib/gatewayd/x", "write its log": "touch /var/log/gatewayd/x",
           "write its run folder": "touch /run/gatewayd/x", "write a private /tmp": "touch /tmp/of-the-service"}


def probe_script(*attempts):
    tries = "".join(f"if ({command}) >/dev/null 2>&1; then echo '{name}: yes'; else echo '{name}: no'; fi\n"
                    for each in attempts for name, command in each.items())
    return f"#!/bin/bash\n{tries}grep -E '^(CapEff|CapBnd|NoNewPrivs|Seccomp):' /proc/self/status\necho \"core $(ulimit -Hc)\"\n"


def told_by(machine, name, drop, *attempts):
    """What a shell says that runs under the unit's own settings, but for those of `drop`."""
    unit = re.sub(rf"(?m)^({drop})=.*\n", "", machine.read("/usr/lib/systemd/system/gatewayd.service"))
    machine.write(f"/usr/local/bin/{name}", probe_script(*attempts))
    machine.run("chmod", "755", f"/usr/local/bin/{name}")
    machine.write(f"/etc/systemd/system/{name}.service", unit.replace("[Service]\n", f"[Service]\nType=oneshot\nExecStart=/usr/local/bin/{name}\n"))
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "start", name)
    return machine.journal(name).splitlines()


def test_the_sandbox_holds(machine):
    machine.run("systemctl", "stop", "gatewayd")
    (machine.root / "home/x").write_text("")
    machine.sh("echo secret > /etc/hers && chmod 600 /etc/hers && chown daemon /etc/hers")
    # Without the sandbox every attempt succeeds, else the test would prove nothing.
    machine.write("/usr/local/bin/free", probe_script(AS_ROOT))
    machine.write("/usr/local/bin/free-gatewayd", probe_script(AS_GATEWAYD))
    free = machine.run("bash", "/usr/local/bin/free").stdout.splitlines()
    free += machine.run("setpriv", "--reuid=gatewayd", "--clear-groups", "bash", "/usr/local/bin/free-gatewayd").stdout.splitlines()
    assert [name for name in {**AS_ROOT, **AS_GATEWAYD} if f"{name}: yes" not in free] == []

    service = "Type|ExecStart|ExecReload|Restart|RestartSec|WatchdogSec|NotifyAccess|RestartPreventExitStatus"
    said = told_by(machine, "probe-root", f"{service}|User|Group", AS_ROOT)
    assert [name for name in AS_ROOT if f"{name}: no" not in said] == []

    machine.sh("rm -rf /var/lib/gatewayd /var/log/gatewayd /run/gatewayd")
    said = told_by(machine, "probe-gatewayd", service, AS_GATEWAYD, ALLOWED)
    assert [name for name in AS_GATEWAYD if f"{name}: no" not in said] == []
    assert [name for name in ALLOWED if f"{name}: yes" not in said] == []
    # CAP_NET_BIND_SERVICE is bit 10.
    for line in ("CapEff:\t0000000000000400", "CapBnd:\t0000000000000400", "NoNewPrivs:\t1", "Seccomp:\t2", "core 0"):
        assert line in said, (line, said)
    assert not (machine.root / "tmp/of-the-service").exists()


def test_the_comments_of_the_config_lead_to_mutual_tls(machine):
    """What the installed config says is the next step is done to the letter: on port 443, as a user without rights."""
    text = machine.read(CONFIG)
    preface = text[:text.index("\nlisteners:")]
    commands = [line[4:] for line in preface.splitlines() if line.startswith("#   ") and not line.startswith("#   curl")]
    assert commands[0] == "cd /etc/gatewayd" and any("pki issue" in line for line in commands)
    machine.sh("\n".join(commands))
    kept = text[text.index("admin:"):]
    machine.write(CONFIG, re.sub(r"(?m)^# ?", "", kept))
    machine.run("gatewayctl", "check", CONFIG)
    machine.run("systemctl", "restart", "gatewayd")
    pki = machine.root / "etc/gatewayd/pki"
    options = ("--cacert", pki / "ca.pem", "--resolve", "api.example.com:443:127.0.0.1")
    client = ("--cert", pki / "issued/alice.pem", "--key", pki / "issued/alice.key")
    assert machine.curl("https://api.example.com/", *options).returncode == 56, "refused without a certificate"
    # Nothing listens on port 8080 here, so the gateway itself answers whom it lets through.
    answer = machine.curl("https://api.example.com/", *options, *client, "-o", "/dev/null", "-w", "%{http_code}")
    assert answer.stdout == "502", answer


def test_a_key_of_root_comes_in_as_a_credential(machine):
    machine.sh("cd /srv && rm -rf pki && gatewayctl pki init pki --cn CA && gatewayctl pki issue pki server --server --dns key.example && "
               "cp pki/issued/server.pem /etc/gatewayd && chmod 600 pki/issued/server.key")
    machine.write(CONFIG, """
listeners: [{bind: 127.0.0.1:8443}]
virtual_hosts:
  - name: key
    default: true
    tls: {certificate: server.pem, key: "${CREDENTIALS_DIRECTORY}/server.key", client_auth: off}
    routes: [{path: /*, respond: {status: 200, body: secret}}]
admin: {socket: /run/gatewayd/gatewayd.sock}
""")
    assert machine.run("systemctl", "restart", "gatewayd", check=False).returncode != 0, "without the credential it can't"
    documented = re.search(r"(?m)^#(LoadCredential=\S+)", machine.read("/usr/lib/systemd/system/gatewayd.service"))[1]
    machine.drop_in("[Service]\n" + documented.replace("/etc/ssl/private", "/srv/pki/issued") + "\n")
    machine.run("systemctl", "restart", "gatewayd")
    answer = machine.curl("https://key.example:8443/", "--cacert", machine.root / "srv/pki/ca.pem", "--resolve", "key.example:8443:127.0.0.1")
    assert answer.stdout == "secret", answer


def test_sockets_of_systemd_outlive_a_restart(machine):
    def listening():
        """The inode of the listening socket: the same socket has the same one."""
        found = [line.split() for line in machine.run("cat", "/proc/net/tcp").stdout.splitlines() if " 0A " in line]
        return [words[9] for words in found if words[1].endswith(f":{8088:04X}")]

    machine.run("systemctl", "stop", "gatewayd")
    machine.run("systemctl", "start", "gatewayd.socket")
    assert not is_active(machine)
    first = listening()
    assert len(first) == 1
    assert "gatewayd runs" in served(machine), "the first connection starts the service"
    assert is_active(machine) and listening() == first, "it took the socket that was there and opened none"
    # Who comes while it restarts waits instead of being refused.
    requests = subprocess.Popen(machine.network("sh", "-c", f"while curl -sS --max-time 10 -o /dev/null {URL}; do echo; done"),
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        for _ in range(3):
            requests.stdout.readline()
            machine.run("systemctl", "restart", "gatewayd")
        requests.stdout.readline()
        assert requests.poll() is None, requests.stderr.read()
    finally:
        requests.kill()
        requests.wait()
    assert listening() == first


def test_a_stop_waits_for_the_requests_in_flight(machine):
    machine.write(CONFIG, answering("x").replace("respond: {status: 200, body: x}", "upstream: slow") +
                  "upstreams: {slow: {endpoints: [127.0.0.1:9000]}}\n")
    machine.run("systemctl", "reload", "gatewayd")
    origin = subprocess.Popen(machine.network("python3", "-c", ORIGIN), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    client = stop = None
    try:
        assert origin.stdout.readline() == "listening\n"
        client = subprocess.Popen(machine.network("curl", "-sS", "--max-time", "30", URL), stdout=subprocess.PIPE, text=True)
        assert origin.stdout.readline() == "received\n"
        stop = subprocess.Popen(["nsenter", "-t", str(machine.init), "-a", "systemctl", "stop", "gatewayd"])
        eventually(lambda: machine.unit()["ActiveState"] == "deactivating", "it is told to stop")
        assert machine.curl(URL).returncode == 7, "new connections are refused"
        assert client.poll() is None
        origin.stdin.write("\n")
        origin.stdin.flush()
        assert client.communicate()[0] == "slow\n"
        assert stop.wait(30) == 0
    finally:
        for process in (origin, client, stop):
            if process and process.poll() is None:
                process.kill()
                process.wait()
    unit = machine.unit()
    assert (unit["ActiveState"], unit["Result"], unit["ExecMainStatus"]) == ("inactive", "success", "0")


def test_logrotate_makes_it_open_its_log_again(machine):
    machine.write(CONFIG, answering("x") + "access_log: /var/log/gatewayd/access.log\n")
    machine.run("systemctl", "restart", "gatewayd")
    served(machine)
    log = machine.root / "var/log/gatewayd/access.log"
    eventually(lambda: log.exists() and log.read_text(), "a request is logged")
    machine.run("logrotate", "--force", "/etc/logrotate.d/gatewayd")
    assert (log.parent / "access.log.1").read_text()

    def logged_anew():
        served(machine)
        return log.read_text()

    eventually(logged_anew, "requests are logged to the new file")
