"""What is in the image, and what isn't."""
import json
import re
import stat
import subprocess

from engine import UID

from harness.gateway import ROOT

MAX_BYTES = 40_000_000
PROGRAMS = ("usr/sbin/gatewayd", "usr/bin/gatewayctl")


def regular_files(files):
    return [path for path in files.rglob("*") if path.is_file() and not path.is_symlink()]


def test_it_is_small(image, files):
    size = image.inspect()["Size"]
    print(f"{image.release}: {size / 1e6:.1f} MB")
    assert size < MAX_BYTES
    assert sum(path.stat().st_size for path in regular_files(files)) < MAX_BYTES


def test_it_has_two_programs_and_no_shell(files):
    executable = {path.relative_to(files).as_posix() for path in regular_files(files)
                  if path.stat().st_mode & 0o111 and ".so" not in path.name}
    assert executable == set(PROGRAMS)


def test_nothing_in_it_gives_or_shares_rights(files):
    for path in files.rglob("*"):
        status = path.lstat()
        assert not status.st_mode & (stat.S_ISUID | stat.S_ISGID), path
        place = path.relative_to(files).as_posix()
        if not path.is_symlink() and place != "run/gatewayd":
            assert not status.st_mode & stat.S_IWOTH, path
        owned = place in ("run/gatewayd", "var/lib/gatewayd", "var/log/gatewayd")
        assert (status.st_uid, status.st_gid) == ((UID, UID) if owned else (0, 0)), path


def test_every_library_that_a_program_loads_is_in_it(files):
    present = {path.name for path in regular_files(files)}
    todo, seen = [files / program for program in PROGRAMS], set()
    while todo:
        path = todo.pop()
        dynamic = subprocess.run(["readelf", "-d", str(path)], capture_output=True, text=True, check=True).stdout
        for library in set(re.findall(r"\(NEEDED\).*\[(.*)\]", dynamic)) - seen:
            seen.add(library)
            assert library in present, f"{path} needs {library}"
            todo += [each for each in regular_files(files) if each.name == library]
    (loader,) = [path for path in regular_files(files) if path.name.startswith("ld-linux")]
    for program in PROGRAMS:
        listed = subprocess.run(["chroot", str(files), f"/{loader.relative_to(files)}", "--list", f"/{program}"],
                                capture_output=True, text=True)
        assert listed.returncode == 0 and "not found" not in listed.stdout, listed
    unused = {name for name in present if ".so" in name} - seen
    assert not unused, "what no program loads has no place in it"


def test_the_programs_are_stripped_and_hardened(files):
    for program in PROGRAMS:
        sections = subprocess.run(["readelf", "-SdhW", str(files / program)], capture_output=True, text=True, check=True).stdout
        assert ".debug_info" not in sections and ".symtab" not in sections
        assert "BIND_NOW" in sections and "PIE" in sections


def test_scanners_and_lawyers_find_what_is_inside(files, image):
    """Each package has its dpkg record and its copyright; the release says which security updates it can get."""
    records = {path.name: path.read_text() for path in (files / "var/lib/dpkg/status.d").iterdir()}
    assert {"libc6", "libstdc++6"} <= set(records)
    assert any(name.startswith("libssl3") for name in records)
    for name, record in records.items():
        assert record.startswith(f"Package: {name}\n") and re.search(r"^Version: \S+$", record, re.MULTILINE)
        assert (files / f"usr/share/doc/{name}/copyright").stat().st_size > 0
    assert (files / "usr/share/doc/gatewayd/copyright").read_bytes() == (ROOT / "LICENSE").read_bytes()
    assert f"VERSION_CODENAME={image.release}" in (files / "etc/os-release").read_text()


def test_it_says_what_it_is(image):
    inspected = image.inspect()
    config = inspected["Config"]
    version = re.search(r"project\(mtls_gateway VERSION (\S+)", (ROOT / "CMakeLists.txt").read_text())[1]
    labels = config["Labels"]
    assert labels["org.opencontainers.image.version"] == version
    assert labels["org.opencontainers.image.licenses"] == "Apache-2.0"
    assert re.fullmatch(r"[0-9a-f]{40}|unknown", labels["org.opencontainers.image.revision"])
    assert config["User"] == f"{UID}:{UID}"
    assert config["StopSignal"] in ("SIGTERM", "15")
    assert set(config["ExposedPorts"]) == {"8443/tcp", "9145/tcp"}
    assert config["Entrypoint"] == ["/usr/sbin/gatewayd"] and config["Cmd"] == ["--config", "/etc/gatewayd/gatewayd.yaml"]


def test_its_programs_tell_the_versions_of_its_libraries(image, engine):
    for program, arguments in (("/usr/sbin/gatewayd", ["--version"]), ("/usr/bin/gatewayctl", ["version"])):
        said = engine.call("run", "--rm", "--network", "none", "--read-only", "--cap-drop", "all", "--no-healthcheck", "--ulimit",
                           "nofile=1024:1024", "--ulimit", "nproc=1024:1024", "--entrypoint", program, image.tag, *arguments).stdout
        print(image.release, program, json.dumps(said.splitlines()))
        expected = {"bookworm": (r"3\.0\.", r"8\.1\.", r"1\.44\."), "trixie": (r"3\.5\.", r"9\.2\.", r"1\.50\.")}[image.release]
        if program.endswith("gatewayd"):
            for library, pattern in zip(("OpenSSL", "llhttp", "libuv"), expected):
                assert re.search(rf"^{library}\b.*\b{pattern}", said, re.MULTILINE), said
