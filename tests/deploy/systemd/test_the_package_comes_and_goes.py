"""The Debian package: what lintian says, installed, upgraded, removed and purged under a real systemd."""
import shutil
import subprocess

import pytest

from harness.gateway import ROOT

CONFIG = "/etc/gatewayd/gatewayd.yaml"
NEWER = "9.9.9-1"


@pytest.fixture(scope="module")
def newer(package, tmp_path_factory):
    """The same package with a higher version and another default config, as a later release has."""
    folder = tmp_path_factory.mktemp("newer")
    subprocess.run(["dpkg-deb", "-R", package, folder / "tree"], check=True)
    control = folder / "tree/DEBIAN/control"
    control.write_text("".join(f"Version: {NEWER}\n" if line.startswith("Version:") else line for line in control.open()))
    with open(folder / f"tree{CONFIG}", "a", encoding="utf-8") as config:
        config.write("# of the newer version\n")
    made = folder / f"gatewayd_{NEWER}_amd64.deb"
    subprocess.run(["dpkg-deb", "--root-owner-group", "-b", folder / "tree", made], check=True, stdout=subprocess.DEVNULL)
    return made


@pytest.fixture(scope="module")
def machine(machine_with_dependencies, newer):
    made = machine_with_dependencies()
    shutil.copy(newer, made.root / "srv")
    return made


def test_lintian_has_nothing_to_say(package):
    done = subprocess.run(["lintian", "--allow-root", "--fail-on", "error,warning", package], capture_output=True, text=True)
    assert done.returncode == 0 and not done.stdout, done.stdout + done.stderr


def test_it_holds_what_it_should(package):
    names = {line.split()[5].lstrip(".") for line in subprocess.run(["dpkg-deb", "-c", package], capture_output=True, text=True,
                                                                     check=True).stdout.splitlines()}
    expected = ["/usr/sbin/gatewayd", "/usr/bin/gatewayctl", CONFIG, "/etc/logrotate.d/gatewayd", "/usr/lib/systemd/system/gatewayd.service",
                "/usr/lib/systemd/system/gatewayd.socket", "/usr/share/man/man8/gatewayd.8.gz", "/usr/share/man/man1/gatewayctl.1.gz",
                "/usr/share/man/man5/gatewayd.yaml.5.gz", "/usr/share/doc/gatewayd/gatewayd.cdx.json",
                "/usr/share/gatewayd/gateway.schema.json", "/usr/share/gatewayd/prometheus/alerts.yaml",
                "/usr/share/gatewayd/grafana/dashboard.json", "/usr/share/bash-completion/completions/gatewayctl",
                "/usr/share/zsh/vendor-completions/_gatewayctl", "/usr/share/fish/vendor_completions.d/gatewayctl.fish"]
    expected += [f"/usr/share/doc/gatewayd/examples/{path.name}" for path in (ROOT / "conf").glob("*.yaml")]
    assert [name for name in expected if name not in names] == []
    scripts = subprocess.run(["dpkg-deb", "-I", package, "conffiles"], capture_output=True, text=True, check=True).stdout.split()
    assert sorted(scripts) == sorted(name for name in names if name.startswith("/etc/") and not name.endswith("/"))


def test_an_upgrade_keeps_the_config_and_restarts(machine, package, newer):
    machine.apt_install(package)
    before = machine.unit()
    assert before["ActiveState"] == "active"
    machine.write(CONFIG, machine.read(CONFIG).replace("gatewayd runs", "mine runs"))
    machine.apt_install(newer, "-o", "Dpkg::Options::=--force-confdef")
    assert "mine runs" in machine.read(CONFIG) and "of the newer version" in machine.read(CONFIG + ".dpkg-dist")
    after = machine.unit()
    assert after["ActiveState"] == "active" and after["MainPID"] != before["MainPID"]
    assert "mine runs" in machine.curl("http://127.0.0.1:8088/").stdout
    assert NEWER in machine.run("dpkg-query", "-W", "gatewayd").stdout


def test_an_upgrade_starts_nothing_that_was_disabled(machine, package, newer):
    machine.run("systemctl", "disable", "--now", "gatewayd")
    machine.apt_install(package, "--allow-downgrades", "-o", "Dpkg::Options::=--force-confold")
    machine.apt_install(newer, "-o", "Dpkg::Options::=--force-confold")
    unit = machine.unit()
    assert (unit["ActiveState"], unit["UnitFileState"]) == ("inactive", "disabled")
    machine.run("systemctl", "enable", "--now", "gatewayd")


def test_a_removed_package_leaves_its_config_and_can_come_back(machine, newer):
    machine.run("apt-get", "-q", "remove", "-y", "gatewayd")
    assert machine.run("systemctl", "is-active", "gatewayd", check=False).stdout.strip() == "inactive"
    assert machine.curl("http://127.0.0.1:8088/").returncode == 7
    assert "mine runs" in machine.read(CONFIG)
    machine.apt_install(newer)
    assert machine.unit()["ActiveState"] == "active" and "mine runs" in machine.curl("http://127.0.0.1:8088/").stdout


def test_a_purged_package_leaves_only_what_is_not_its_own(machine):
    machine.write("/etc/gatewayd/operators.key", "secret")
    machine.run("apt-get", "-q", "purge", "-y", "gatewayd")
    assert machine.read("/etc/gatewayd/operators.key") == "secret", "keys of the operator are not ours to delete"
    machine.run("rm", "-r", "/etc/gatewayd")
    left = machine.sh("find / -xdev ! -path '/proc/*' ! -path '/var/cache/*' ! -path '/srv/*' ! -path '/var/log/journal/*' "
                      "\\( -name '*gatewayd*' -o -name '*gatewayctl*' \\)").stdout.split()
    assert left == []
    assert "gatewayd:" in machine.read("/etc/passwd"), "the user stays, as Debian's system users do"
    assert machine.run("systemctl", "--failed", "--no-legend").stdout == ""
