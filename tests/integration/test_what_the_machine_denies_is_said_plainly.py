"""A port that is taken, a disk that is full or read-only, a folder that can't be made: one clear line, the right exit status, and a daemon
that serves goes on serving."""
import os
import shutil
import socket
import subprocess

import pytest

from harness.clients import get
from harness.config import document, respond, virtual_host
from harness.waiting import eventually, free_port


@pytest.fixture
def simple(pki):
    return document(pki, virtual_host(pki, "open", routes=[respond("one")]))


@pytest.fixture
def failed_start(gateway):
    """failed_start(document) -> what a daemon said that could not start: exit status 1, and no more than three lines."""

    def start(doc, **options):
        running = gateway.unstarted(doc, **options).spawn()
        assert running.wait() == 1
        said = running.stderr()
        running.process = None
        assert len(said.splitlines()) <= 4, said
        return said

    return start


@pytest.fixture
def taken():
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        held.listen()
        yield f"127.0.0.1:{held.getsockname()[1]}"


def in_mount(options, folder, shell=""):
    """The words before a command line that give it a mount of its own there, which nobody else sees."""
    return ["unshare", "--mount", "sh", "-ec", f'mount -t tmpfs -o {options} none "{folder}"; {shell} exec "$@"', "sh"]


def can_mount(tmp_path):
    if not shutil.which("unshare"):
        return False
    return subprocess.run([*in_mount("ro", tmp_path), "true"], capture_output=True).returncode == 0


@pytest.fixture
def mount_point(tmp_path):
    if not can_mount(tmp_path):
        pytest.skip("no right to mount")
    return tmp_path


# --- at the start -------------------------------------------------------------------------------------------------------------


def test_a_port_that_is_taken(failed_start, simple, taken):
    assert f"error: can't bind {taken}: Address already in use" in failed_start({**simple, "listeners": [{"bind": taken}]})


def test_a_metrics_port_that_is_taken(failed_start, simple, taken):
    said = failed_start({**simple, "admin": {"socket": "off", "metrics": taken}})
    assert f"admin.metrics: bind {taken}: Address already in use" in said


def test_an_address_that_the_machine_does_not_have(failed_start, simple):
    bind = f"192.0.2.1:{free_port()}"
    assert f"can't bind {bind}: Cannot assign requested address" in failed_start({**simple, "listeners": [{"bind": bind}]})


def test_a_folder_of_the_access_log_that_is_missing(failed_start, simple, tmp_path):
    path = tmp_path / "none" / "access.log"
    assert f"access log {path}: No such file or directory" in failed_start({**simple, "access_log": str(path)})


def test_a_read_only_disk_for_the_access_log(failed_start, simple, mount_point):
    path = mount_point / "access.log"
    said = failed_start({**simple, "access_log": str(path)}, wrap=in_mount("ro", mount_point))
    assert f"access log {path}: Read-only file system" in said


def test_a_folder_of_the_admin_socket_that_can_not_be_made(failed_start, simple, tmp_path):
    (tmp_path / "file").write_text("in the way")
    said = failed_start({**simple, "admin": {"socket": str(tmp_path / "file" / "run" / "ctl.sock")}})
    assert f"folder of admin.socket {tmp_path}/file/run: Not a directory" in said


def test_a_read_only_disk_for_the_admin_socket(failed_start, simple, mount_point):
    said = failed_start({**simple, "admin": {"socket": str(mount_point / "ctl.sock")}}, wrap=in_mount("ro", mount_point))
    assert f"admin.socket {mount_point}/ctl.sock: Read-only file system" in said


# --- while it serves ----------------------------------------------------------------------------------------------------------


def test_a_full_disk_loses_log_lines_and_no_request(gateway, simple, pki):
    running = gateway({**simple, "access_log": "/dev/full"})
    for _ in range(5):
        assert get(running.port, "open.test", pki).status == 200
    running.counted(5, "gateway_access_log_dropped_lines_total")
    assert running.stderr().count('access log lines are lost","detail":"No space left on device"') == 1, "told once, counted each time"


def test_a_disk_that_has_room_again_is_written_to_again(gateway, simple, pki, mount_point):
    log = mount_point / "access.log"
    filler = mount_point / "filler"
    running = gateway({**simple, "access_log": str(log)},
                      wrap=in_mount("size=64k", mount_point, f'dd if=/dev/zero of="{filler}" bs=1k count=60 2>/dev/null;'))
    # The daemon's mount is nobody else's: it is looked at through its own root.
    inside = f"/proc/{running.process.pid}/root"

    def lost():
        get(running.port, "open.test", pki)
        return running.metric("gateway_access_log_dropped_lines_total") > 0

    eventually(lost, "the disk is full")
    os.unlink(f"{inside}{filler}")

    def written_again():
        get(running.port, "open.test", pki)
        return "the access log is written again" in running.stderr()

    eventually(written_again, "there is room again")
    with open(f"{inside}{log}") as text:
        lines = text.read().splitlines()
    assert len(lines) > 2 and all(line.count('"time":') == 1 for line in lines), "a line that was cut off stands alone"


def test_a_reload_that_the_machine_denies_changes_nothing(gateway, simple, pki, tmp_path):
    running = gateway(simple)
    for change, words in [({"access_log": str(tmp_path / "none/access.log")}, "No such file or directory"),
                          ({"admin": {"socket": str(running.socket), "metrics": f"192.0.2.1:{free_port()}"}}, "Cannot assign requested address")]:
        running.write({**simple, **change})
        result = running.ctl("reload")
        assert result.returncode == 1 and words in result.stderr and "generation 1 goes on serving" in result.stderr, result.stderr
    assert get(running.port, "open.test", pki).text == "one"
    assert running.logged(status=200)


# --- in the journal -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ours", [True, False], ids=["the journal", "another stream"])
def test_lines_have_a_priority_only_in_the_journal(gateway, simple, ours):
    running = gateway.unstarted(simple)
    (running.folder / "stderr").touch()
    info = (running.folder / "stderr").stat()
    running.environment["JOURNAL_STREAM"] = f"{info.st_dev}:{info.st_ino if ours else info.st_ino + 1}"
    running.start()
    running.write("listeners: [\n")
    assert running.ctl("reload").returncode == 1
    lines = running.stderr().splitlines()
    prefixes = {line.split("{")[0] for line in lines}
    if not ours:
        assert prefixes == {""}
        return
    assert prefixes == {"<6>", "<3>"}
    assert all(('"level":"error"' in line) == line.startswith("<3>") for line in lines)


def test_a_config_that_is_refused_at_the_start_has_a_priority_too(gateway):
    running = gateway.unstarted("listeners: 3\n")
    (running.folder / "stderr").touch()
    info = (running.folder / "stderr").stat()
    running.environment["JOURNAL_STREAM"] = f"{info.st_dev}:{info.st_ino}"
    running.spawn()
    assert running.wait() == 78
    assert running.stderr() and all(line.startswith("<3>") for line in running.stderr().splitlines())
