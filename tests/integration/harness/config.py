"""Config documents as Python values; what a test does not say is filled in so that the gateway is small, quick and loud."""
import yaml


def virtual_host(pki, name, mode="off", *, hosts=None, routes=None, upstream="origin", trust="clients", tls=None, **more):
    """A virtual host `name` that answers to NAME.test; mode None makes one for plain http listeners."""
    host = {"name": name, "hosts": hosts if hosts is not None else [f"{name}.test"]}
    if mode is not None:
        host["tls"] = {"certificate": str(pki.server.pem), "key": str(pki.server.key), "client_auth": mode}
        if mode != "off":
            host["tls"]["trust"] = trust
        host["tls"].update(tls or {})
    host["routes"] = routes if routes is not None else [{"path": "/*", "upstream": upstream}]
    host.update(more)
    return host


def trust_sets(pki):
    return {"clients": {"ca": [str(pki.root.pem)], "crl": [str(pki.crl)]}, "others": {"ca": [str(pki.other.pem)]}}


def respond(text="ok", status=200, path="/*"):
    return {"path": path, "respond": {"status": status, "body": text}}


def document(pki, *hosts, origins=(), **more):
    """A config with these virtual hosts. `origins`: addresses of the upstream `origin`. Listeners and the admin part are added by
    the Gateway, which knows the ports."""
    doc = {"workers": 1, "trust": trust_sets(pki), "virtual_hosts": list(hosts)}
    if origins:
        doc["upstreams"] = {"origin": {"endpoints": list(origins)}}
    doc.update(more)
    used = {host["tls"]["trust"] for host in doc["virtual_hosts"] if "trust" in host.get("tls", {})}
    doc["trust"] = {name: value for name, value in doc["trust"].items() if name in used}
    return doc


def dump(doc):
    return yaml.safe_dump(doc, sort_keys=False, width=200)
