"""Secrets and ConfigMaps as an operator applies them."""
import base64
import json

HOST = "api.example.com"


def apply(cluster, namespace, kind, name, data, type=None):
    """kubectl apply of an object with these texts."""
    if kind == "Secret":
        data = {key: base64.b64encode(text.encode()).decode() for key, text in data.items()}
    document = {"apiVersion": "v1", "kind": kind, "metadata": {"name": name}, "data": data} | ({"type": type} if type else {})
    cluster.kubectl("apply", "-n", namespace, "-f", "-", stdin=json.dumps(document))


def apply_certificate(cluster, namespace, certificate):
    apply(cluster, namespace, "Secret", "api-tls", {"tls.crt": certificate.pem.read_text(), "tls.key": certificate.key.read_text()},
          type="kubernetes.io/tls")


def apply_clients(cluster, namespace, pki, revoked):
    crl = pki.root.write_crl(pki.folder / f"{namespace}.crl", revoked)
    apply(cluster, namespace, "Secret", "clients-ca", {"ca.crt": pki.root.pem.read_text(), "ca.crl": crl.read_text()})


def issue(pki, stem, hosts=(HOST,)):
    return pki.server_ca.issue(stem, "gateway", server=True, dns=list(hosts))
