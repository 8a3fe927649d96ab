"""What is measured: our gateway and its peers, each started with a config that does the same work."""
import os
import re
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

# Valgrind takes its time on a busy machine.
START_SECONDS = 60

NGINX = """
daemon off;
{user}
worker_processes {workers};
worker_rlimit_nofile {files};
pid {folder}/pid;
error_log {folder}/error.log crit;
events {{ worker_connections {connections}; }}
http {{
  {log}
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server_tokens off;
  keepalive_timeout 300s;
  keepalive_requests 1000000000;
  client_max_body_size 0;
  upstream origin {{
    server 127.0.0.1:{origin};
    {pool}
  }}
  server {{
    listen 127.0.0.1:{port} ssl reuseport backlog=4096;
    server_name bench.test;
    ssl_certificate {pki}/{key}-server.pem;
    ssl_certificate_key {pki}/{key}-server.key;
    ssl_client_certificate {pki}/{key}-ca.pem;
    ssl_verify_client on;
    ssl_verify_depth 2;
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_ecdh_curve X25519:prime256v1;
    ssl_session_cache shared:bench:32m;
    ssl_session_timeout 1h;
    ssl_session_tickets {tickets};
    ssl_buffer_size 16k;
    location / {{
      proxy_pass http://origin;
      proxy_http_version 1.1;
      proxy_set_header Host $host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header X-Forwarded-Proto https;
      {headers}
      proxy_request_buffering off;
      proxy_buffer_size 16k;
      proxy_buffers 16 32k;
      proxy_busy_buffers_size 256k;
      proxy_max_temp_file_size 0;
    }}
  }}
}}
"""
NGINX_LOG = """log_format json escape=json '{{"time":"$time_iso8601","source_ip":"$remote_addr","method":"$request_method","path":"$request_uri",'
    '"status":$status,"bytes":$body_bytes_sent,"duration":$request_time,"tls":"$ssl_protocol","identity":"$ssl_client_s_dn"}}';
  access_log {folder}/access.log json buffer=64k flush=1s;"""

HAPROXY = """
global
  nbthread {workers}
  maxconn {connections}
  ssl-default-bind-options ssl-min-ver TLSv1.2
  ssl-default-bind-curves X25519:P-256
  tune.ssl.cachesize 100000
  tune.ssl.lifetime 3600
  tune.pool-high-fd-ratio 60
  tune.pool-low-fd-ratio 50
  {log_target}
defaults
  mode http
  maxconn {connections}
  timeout connect 5s
  timeout client 300s
  timeout server 60s
  timeout http-request 10s
  timeout http-keep-alive 300s
  {log}
  {pool}
frontend tls
  bind 127.0.0.1:{port} backlog 4096 shards by-thread ssl crt {pki}/{key}-server-all.pem ca-file {pki}/{key}-ca.pem verify required alpn http/1.1
  option forwardfor
  http-request set-header X-Forwarded-Proto https
  {headers}
  default_backend origin
backend origin
  server origin 127.0.0.1:{origin} pool-max-conn 1000 pool-purge-delay 300s
"""
HAPROXY_LOG = """log global
  log-format '{{"time":"%tr","source_ip":"%ci","method":"%HM","path":"%HU","status":%ST,"bytes":%B,"duration":%Ta,"tls":"%sslv","identity":"%[ssl_c_s_dn]"}}'"""

OURS = """
workers: {workers}
listeners: [{{bind: "127.0.0.1:{port}"}}]
trust:
  clients: {{ca: ["{pki}/{key}-ca.pem"]}}
virtual_hosts:
  - name: bench
    hosts: [bench.test]
    tls: {{certificate: "{pki}/{key}-server.pem", key: "{pki}/{key}-server.key", client_auth: strict, trust: clients}}
    routes: [{{path: /*, upstream: origin{headers}}}]
upstreams:
  origin: {{endpoints: ["127.0.0.1:{origin}"], pool: {{max_idle: {max_idle}}}}}
timeouts: {{keep_alive: 300s, body_idle: 300s}}
limits: {{connections: {connections}, body: 16GiB}}
access_log: {log}
admin: {{socket: "{folder}/admin.sock"}}
{session}
"""


def nginx_config(values, features):
    log = NGINX_LOG.format(**values) if "log" in features else "access_log off;"
    keep = "no_upstream_keepalive" not in features
    headers = 'proxy_set_header Connection "";' if keep else 'proxy_set_header Connection "close";'
    if "identity" in features:
        headers += " proxy_set_header X-Client-Verify $ssl_client_verify; proxy_set_header X-Client-DN $ssl_client_s_dn;"
    pool = "keepalive 256; keepalive_requests 1000000000; keepalive_timeout 300s;" if keep else ""
    return NGINX.format(**values, log=log, headers=headers, pool=pool, user="user root;" if os.geteuid() == 0 else "",
                        tickets="off" if "no_tickets" in features else "on")


def haproxy_config(values, features):
    log = HAPROXY_LOG.format() if "log" in features else "no log"
    keep = "no_upstream_keepalive" not in features
    headers = ""
    if "identity" in features:
        headers = "http-request set-header X-Client-Verify %[ssl_c_verify]\n  http-request set-header X-Client-DN %[ssl_c_s_dn]"
    return HAPROXY.format(**values, log=log, headers=headers, log_target="log stdout format raw local0" if "log" in features else "",
                          pool="http-reuse always" if keep else "option http-server-close\n  http-reuse never")


def our_config(values, features):
    headers = ""
    if "identity" in features:
        headers = ', headers: {set: {X-Client-Verify: "${client.verify}", X-Client-DN: "${client.subject_dn}"}}'
    return OURS.format(**values, headers=headers, max_idle=0 if "no_upstream_keepalive" in features else 256,
                       log=f"{{path: \"{values['folder']}/access.log\", format: json}}" if "log" in features else "off",
                       session="session: {store: tickets}" if "sealed_tickets" in features else "")


def haproxy_command(binary, config):
    return [binary, "-db", "-f", config]


def nginx_command(binary, config):
    return [binary, "-p", str(Path(config).parent), "-c", config]


def our_command(binary, config):
    return [binary, "--config", config]


# name: (program, config, command, features of its own)
KINDS = {
    "ours": ("gatewayd", our_config, our_command, ()),
    "before": ("gatewayd", our_config, our_command, ()),
    "ours_tickets": ("gatewayd", our_config, our_command, ("sealed_tickets",)),
    "nginx": ("nginx", nginx_config, nginx_command, ()),
    "nginx_notickets": ("nginx", nginx_config, nginx_command, ("no_tickets",)),
    "haproxy": ("haproxy", haproxy_config, haproxy_command, ()),
}


def program(name, binaries):
    """The binary of a gateway, or None if it is not installed."""
    return binaries.get(name) or shutil.which(KINDS[name][0], path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")


def version(name, binaries):
    binary = program(name, binaries)
    flag = "--version" if KINDS[name][0] == "gatewayd" else "-v"
    done = subprocess.run([binary, flag], capture_output=True, text=True, timeout=20)
    return (done.stdout + done.stderr).strip().splitlines()[0]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def children(pid):
    """The process and all that descend from it."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents.setdefault(int(stat.read_text().rpartition(")")[2].split()[1]), []).append(int(stat.parent.name))
        except OSError:
            continue  # it has ended
    found = [pid]
    for each in found:
        found += parents.get(each, [])
    return found


class Gateway:
    """One of KINDS with a config for one scenario. It has started when the constructor returns; stop() ends it."""

    def __init__(self, name, binaries, folder, pki, *, key, features, origin, workers, cpus, connections=18000, wrap=()):
        self.name, self.port, self.folder = name, free_port(), Path(folder)
        _, config, command, own = KINDS[name]
        values = {"folder": self.folder, "pki": pki, "key": key, "port": self.port, "origin": origin, "workers": workers,
                  "connections": connections, "files": connections + 1000}
        if KINDS[name][0] == "haproxy":
            values["connections"] = connections // 2  # it wants two descriptors for each
        path = self.folder / "config.yaml"
        path.write_text(config(values, (*features, *own)))
        self.output = self.folder / "output.log"
        with open(self.output, "wb") as output:
            self.process = subprocess.Popen([*wrap, *command(program(name, binaries), str(path))], stdin=subprocess.DEVNULL, stdout=output,
                                            stderr=subprocess.STDOUT, start_new_session=True, preexec_fn=pin(cpus))
        try:
            # nginx has its port before it has its workers.
            wanted = 1 + (workers if KINDS[name][0] == "nginx" else 0)
            self.await_start(wanted)
        except BaseException:
            self.stop()
            raise

    def await_start(self, processes):
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end:
            if self.process.poll() is not None:
                break
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                if len(self.pids()) >= processes:
                    return
            except OSError:
                pass
            time.sleep(0.02)
        raise RuntimeError(f"{self.name} did not start: {self.output.read_text(errors='replace')[-2000:]}")

    def pids(self):
        return children(self.process.pid)

    def is_alive(self):
        return self.process.poll() is None

    def pss_kib(self):
        return sum(int(re.search(r"^Pss:\s+(\d+)", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.M)[1]) for pid in self.pids())

    def stop(self):
        stop(self.process)


def stop(process, patience=3):
    """Ends a process and all it has started; what has not ended after `patience` seconds is killed."""
    pids = children(process.pid) if process.poll() is None else []
    for number in (signal.SIGTERM, signal.SIGKILL):
        for pid in pids:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass
        try:
            process.wait(patience)
            return
        except subprocess.TimeoutExpired:
            continue


def pin(cpus):
    return (lambda: os.sched_setaffinity(0, cpus)) if cpus else None
