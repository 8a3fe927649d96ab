"""`./dev demo`: a demo CA, a gateway with three virtual hosts on one port, and what a handful of curl calls get from it.

With --once it ends after the calls and fails if one got something else than it should.
"""
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DEMO = ROOT / "demo"
GATEWAYD = os.environ.get("GATEWAYD_BIN", str(ROOT / "build/bin/gatewayd"))
GATEWAYCTL = os.environ.get("GATEWAYCTL_BIN", str(ROOT / "build/bin/gatewayctl"))
HOSTS = ["open.localhost", "flexible.localhost", "strict.localhost"]
ALERTS = ["certificate required", "certificate expired", "unknown ca", "bad certificate", "handshake failure", "certificate revoked"]

# Who calls which host, and what that should get.
CALLS = [
    ("open.localhost", None, "200"),
    ("flexible.localhost", None, "200"),
    ("flexible.localhost", "alice", "200"),
    ("flexible.localhost", "mallory", "refused: unknown ca"),
    ("strict.localhost", None, "refused: certificate required"),
    ("strict.localhost", "alice", "200"),
    ("strict.localhost", "mallory", "refused: unknown ca"),
    ("strict.localhost", "expired", "refused: certificate expired"),
    ("strict.localhost", "guest", "403"),
]
WHO = {
    None: "no certificate",
    "alice": "alice, of the demo CA",
    "mallory": "mallory, of a foreign CA",
    "expired": "an expired certificate",
    "guest": "guest, whom the policy denies",
}


def ctl(*arguments):
    done = subprocess.run([GATEWAYCTL, *map(str, arguments)], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        sys.exit(f"gatewayctl {' '.join(map(str, arguments))}: {done.stderr or done.stdout}")


def make_pki():
    """Two authorities in demo/; made once."""
    pki, foreign = DEMO / "pki", DEMO / "foreign"
    complete = DEMO / "complete"
    if complete.exists():
        return pki
    for folder in (pki, foreign):
        shutil.rmtree(folder, ignore_errors=True)
    DEMO.mkdir(exist_ok=True)
    ctl("pki", "init", pki, "--cn", "Demo CA")
    ctl("pki", "init", foreign, "--cn", "Foreign CA")
    ctl("pki", "issue", pki, "server", "--server", "--cn", "gateway", *[part for host in HOSTS for part in ("--dns", host)])
    ctl("pki", "issue", pki, "alice", "--client", "--cn", "alice", "--dns", "alice.demo.example", "--uri", "spiffe://demo.example/alice")
    ctl("pki", "issue", pki, "guest", "--client", "--cn", "guest", "--dns", "guest.demo.example")
    ctl("pki", "issue", pki, "expired", "--client", "--cn", "expired", "--days", "-1")
    ctl("pki", "issue", foreign, "mallory", "--client", "--cn", "alice", "--dns", "alice.demo.example")
    complete.touch()
    return pki


def certificate_of(who):
    folder = DEMO / ("foreign" if who == "mallory" else "pki") / "issued"
    return folder / f"{who}.pem", folder / f"{who}.key"


def is_taken(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("0.0.0.0", port))
            return False
        except OSError:
            return True


def port_near(variable, wanted):
    wanted = int(os.environ.get(variable, wanted))
    port = next(port for port in range(wanted, wanted + 200) if not is_taken(port))
    if port != wanted:
        print(f"Port {wanted} is taken: the demo uses {port}.")
    return port


def start(pki, port, metrics_port):
    environment = {**os.environ, "DEMO_PORT": str(port), "DEMO_METRICS_PORT": str(metrics_port), "DEMO_PKI": str(pki), "DEMO_DIR": str(DEMO)}
    with open(DEMO / "gatewayd.log", "w") as log:
        process = subprocess.Popen([GATEWAYD, "--config", str(ROOT / "conf/demo.yaml")], env=environment, stdout=log, stderr=log,
                                   stdin=subprocess.DEVNULL)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return process
        time.sleep(0.02)
    process.kill()
    sys.exit(f"gatewayd did not start:\n{(DEMO / 'gatewayd.log').read_text()}")


def curl_command(host, who, port, pki):
    command = ["curl", "--resolve", f"{host}:{port}:127.0.0.1", "--cacert", os.path.relpath(pki / "ca.pem", ROOT)]
    if who:
        cert, key = certificate_of(who)
        command += ["--cert", os.path.relpath(cert, ROOT), "--key", os.path.relpath(key, ROOT)]
    return command + [f"https://{host}:{port}/hello"]


def call(host, who, port, pki):
    command = curl_command(host, who, port, pki)
    command[1:1] = ["-sS", "-o", "/dev/null", "-w", "%{http_code}", "--noproxy", "*", "--max-time", "20"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, stdin=subprocess.DEVNULL)
    if done.returncode == 0:
        return done.stdout
    alert = next((alert for alert in ALERTS if alert in done.stderr), None)
    return f"refused: {alert}" if alert else re.sub(r"^curl: ", "", done.stderr.strip())


def show_calls(port, pki):
    print(f"\n{'host':20} {'the client shows':32} {'got':32}")
    failures = 0
    for host, who, expected in CALLS:
        got = call(host, who, port, pki)
        failures += got != expected
        print(f"{host:20} {WHO[who]:32} {got:32} {'ok' if got == expected else f'SHOULD BE {expected}'}")
    return failures


def show_commands(port, metrics_port, pki):
    print("\nTry it by hand, in this folder:\n")
    for host, who in (("open.localhost", None), ("strict.localhost", "alice"), ("strict.localhost", None)):
        print("  " + " ".join(curl_command(host, who, port, pki)))
    print(f"  curl http://127.0.0.1:{metrics_port}/metrics")
    print("  tail -f demo/gatewayd.log\n")


def stop(process):
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        return process.wait(40)
    except subprocess.TimeoutExpired:
        process.kill()
        return "none: it had to be killed"


def main(arguments):
    if arguments not in ([], ["--once"]):
        sys.exit("usage: ./dev demo [--once]")
    pki = make_pki()
    port, metrics_port = port_near("DEMO_PORT", 8443), port_near("DEMO_METRICS_PORT", 9145)
    process = start(pki, port, metrics_port)
    try:
        failures = show_calls(port, pki)
        show_commands(port, metrics_port, pki)
        if arguments == []:
            print("The gateway stays up until Ctrl-C.", flush=True)
            process.wait()
    except KeyboardInterrupt:
        print()
        failures = 0
    # A Ctrl-C has reached gatewayd already: another signal would end its drain.
    status = process.wait(40) if process.poll() is None and arguments == [] else stop(process)
    if status != 0:
        sys.exit(f"gatewayd ended with status {status}:\n{(DEMO / 'gatewayd.log').read_text()[-2000:]}")
    if failures:
        sys.exit(f"{failures} calls differ from what they should get")


if __name__ == "__main__":
    main(sys.argv[1:])
