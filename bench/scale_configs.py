"""What bench/scale.py measures: a PKI and one config for each dimension that may grow. All hosts, rules and so on beside the measured
ones are there to be in the way: the operation that is counted is the same in each config."""
import datetime as dt
import json
import os
import shutil
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

MEASURED_HOST = "h0.test"  # full handshakes and requests go there
MEASURED_PATH = "/r/0/item"
DIRECT_PATH = "/direct"  # answered by the gateway itself: for the prober
ECDSA_WITH_SHA256 = bytes.fromhex("300a06082a8648ce3d040302")
SERIAL_BYTES = 16


class Pki:
    """Client CA, server CA, one client. Server certificates share a key: what is measured parses and signs with it all the same."""

    def __init__(self, folder):
        self.folder = Path(folder)
        shutil.rmtree(self.folder, ignore_errors=True)  # of an earlier run, with other keys
        (self.folder / "hosts").mkdir(parents=True, exist_ok=True)
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.server_key = ec.generate_private_key(ec.SECP256R1())
        self.now = dt.datetime.utcnow()
        self.ca_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Scale CA")])
        self.ca = self._sign(self.ca_name, self.key.public_key(), [
            (x509.BasicConstraints(ca=True, path_length=None), True),
            (self._usage(key_cert_sign=True, crl_sign=True), True)])
        self._write(self.folder / "ca.pem", self.ca)
        self._write_key(self.folder / "server.key", self.server_key)
        client_key = ec.generate_private_key(ec.SECP256R1())
        self._write(self.folder / "client.pem", self._leaf("client-0", client_key, ["client-0.test"], ExtendedKeyUsageOID.CLIENT_AUTH))
        self._write_key(self.folder / "client.key", client_key)
        self.write_crl(1)

    @staticmethod
    def _usage(**on):
        names = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "key_cert_sign",
                 "crl_sign", "encipher_only", "decipher_only")
        return x509.KeyUsage(**{name: on.get(name, False) for name in names})

    def _sign(self, subject, public_key, extensions):
        builder = (x509.CertificateBuilder().subject_name(subject).issuer_name(self.ca_name).public_key(public_key)
                   .serial_number(x509.random_serial_number()).not_valid_before(self.now - dt.timedelta(hours=1))
                   .not_valid_after(self.now + dt.timedelta(days=90))
                   .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), False)
                   .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), False))
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical)
        return builder.sign(self.key, hashes.SHA256())

    def _leaf(self, name, key, dns, purpose):
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        return self._sign(subject, key.public_key(), [
            (x509.BasicConstraints(ca=False, path_length=None), True), (self._usage(digital_signature=True), True),
            (x509.SubjectAlternativeName([x509.DNSName(each) for each in dns]), False), (x509.ExtendedKeyUsage([purpose]), False)])

    @staticmethod
    def _write(path, certificate):
        path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    @staticmethod
    def _write_key(path, key):
        path.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
        path.chmod(0o600)

    def host_certificate(self, number, again=False):
        """The path of the server certificate of host `number`; made once, or a new one in its place."""
        path = self.folder / f"hosts/{number}.pem"
        if again or not path.exists():
            fresh = path.with_suffix(".new")
            self._write(fresh, self._leaf(f"h{number}.test", self.server_key, [f"h{number}.test"], ExtendedKeyUsageOID.SERVER_AUTH))
            fresh.rename(path)
        return path

    def write_crl(self, entries):
        """Written by hand: a library would make an object of each entry."""
        path = self.folder / f"ca-{entries}.crl"
        if path.exists():
            return path
        dice = os.urandom(SERIAL_BYTES * entries)
        revoked = _der(0x17, self.now.strftime("%y%m%d%H%M%SZ").encode())
        # 0x5a in front: positive, and short enough to be nobody's serial number here.
        listed = b"".join(_der(0x30, _der(0x02, b"\x5a" + dice[i:i + SERIAL_BYTES - 1]) + revoked) for i in range(0, len(dice), SERIAL_BYTES))
        ends = [_der(0x17, each.strftime("%y%m%d%H%M%SZ").encode()) for each in (self.now - dt.timedelta(hours=1), self.now + dt.timedelta(days=30))]
        signed = _der(0x30, b"".join([_der(0x02, b"\x01"), ECDSA_WITH_SHA256, self.ca_name.public_bytes(), *ends, _der(0x30, listed)]))
        signature = self.key.sign(signed, ec.ECDSA(hashes.SHA256()))
        path.write_bytes(_der(0x30, signed + ECDSA_WITH_SHA256 + _der(0x03, b"\0" + signature)))
        return path


def _der(tag, content):
    size = len(content)
    if size < 0x80:
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + content


def policy_rules(count):
    """Rules that name one client each, the measured one last."""
    rules = [{"name": f"rule {i}", "effect": "allow", "when": {"dns_san": f"client-{i}.test", "path": f"/r/{i}/*"}} for i in range(count)]
    return rules[1:] + rules[:1]


def grid_rules(count):
    """Rules that share each of their patterns with a hundred others: a hundred partners, a hundred paths, every pair of them."""
    side = max(1, int(count ** 0.5))
    rules = [{"name": f"rule {i}", "effect": "allow", "when": {"dns_san": f"client-{i // side}.test", "path": f"/r/{i % side}/*"}}
             for i in range(side * side)]
    return rules[1:] + rules[:1]


def write_config(folder, pki, ports, *, hosts=1, rules=None, routes=1, crl=1, endpoints=1, watch="off"):
    """The config of one case. `ports`: of the gateway, its metrics and the origin, which listens on all of 127.0.0.0/8."""
    folder = Path(folder)
    crl_file = pki.write_crl(crl)
    lines = ["workers: 1", f"watch: {watch}", f"listeners: [{{bind: '127.0.0.1:{ports['tls']}'}}]",
             f"admin: {{socket: {folder}/ctl.sock, metrics: '127.0.0.1:{ports['metrics']}'}}", f"state_directory: {folder}/state",
             "timeouts: {keep_alive: 1h, handshake: 5m, request_headers: 5m, upstream_connect: 1m, drain: 1s}", "access_log: {path: 'off'}",
             f"trust: {{clients: {{ca: {pki.folder}/ca.pem, crl: {crl_file}}}}}", "policies:", "  clients:", "    rules:"]
    direct = {"name": "direct", "effect": "allow", "when": {"dns_san": "client-0.test", "path": DIRECT_PATH}}
    lines += [f"      - {json.dumps(rule)}" for rule in [direct, *(rules or policy_rules(2))]]
    lines += ["upstreams:", "  origin:", "    pool: {max_idle: 16}", "    endpoints:"]
    lines += [f"      - 127.0.{i // 250}.{i % 250 + 1}:{ports['origin']}" for i in range(endpoints)]
    lines.append("virtual_hosts:")
    for i in range(hosts):
        lines += [f"  - name: h{i}", f"    hosts: [h{i}.test]", "    tls:", f"      certificate: {pki.host_certificate(i)}",
                  f"      key: {pki.folder}/server.key", "      client_auth: strict", "      trust: clients"]
        lines += ["    policy: clients"] if i == 0 else []
        lines.append("    routes:")
        for j in range(routes if i == 0 else 1):
            lines += [f"      - path: /r/{j}/*", "        upstream: origin"]
        lines += [f"      - path: {DIRECT_PATH}", "        respond: {status: 200, body: ok}"]
    path = folder / "gateway.yaml"
    path.write_text("\n".join(lines) + "\n")
    return path


# What grows in each case; the rest is as in `small`.
CASES = {
    "small": {},
    "hosts_1000": {"hosts": 1000},
    "hosts_10000": {"hosts": 10000},
    "rules_10000": {"rules": policy_rules(10000)},
    "rules_grid_10000": {"rules": grid_rules(10000)},
    "routes_10000": {"routes": 10000},
    "crl_1000000": {"crl": 1000000},
    "idle_10000": {"idle": 10000},
    "hosts_idle_10000": {"hosts": 10000, "idle": 10000, "reload_only": True},
    "endpoints_1000": {"endpoints": 1000},
    "reload_100_of_10000": {"hosts": 10000, "reload_only": True},
    "rotate_100_of_10000": {"hosts": 10000, "reload_only": True, "watch": "files"},
}
