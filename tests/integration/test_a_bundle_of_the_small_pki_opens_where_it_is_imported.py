"""`gatewayctl pki issue --pkcs12` and `pki export --pkcs12`: openssl, Python and curl open the bundle, and its client gets in."""
import json
import subprocess

import pytest
from cryptography.hazmat.primitives.serialization import pkcs12

from harness.clients import CURL, OPENSSL
from harness.gateway import GATEWAYCTL, ctl
from harness.waiting import PATIENCE


@pytest.fixture(scope="module")
def ca(tmp_path_factory):
    """An intermediate CA: its clients need the chain that the bundle brings."""
    folder = tmp_path_factory.mktemp("bundles")
    assert ctl("pki", "init", str(folder / "root"), "--cn", "Bundle Root").returncode == 0
    assert ctl("pki", "init", str(folder / "ca"), "--cn", "Bundle CA", "--parent", str(folder / "root")).returncode == 0
    done = ctl("pki", "issue", str(folder / "ca"), "server", "--server", "--dns", "bundle.test")
    assert done.returncode == 0, done.stderr
    return folder / "ca"


def issue(ca, name, *arguments, json_wanted=True, **options):
    return ctl(*(["--json"] if json_wanted else []), "pki", "issue", str(ca), name, "--client", "--pkcs12", *arguments, **options)


def opened(path, password):
    return pkcs12.load_pkcs12(path.read_bytes(), password.encode())


def test_a_bundle_holds_key_certificate_and_chain_under_the_password_that_was_shown(ca):
    document = json.loads(issue(ca, "shown").stdout)
    path = ca / "issued/shown.p12"
    assert document["pkcs12"] == str(path) and path.stat().st_mode & 0o777 == 0o600
    bundle = opened(path, document["password"])
    assert bundle.cert.friendly_name == b"shown" and "CN=shown" in bundle.cert.certificate.subject.rfc4514_string()
    assert bundle.key.public_key().public_numbers() == bundle.cert.certificate.public_key().public_numbers()
    assert [each.certificate.subject.rfc4514_string() for each in bundle.additional_certs] == ["CN=Bundle CA"]
    with pytest.raises(ValueError):
        opened(path, "wrong")


def test_the_password_is_printed_once_and_stands_in_no_file(ca):
    done = issue(ca, "printed", json_wanted=False)
    line = next(line for line in done.stdout.splitlines() if "password" in line)
    password = line.split()[1]
    assert done.stdout.count(password) == 1 and password not in done.stderr
    assert all(password.encode() not in path.read_bytes() for path in ca.rglob("*") if path.is_file())
    assert opened(ca / "issued/printed.p12", password).cert


def test_a_password_of_ones_own_comes_from_a_file_or_standard_input(ca, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("correct horse\nbattery\n")
    done = issue(ca, "own", str(tmp_path / "own.p12"), "--password-file", str(secret))
    assert done.returncode == 0 and "password" not in json.loads(done.stdout), done.stdout
    assert opened(tmp_path / "own.p12", "correct horse").cert
    piped = subprocess.run([GATEWAYCTL, "pki", "export", str(ca), "own", "--pkcs12", str(tmp_path / "piped.p12"), "--password-file", "-"],
                           input="piped\n", capture_output=True, text=True, timeout=PATIENCE)
    assert piped.returncode == 0 and "piped\n" not in piped.stdout.replace("piped.p12\n", ""), piped.stdout
    assert opened(tmp_path / "piped.p12", "piped").cert


def test_the_encryption_is_aes_256_with_pbkdf2_and_for_old_importers_3des(ca, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("secret\n")
    assert issue(ca, "modern", str(tmp_path / "modern.p12"), "--password-file", str(secret)).returncode == 0
    assert ctl("pki", "export", str(ca), "modern", "--pkcs12", str(tmp_path / "old.p12"), "--password-file", str(secret), "--legacy").returncode == 0

    def described(name):
        done = subprocess.run([OPENSSL, "pkcs12", "-in", tmp_path / name, "-passin", f"file:{secret}", "-info", "-noout"], capture_output=True,
                              text=True, timeout=PATIENCE)
        assert done.returncode == 0, done.stderr
        return done.stderr

    modern, old = described("modern.p12"), described("old.p12")
    assert modern.count("PBES2, PBKDF2, AES-256-CBC") == 2 and modern.count("hmacWithSHA256") == 2 and "MAC: sha256" in modern, modern
    assert old.count("pbeWithSHA1And3-KeyTripleDES-CBC") == 2 and "MAC: sha1" in old, old


def test_a_client_gets_in_with_nothing_but_the_bundle(ca, gateway):
    document = json.loads(issue(ca, "curl").stdout)
    files = {"certificate": str(ca / "issued/server.pem"), "key": str(ca / "issued/server.key")}
    running = gateway({
        "workers": 1, "trust": {"clients": {"ca": str(ca.parent / "root/ca.pem"), "revocation": {"require": False}}},
        "virtual_hosts": [{"hosts": ["bundle.test"], "tls": {**files, "trust": "clients"}, "identity_headers": "xfcc",
                           "routes": [{"path": "/*", "respond": "echo"}]}]})
    url, common = f"https://bundle.test:{running.port}/", ["--cacert", str(ca.parent / "root/ca.pem"), "--noproxy", "*", "-sS", "--max-time", "20"]
    common += ["--resolve", f"bundle.test:{running.port}:127.0.0.1"]
    settings = f'cert = "{document["pkcs12"]}:{document["password"]}"\ncert-type = "P12"\n'
    done = subprocess.run([CURL, *common, "-K", "-", url], input=settings, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0 and 'Subject="CN=curl"' in done.stdout, done.stderr + done.stdout
    without = subprocess.run([CURL, *common, url], capture_output=True, text=True, timeout=PATIENCE)
    assert without.returncode != 0 and "certificate required" in without.stderr


@pytest.mark.parametrize("arguments, code, said", [
    (["issue", "CA", "x", "--client", "--password-file", "y"], 2, "requires --pkcs12"),
    (["issue", "CA", "x", "--client", "--legacy"], 2, "requires --pkcs12"),
    (["export", "CA", "server"], 2, "--pkcs12 is required"),
    (["issue", "CA", "x", "--client", "--pkcs12", "--password-file", "nothing"], 1, "nothing: cannot open"),
    (["issue", "CA", "x", "--client", "--pkcs12", "--password-file", "-"], 1, "standard input: there is no password"),
    (["issue", "CA", "x", "--client", "--pkcs12", "CA/ca.pem"], 1, "ca.pem: exists already and is never overwritten"),
    (["export", "CA", "nobody", "--pkcs12"], 1, "nobody.pem: cannot open"),
    (["export", "CA", "../ca", "--pkcs12"], 1, "is no name for a certificate"),
])
def test_what_can_not_work_is_refused_before_anything_is_issued(ca, tmp_path, arguments, code, said):
    done = ctl("pki", *[word.replace("CA", str(ca), 1) if word.startswith("CA") else word for word in arguments], cwd=tmp_path)
    assert done.returncode == code and said in done.stderr + done.stdout, done.stderr
    assert not (ca / "issued/x.pem").exists() and not (ca / "issued/x.key").exists()


def test_a_bundle_that_can_not_be_written_says_that_the_certificate_is_there(ca, tmp_path):
    done = issue(ca, "half", str(tmp_path / "nowhere/half.p12"), json_wanted=False)
    assert done.returncode == 1 and "the certificate was issued; `gatewayctl pki export` makes the bundle" in done.stderr
    assert (ca / "issued/half.pem").exists()
    assert ctl("pki", "export", str(ca), "half", "--pkcs12").returncode == 0
