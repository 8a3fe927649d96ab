"""What is installed beside the programs can't drift from them: systemd units, man pages, completions of three shells, the first config."""
import functools
import os
import re
import subprocess

import pytest

from harness.gateway import GATEWAYCTL, GATEWAYD, ROOT, ctl

UNIT = ROOT / "deploy/systemd/gatewayd.service"
CONFIG = ROOT / "deploy/debian/gatewayd.yaml"
SHELLS = ROOT / "deploy/completions"
GLOBAL = {"--help", "--json", "--socket"}


def run(*command, **options):
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60, **options)


@functools.cache
def usage(*path):
    """Options and subcommands that `gatewayctl PATH... --help` tells of."""
    done = ctl(*path, "--help")
    assert done.returncode == 0, done.stderr
    sections = dict(re.findall(r"(?ms)^(\w+):\n(.*?)(?=^\w+:\n|\Z)", done.stdout))
    options = set(re.findall(r"(?m)^  (?:-\w,)?(--[a-z][\w-]*)", sections.get("Options", "")))
    commands = re.findall(r"(?m)^  ([a-z]+) ", sections.get("Subcommands", ""))
    assert "--help" in options
    return options, commands


def commands():
    """Each command, as the words that lead to it, with its own options."""
    found = {}
    for first in usage()[1]:
        options, below = usage(first)
        if not below:
            found[(first,)] = options - GLOBAL
        for second in below:
            found[(first, second)] = usage(first, second)[0] - GLOBAL
    return found


COMMANDS = commands() if os.path.exists(GATEWAYCTL) else {}
EACH = pytest.mark.parametrize("path", COMMANDS, ids=" ".join)


def setting(name):
    return re.findall(rf"(?m)^{name}=(.*)$", UNIT.read_text())


# --- systemd ----------------------------------------------------------------------------------------------------------------------

def test_systemd_understands_the_units():
    done = run("systemd-analyze", "verify", "--man=no", UNIT, ROOT / "deploy/systemd/gatewayd.socket")
    said = [line for line in done.stderr.splitlines() if "deploy/systemd" in line or "gatewayd" in line]
    # That the programs are not installed here is no fault of the unit.
    assert [line for line in said if "is not executable: No such file" not in line] == []


def test_the_sandbox_scores_at_most_2():
    done = run("systemd-analyze", "security", "--offline=true", "--no-pager", UNIT)
    score = float(re.search(r"Overall exposure level for gatewayd.service: ([\d.]+)", done.stdout)[1])
    assert score <= 2.0


def test_the_unit_names_what_is_installed_and_what_the_config_says(tmp_path):
    build = os.path.dirname(os.path.dirname(GATEWAYD))
    if not os.path.exists(f"{build}/cmake_install.cmake"):
        pytest.skip("GATEWAYD_BIN is not in a build folder")
    done = run("cmake", "--install", build, "--prefix", "/usr", env={**os.environ, "DESTDIR": str(tmp_path)})
    assert done.returncode == 0, done.stderr
    for name in ("ExecStart", "ExecReload"):
        program = setting(name)[0].split()[0]
        assert os.access(f"{tmp_path}{program}", os.X_OK), program
    config = setting("ExecStart")[0].split()[-1]
    assert (tmp_path / config.lstrip("/")).read_text() == CONFIG.read_text()
    for name in ("gatewayd.service", "gatewayd.socket"):
        assert (tmp_path / "usr/lib/systemd/system" / name).exists()


def test_the_unit_leaves_the_drain_its_time_and_gives_up_on_the_right_exit_codes():
    (drain,) = re.findall(r"\| `drain` \| `(\d+)s` \|", (ROOT / "docs/configuration.md").read_text())
    assert int(setting("TimeoutStopSec")[0].removesuffix("s")) > int(drain) + 10
    assert setting("RestartPreventExitStatus") == ["2 78"]
    assert setting("Type") == ["notify"] and setting("NotifyAccess") == ["main"]


def test_the_first_config_needs_nothing_and_its_sockets_are_those_of_the_units(tmp_path):
    text = CONFIG.read_text()
    assert ctl("check", str(CONFIG)).stdout.startswith(f"{CONFIG}: ok, 0 warnings")
    assert f"socket: {setting('Environment')[0].removeprefix('GATEWAY_SOCKET=')} " in text
    (bind,) = re.findall(r"(?m)^  - bind: (\S+)", text)
    assert bind.startswith("127.0.0.1:") and f"\nListenStream={bind}\n" in (ROOT / "deploy/systemd/gatewayd.socket").read_text()
    # And the part that is commented out is a config, too: all it lacks is the PKI that its comments make.
    kept = text[text.index("admin:"):]
    folder = tmp_path / "etc"
    folder.mkdir()
    for words in (["init", "pki", "--cn", "CA"], ["issue", "pki", "server", "--server", "--dns", "api.example.com"]):
        assert ctl("pki", *words, cwd=folder).returncode == 0
    (folder / "gatewayd.yaml").write_text(re.sub(r"(?m)^# ?", "", kept))
    done = ctl("check", str(folder / "gatewayd.yaml"))
    assert done.returncode == 0 and ": ok, 0 warnings" in done.stdout, done.stdout + done.stderr


# --- man pages --------------------------------------------------------------------------------------------------------------------

def page(name):
    if name == "gatewayd.yaml.5":
        done = run("/usr/bin/python3", ROOT / "scripts/config_man.py", ROOT / "docs/configuration.md")
        assert done.returncode == 0, done.stderr
        return done.stdout
    return (ROOT / f"docs/man/{name}.scd").read_text()


@pytest.mark.parametrize("name", ["gatewayd.8", "gatewayctl.1", "gatewayd.yaml.5"])
def test_man_pages_are_well_formed(name, tmp_path):
    made = subprocess.run(["scdoc"], input=page(name), capture_output=True, text=True, env={**os.environ, "SOURCE_DATE_EPOCH": "0"})
    assert made.returncode == 0, made.stderr
    (tmp_path / name).write_text(made.stdout)
    shown = run("man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", tmp_path / name, env={**os.environ, "LC_ALL": "C.UTF-8"})
    assert shown.returncode == 0 and shown.stderr == "" and len(shown.stdout) > 2000


def test_the_page_of_the_config_has_every_key():
    keys = re.findall(r"(?m)^\| `([a-z_]+)` \|", (ROOT / "docs/configuration.md").read_text())
    assert len(keys) > 50
    text = page("gatewayd.yaml.5").replace("\\", "")
    assert [key for key in keys if f"*{key}*" not in text] == []


@EACH
def test_the_page_of_gatewayctl_has_every_command_and_option(path):
    text = page("gatewayctl.1")
    assert re.search(rf"(?m)^\*{' '.join(path)}\*", text)
    assert [option for option in COMMANDS[path] | GLOBAL if not re.search(rf"\*{option}\*", text)] == []


def test_the_page_of_gatewayctl_has_nothing_else():
    told = set(re.findall(r"\*(--[a-z][\w-]*)\*", page("gatewayctl.1")))
    assert told - set().union(*COMMANDS.values()) - GLOBAL == set()


def test_the_page_of_gatewayd_has_its_options_and_nothing_else():
    has = set(re.findall(r"(?m)^  (?:-\w,)?(--[a-z]+)", run(GATEWAYD, "--help").stdout))
    text = page("gatewayd.8").partition("# SIGNALS")[0]
    assert set(re.findall(r"(--[a-z]+)", text)) == has
    for shell in ("gatewayd.bash", "_gatewayd"):
        assert set(re.findall(r"--[a-z]+", (SHELLS / shell).read_text())) == has
    assert {f"--{name}" for name in re.findall(r"-l (\w+)", (SHELLS / "gatewayd.fish").read_text())} == has


# --- completions ------------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("program", ["gatewayctl", "gatewayd"])
@pytest.mark.parametrize("check", [("bash", "-n", "{}.bash"), ("zsh", "-n", "_{}"), ("fish", "--no-execute", "{}.fish")], ids=lambda c: c[0])
def test_each_shell_can_read_its_completion(check, program):
    shell, option, name = check
    done = run(shell, option, SHELLS / name.format(program))
    assert done.returncode == 0 and done.stderr == ""


def bash(*words, cwd=ROOT):
    """What bash offers for the last of the words."""
    script = '. "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); "_$1"; printf "%s\\n" "${COMPREPLY[@]}"'
    done = run("bash", "--norc", "-c", script, "bash", SHELLS / f"{words[0]}.bash", *words, cwd=cwd)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    return set(done.stdout.split())


def fish(line, home):
    script = f"source {SHELLS}/gatewayctl.fish; complete -C '{line}'"
    done = run("fish", "--no-config", "-c", script, env={**os.environ, "HOME": str(home)}, cwd=home)
    assert done.returncode == 0, done.stderr
    return {offer.split("\t")[0] for offer in done.stdout.splitlines()}


@EACH
def test_bash_offers_the_options_of_each_command(path):
    assert bash("gatewayctl", *path, "--") == COMMANDS[path] | GLOBAL


def test_bash_offers_commands_and_what_options_and_arguments_can_be(tmp_path):
    assert bash("gatewayctl", "") == set(usage()[1])
    assert bash("gatewayctl", "pki", "") == set(usage("pki")[1])
    assert bash("gatewayctl", "--socket", "x.sock", "--json", "rel") == {"reload"}
    types = re.search(r"--key-type TEXT:\{([^}]*)\}", ctl("pki", "issue", "--help").stdout)[1]
    assert bash("gatewayctl", "pki", "issue", "--key-type", "") == set(types.split(","))
    (tmp_path / "one.yaml").touch()
    assert bash("gatewayctl", "check", "o", cwd=tmp_path) == {"one.yaml"}
    (tmp_path / "pki/issued").mkdir(parents=True)
    (tmp_path / "pki/issued/alice.pem").touch()
    assert bash("gatewayctl", "pki", "revoke", "pki", "", cwd=tmp_path) == {"alice"}
    assert bash("gatewayd", "--config", "o", cwd=tmp_path) == {"one.yaml"}


@EACH
def test_fish_offers_the_options_of_each_command(path, tmp_path):
    assert fish(f"gatewayctl {' '.join(path)} --", tmp_path) == COMMANDS[path] | GLOBAL


def test_fish_offers_commands(tmp_path):
    assert fish("gatewayctl ", tmp_path) == set(usage()[1])
    assert fish("gatewayctl pki ", tmp_path) == set(usage("pki")[1])


def test_zsh_knows_each_command_and_option():
    whole = (SHELLS / "_gatewayctl").read_text()
    for path, options in COMMANDS.items():
        # `pki revoke` is another command than `revoke`.
        of_pki, rest = whole.split("\n}\n", 1)
        text = of_pki if path[0] == "pki" and len(path) > 1 else rest
        assert f"'{path[-1]}:" in text, path
        # The arm of the command, with the options that it shares with others.
        (arm,) = re.findall(rf"(?ms)^ +(?:[\w |]*\b)?{path[-1]}\b[\w |]*\) ?_?(.*?)(?:;;)", text)
        for name, members in re.findall(r"(?ms)^ +(\w+)=\((.*?)\)\n", text):
            if f"${name}" in arm:
                arm += members
        assert [option for option in options if option not in arm] == [], path
