"""Secrets and ConfigMaps as an operator applies them."""
import base64
import json
import threading
import time

from harness import clients

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


def connect(pod, pki, cert="client"):
    """A TLS connection to the pod's address, from outside of it."""
    return clients.tls(pod.gateway.port("https"), HOST, pki, cert=getattr(pki, cert) if cert else None, host=pod.address)


class Balancer:
    """Clients of a load balancer, on kept-alive connections, until stop() or until the pod is out: it asks readiness as the cluster does
    and takes the pod out once the answer is no. What was begun by then counts."""

    def __init__(self, pod, pki, count=4):
        self.pod, self.pki = pod, pki
        self.out, self.done, self.lost = threading.Event(), [], []
        self.threads = [threading.Thread(target=self._client) for _ in range(count)]
        self.threads.append(threading.Thread(target=self._watch))
        for thread in self.threads:
            thread.start()

    def _watch(self):
        while not self.out.is_set():
            if not self.pod.gateway.probe("readiness"):
                self.out.set()
            time.sleep(0.1)  # the balancer's own interval, not a wait for something

    def _client(self):
        connection = None
        while not self.out.is_set():
            try:
                connection = connection or connect(self.pod, self.pki)
                answer = connection.request(host=HOST)
                self.done.append(answer.status)
                if answer.get("connection", "").lower() == "close":
                    connection.close()
                    connection = None
            except Exception as error:
                self.lost.append(repr(error))
                connection = None
        if connection:
            connection.close()

    def join(self):
        for thread in self.threads:
            thread.join(60)
            assert not thread.is_alive()

    def stop(self):
        self.out.set()
        self.join()
