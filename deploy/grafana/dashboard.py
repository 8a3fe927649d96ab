#!/usr/bin/env python3
"""Writes dashboard.json, the Grafana dashboard of gatewayd. `dashboard.py --check` only says whether the file is up to date.

What is shown stands here, how Grafana wants it in panels.py. docs/metrics.md tells what each metric means.
"""
import json
import sys
from pathlib import Path

from panels import (BLUE, GREEN, ORANGE, RED, YELLOW, datasource_variable, label_variable, laid_out, query, stat, steps, table, timeline,
                    timeseries,
                    words)

FILE = Path(__file__).resolve().parent / "dashboard.json"
ALL = 'job=~"$job", instance=~"$instance"'
HOST = ALL + ', virtual_host=~"$virtual_host"'
UPSTREAM = ALL + ', upstream=~"$upstream"'
OK_BAD = {"verified": GREEN, "anonymous": ORANGE, "none": BLUE, "allow": GREEN, "deny": RED}
DAYS = steps(RED, (7, YELLOW), (14, GREEN))


def rate(metric, selector, by=""):
    inner = f"rate({metric}{{{selector}}}[$__rate_interval])"
    return f"sum by ({by}) ({inner})" if by else f"sum ({inner})"


def share(metric, selector, condition, by=""):
    """The part of a rate that meets the condition: 0, not nothing, if no series does; nothing where nothing happens at all."""
    every = rate(metric, selector, by)
    return f"({rate(metric, f'{selector}, {condition}', by)} or 0 * {every}) / ({every} > 0)"


def quantiles(metric, selector, by="", legend=""):
    """p50, p95 and p99; nothing, not NaN, where nothing happens."""
    return [query(f"histogram_quantile({part}, {rate(metric + '_bucket', selector, ', '.join(filter(None, (by, 'le'))))}) >= 0",
                  f"p{round(part * 100)} {legend}".strip())
            for part in (0.5, 0.95, 0.99)]


def glance():
    expiry = f"min (gateway_certificate_not_after_timestamp_seconds{{{HOST}}} - time()) / 86400"
    return [
        stat("Gateways", "Instances that are scraped.", "none", query(f"count (gateway_build_info{{{ALL}}})"), steps(RED, (1, GREEN))),
        stat("Last reload", "Of all instances, the worst. Refused: the configuration before it goes on.", "none",
             query(f"min (gateway_config_last_reload_success{{{ALL}}})"), steps(RED, (1, GREEN)),
             mappings=words({0: ("refused", RED), 1: ("taken", GREEN)})),
        stat("Handshakes that succeed", "Share of all TLS handshakes.", "percentunit",
             query(share("gateway_tls_handshakes_total", HOST, 'outcome="success"')), steps(RED, (0.8, YELLOW), (0.95, GREEN))),
        stat("Requests", "Answered a second.", "reqps", query(rate("gateway_http_requests_total", HOST)), steps(BLUE)),
        stat("Server errors", "Share of answers that are 5xx, from an upstream or from the gateway.", "percentunit",
             query(share("gateway_http_requests_total", HOST, 'status=~"5.."')), steps(GREEN, (0.01, YELLOW), (0.05, RED))),
        stat("Anonymous", "Share of requests whose client showed no certificate.", "percentunit",
             query(share("gateway_http_requests_by_client_total", HOST, 'client="anonymous"')), steps(BLUE)),
        stat("First certificate to end", "Days left of the server certificate, intermediate or client CA that ends first.", "d",
             query(expiry), DAYS),
        stat("Unhealthy endpoints", "Health check fails, or the name does not resolve.", "none",
             query(f"count (gateway_upstream_endpoint_healthy{{{UPSTREAM}}}) - sum (gateway_upstream_endpoint_healthy{{{UPSTREAM}}})"),
             steps(GREEN, (1, RED))),
    ]


def handshakes():
    total, took = "gateway_tls_handshakes_total", "gateway_tls_handshake_duration_seconds"
    done = f'{HOST}, outcome="success"'
    return [
        timeseries("Failed handshakes by reason", "docs/operations.md says what each reason means and what to do.", "ops",
                   query(rate(total, f'{HOST}, outcome="failure"', "reason"), "{{reason}}"), stack=True),
        timeseries("Handshakes by virtual host", "`none` ended before a virtual host was known.", "ops",
                   query(rate(total, HOST, "virtual_host, outcome"), "{{virtual_host}} {{outcome}}")),
        timeseries("Successful handshakes by virtual host", "Share of all.", "percentunit",
                   query(share(total, HOST, 'outcome="success"', "virtual_host"), "{{virtual_host}}"), top=1),
        timeseries("Versions and resumption", "Successful handshakes.", "ops",
                   query(rate(total, done, "tls_version, resumed"), "{{tls_version}} resumed: {{resumed}}"), stack=True),
        timeseries("Duration of full and resumed handshakes",
                   "From the accepted connection on: a round trip to the client, or two, are in it.", "s",
                   *quantiles(took, f'{done}, resumed="false"', legend="full"),
                   *quantiles(took, f'{done}, resumed="true"', legend="resumed")),
        timeseries("Client chains: known and verified in full", "In full handshakes. A hit spares the signature checks of the chain.", "ops",
                   query(rate("gateway_tls_chain_cache_lookups_total", ALL, "result"), "chains: {{result}}"),
                   query(rate("gateway_tls_chain_cache_evictions_total", ALL), "chains: forgotten"),
                   query(rate("gateway_tls_certificate_parses_total", ALL, "result"), "certificates: {{result}}")),
        timeseries("Client chains known", "Of all workers.", "none",
                   query(f"sum (gateway_tls_chain_cache_chains{{{ALL}}})", "chains")),
        timeseries("TLS sessions kept in the process", "For clients to resume. One that makes room for another costs its client a full handshake.", "short",
                   query(f"sum (gateway_tls_sessions{{{ALL}}})", "kept"),
                   query(f"sum (gateway_tls_session_capacity{{{ALL}}})", "capacity"),
                   query(rate("gateway_tls_session_evictions_total", ALL), "made room, a second")),
        table("Failures of this time range", "By virtual host and reason, most first.", "short",
              f'sum by (virtual_host, client_auth, reason) (increase({total}{{{HOST}, outcome="failure"}}[$__range])) > 0', "Failures",
              {"virtual_host": "Virtual host", "client_auth": "Mode", "reason": "Reason"}, steps(BLUE), descending=True),
    ]


def clients():
    requests = "gateway_http_requests_by_client_total"
    return [
        timeseries("Requests of verified and anonymous clients", "`none` came over a listener without TLS.", "reqps",
                   query(rate(requests, HOST, "client"), "{{client}}"), stack=True, colors=OK_BAD),
        timeseries("Anonymous share of requests", "A host can go from optional to strict when its share is 0.", "percentunit",
                   query(share(requests, HOST, 'client="anonymous"', "virtual_host"), "{{virtual_host}}"), top=1),
        timeseries("New connections with and without a certificate", "Established ones.", "ops",
                   query(rate("gateway_tls_client_certificates_total", HOST, "virtual_host, result"), "{{virtual_host}} {{result}}"),
                   stack=True),
        timeseries("Connections by trust anchor", "Established ones with a certificate. An old CA may go when nobody uses it.", "ops",
                   query(rate("gateway_tls_anchor_handshakes_total", ALL, "trust, anchor, fingerprint"), "{{trust}} {{anchor}} {{fingerprint}}"),
                   size=(24, 7)),
        timeseries("Refused for want of a certificate", "Clients without one at strict hosts.", "ops",
                   query(rate("gateway_tls_handshakes_total", f'{HOST}, reason="no_certificate"', "virtual_host"), "{{virtual_host}}")),
        timeseries("Open connections", "Clients' connections; tunnels (WebSocket) are among them.", "none",
                   query(f"sum (gateway_client_connections{{{ALL}}})", "connections"), query(f"sum (gateway_tunnels{{{ALL}}})", "tunnels"),
                   size=(8, 8)),
        timeseries("Accepted, refused, ended", "Refused: over the limit. Ended: their client was not admitted any more.", "ops",
                   query(rate("gateway_client_connections_accepted_total", ALL), "accepted"),
                   query(rate("gateway_client_connections_refused_total", ALL, "reason"), "refused: {{reason}}"),
                   query(rate("gateway_live_connections_closed_total", HOST, "reason"), "ended: {{reason}}"), size=(8, 8)),
        timeseries("Bytes from and to clients", "Of the sockets, with TLS; counted when a connection ends.", "Bps",
                   query(rate("gateway_client_received_bytes_total", ALL), "received"),
                   query(rate("gateway_client_sent_bytes_total", ALL), "sent"), size=(8, 8)),
    ]


def ocsp():
    return [
        timeseries("Requests by what OCSP knew", "Empty where no trust set asks. `unavailable` passed with mode soft, and was refused with hard.",
                   "reqps", query(rate("gateway_ocsp_decisions_total", HOST, "decision"), "{{decision}}"), stack=True),
        timeseries("Questions to OCSP responders", "By what came of them; docs/operations.md says what to do.", "ops",
                   query(rate("gateway_ocsp_queries_total", ALL, "outcome"), "{{outcome}}"),
                   query(rate("gateway_ocsp_cache_hits_total", ALL, "by"), "no need: {{by}}")),
        timeseries("Waiting for OCSP", "Requests, and certificates that are asked about or queued; certificates whose status is known.", "none",
                   query(f"sum (gateway_ocsp_waiting_requests{{{ALL}}})", "requests"),
                   query(f"sum by (state) (gateway_ocsp_queries{{{ALL}}})", "certificates: {{state}}"),
                   query(f"sum (gateway_ocsp_known_certificates{{{ALL}}})", "certificates: known")),
        timeseries("Time to the answer", "Of questions that reached an OCSP responder.", "s",
                   *quantiles("gateway_ocsp_query_duration_seconds", ALL)),
    ]


def requests():
    total = "gateway_http_requests_total"
    return [
        timeseries("Requests by status", "Whoever answered.", "reqps", query(rate(total, HOST, "status"), "{{status}}"), stack=True),
        timeseries("Requests by virtual host", "`none`: no virtual host was found.", "reqps",
                   query(rate(total, HOST, "virtual_host"), "{{virtual_host}}"), stack=True),
        timeseries("Duration of requests", "From the first byte of the request to the last of the response.", "s",
                   *quantiles("gateway_http_request_duration_seconds", HOST)),
        timeseries("Refusals by reason", "Requests that the gateway itself refused or failed.", "reqps",
                   query(rate("gateway_http_refusals_total", HOST, "reason"), "{{reason}}"), stack=True),
        timeseries("Server errors by virtual host", "Share of answers that are 5xx.", "percentunit",
                   query(share(total, HOST, 'status=~"5.."', "virtual_host"), "{{virtual_host}}"), limit=0.05),
        timeseries("Requests by method", "`OTHER` is any that is not in the list of docs/metrics.md.", "reqps",
                   query(rate(total, HOST, "method"), "{{method}}"), stack=True),
    ]


def policies():
    total = "gateway_policy_decisions_total"
    return [
        timeseries("Decisions", "Of all policies.", "reqps", query(rate(total, HOST, "decision"), "{{decision}}"), stack=True,
                   colors=OK_BAD, size=(8, 8)),
        timeseries("Decisions by rule", "`default`: no rule matched.", "reqps",
                   query(rate(total, HOST, "policy, rule, decision"), "{{policy}}: {{rule}} ({{decision}})"), size=(8, 8)),
        timeseries("Denied by virtual host and rule", "Who was denied is in the access log.", "reqps",
                   query(rate(total, f'{HOST}, decision="deny"', "virtual_host, rule"), "{{virtual_host}}: {{rule}}"), stack=True,
                   size=(8, 8)),
    ]


def upstreams():
    total, begun, reused = "gateway_upstream_requests_total", "gateway_upstream_connects_total", "gateway_upstream_reuses_total"
    reuse = rate(reused, UPSTREAM, "upstream")
    return [
        timeseries("Requests to upstreams that fail", "By outcome. `client_closed`: the client left first.", "reqps",
                   query(rate(total, f'{UPSTREAM}, outcome!="success"', "upstream, outcome"), "{{upstream}} {{outcome}}"), stack=True),
        timeseries("Failing share", "Without those whose client left.", "percentunit",
                   query(share(total, UPSTREAM + ', outcome!="client_closed"', 'outcome!="success"', "upstream"), "{{upstream}}"),
                   limit=0.05),
        timeseries("Time to the response", "From the request that was sent to the head of its response.", "s",
                   *quantiles("gateway_upstream_response_duration_seconds", UPSTREAM, "upstream", "{{upstream}}")),
        timeseries("Requests over a pooled connection", "Share; the others had to connect first.", "percentunit",
                   query(f"{reuse} / (({reuse} + {rate(begun, UPSTREAM, 'upstream')}) > 0)", "{{upstream}}"), top=1),
        timeseries("Connections begun, failed, and retries", "A retry is a request that is sent once more.", "ops",
                   query(rate(begun, UPSTREAM, "upstream"), "{{upstream}} begun"),
                   query(rate("gateway_upstream_connect_failures_total", UPSTREAM, "upstream"), "{{upstream}} failed"),
                   query(rate("gateway_upstream_retries_total", UPSTREAM, "upstream"), "{{upstream}} retries"), size=(8, 8)),
        timeseries("Open connections to upstreams", "Active ones carry a request, idle ones wait in the pool.", "none",
                   query(f"sum by (upstream, state) (gateway_upstream_connections{{{UPSTREAM}}})", "{{upstream}} {{state}}"), size=(8, 8)),
        timeline("Health of endpoints", "Unhealthy: passed over.",
                 query(f"min by (upstream, endpoint) (gateway_upstream_endpoint_healthy{{{UPSTREAM}}})",
                 "{{upstream}} {{endpoint}}"), words({0: ("unhealthy", RED), 1: ("healthy", GREEN)}), size=(8, 8)),
    ]


def expiries():
    return [
        table("Certificates", "Days until they end. server: ours; chain: sent behind it; trust: a client CA.", "d",
              f"min by (virtual_host, kind, subject) (gateway_certificate_not_after_timestamp_seconds{{{HOST}}} - time()) / 86400",
              "Days left",
              {"virtual_host": "Virtual host", "kind": "Kind", "subject": "Subject"}, DAYS),
        table("CRLs", "Days until each must be replaced. After that clients of its issuer are refused, now or after a grace (crl_expired).", "d",
              f"min by (trust, issuer) (gateway_crl_next_update_timestamp_seconds{{{ALL}}} - time()) / 86400", "Days left",
              {"trust": "Trust set", "issuer": "Issuer"}, steps(RED, (0.25, YELLOW), (1, GREEN))),
        table("CRLs by URL", "Time since each was last fetched or found unchanged.", "s",
              f"max by (instance, url) (time() - gateway_crl_fetch_last_success_timestamp_seconds{{{ALL}}})", "Age",
              {"instance": "Instance", "url": "URL"}, steps(GREEN, (3 * 3600, YELLOW), (86400, RED))),
        table("OCSP staples", "Time until the response that is stapled to a certificate ends.", "s",
              f"min by (virtual_host, subject) (gateway_ocsp_staple_next_update_timestamp_seconds{{{HOST}}} - time())", "Left",
              {"virtual_host": "Virtual host", "subject": "Subject"}, steps(RED, (600, YELLOW), (3600, GREEN))),
        timeseries("OCSP staple fetches", "By result. Failed: no answer that can be believed. Revoked: the CA has revoked our certificate.", "ops",
                   query(rate("gateway_ocsp_staple_fetches_total", HOST, "virtual_host, result"), "{{result}} {{virtual_host}}")),
    ]


def configuration():
    return [
        timeseries("Reloads by trigger and result", "refused: nothing has changed. timeout: not every worker has taken it in time.", "none",
                   query(f"sum by (trigger, result) (increase(gateway_config_reloads_total{{{ALL}}}[$__rate_interval]))",
                         "{{trigger}} {{result}}"), bars=True),
        timeline("Was the last reload taken", "By instance.",
                 query(f"min by (instance) (gateway_config_last_reload_success{{{ALL}}})", "{{instance}}"),
                 words({0: ("refused", RED), 1: ("taken", GREEN)})),
        timeseries("CRL fetches", "By result. Failed: no answer. Refused: what came may not replace the last good one.", "ops",
                   query(rate("gateway_crl_fetches_total", ALL, "url, result"), "{{result}} {{url}}")),
        timeseries("Rotated files", "Certificates, CAs and CRLs that were taken without a reload; kept: a fault kept the old ones.", "none",
                   query(f"sum by (item, result) (increase(gateway_rotations_total{{{ALL}}}[$__rate_interval]))", "{{item}} {{result}}"),
                   bars=True),
        timeline("Files that can't be taken", "What was in use before is kept.",
                 query(f"max by (item, name) (gateway_rotation_stale{{{ALL}}})", "{{item}} {{name}}"),
                 words({0: ("fresh", GREEN), 1: ("stale", RED)})),
        timeseries("Generation", "Of the configuration that is served; it begins at 1 with each start.", "none",
                   query(f"max by (instance) (gateway_config_generation{{{ALL}}})", "{{instance}}"), size=(8, 6)),
        table("Time since the last reload", "Taken or refused.", "s",
              f"time() - max by (instance) (gateway_config_last_reload_timestamp_seconds{{{ALL}}})",
              "Ago", {"instance": "Instance"}, steps(BLUE), size=(8, 6)),
        table("Versions", "Of the gateway and of the OpenSSL that it runs with.", "none",
              f"count by (version, openssl) (gateway_build_info{{{ALL}}})", "Instances", {"version": "Version", "openssl": "OpenSSL"},
              steps(BLUE), size=(8, 6)),
    ]


def process():
    return [
        timeseries("CPU", "Cores in use.", "none", query(rate("process_cpu_seconds_total", ALL, "instance"), "{{instance}}"), size=(8, 7)),
        timeseries("Memory", "Resident.", "bytes", query(f"sum by (instance) (process_resident_memory_bytes{{{ALL}}})", "{{instance}}"),
                   size=(8, 7)),
        timeseries("File descriptors in use", "Share of what the process may open.", "percentunit",
                   query(f"sum by (instance) (process_open_fds{{{ALL}}}) / sum by (instance) (process_max_fds{{{ALL}}})", "{{instance}}"),
                   limit=0.8, size=(8, 7)),
        timeseries("Workers", "Threads that serve clients, and those that answered the scrape: with fewer, one hangs.", "none",
                   query(f"sum by (instance) (gateway_workers{{{ALL}}})", "{{instance}} all"),
                   query(f"sum by (instance) (gateway_workers_answering{{{ALL}}})", "{{instance}} answering"), size=(8, 7)),
        timeseries("Access log lines lost", "The disk is full, or the reader is too slow.", "ops",
                   query(rate("gateway_access_log_dropped_lines_total", ALL, "instance"), "{{instance}}"), size=(8, 7)),
        timeline("Draining", "/readyz says 503, so that load balancers send nothing more.",
                 query(f"max by (instance) (gateway_draining{{{ALL}}})", "{{instance}}"),
                 words({0: ("serving", GREEN), 1: ("draining", YELLOW)}), size=(8, 7)),
        timeseries("Emergency revocations", "Certificates that gatewayctl revoke has revoked; they belong into a CRL.", "none",
                   query(f"sum by (instance) (gateway_emergency_revocations{{{ALL}}})", "{{instance}}"), size=(12, 6)),
        timeline("Are emergency revocations on disk", "If not, a restart forgets them.",
                 query(f"min by (instance) (gateway_emergency_revocations_saved{{{ALL}}})", "{{instance}}"),
                 words({0: ("lost at a restart", RED), 1: ("saved", GREEN)}), size=(12, 6)),
    ]


def dashboard():
    rows = [("At a glance", glance()), ("TLS handshakes", handshakes()), ("Clients", clients()), ("OCSP", ocsp()), ("Requests", requests()),
            ("Policies", policies()),
            ("Upstreams", upstreams()), ("Expiries", expiries()), ("Configuration", configuration()), ("Process", process())]
    variables = [datasource_variable(), label_variable("job", "Job", "label_values(gateway_build_info, job)"),
                 label_variable("instance", "Instance", 'label_values(gateway_build_info{job=~"$job"}, instance)'),
                 label_variable("virtual_host", "Virtual host", f"label_values(gateway_tls_handshakes_total{{{ALL}}}, virtual_host)"),
                 label_variable("upstream", "Upstream", f"label_values(gateway_upstream_connects_total{{{ALL}}}, upstream)")]
    return {
        "__inputs": [{"name": "DS_PROMETHEUS", "label": "Prometheus", "description": "", "type": "datasource", "pluginId": "prometheus",
                      "pluginName": "Prometheus"}],
        "__requires": [{"type": "grafana", "id": "grafana", "name": "Grafana", "version": "10.4.0"},
                       {"type": "datasource", "id": "prometheus", "name": "Prometheus", "version": "1.0.0"},
                       *({"type": "panel", "id": kind, "name": name, "version": ""} for kind, name in (
                           ("stat", "Stat"), ("state-timeline", "State timeline"), ("table", "Table"), ("timeseries", "Time series")))],
        "id": None, "uid": "mtls-gateway", "title": "mTLS gateway", "tags": ["gateway", "mtls"], "schemaVersion": 39, "version": 1,
        "editable": True,
        "description": "gatewayd: handshakes, clients, requests, policies, upstreams, expiries, configuration, process.",
        "graphTooltip": 1, "fiscalYearStartMonth": 0, "liveNow": False, "refresh": "30s", "time": {"from": "now-3h", "to": "now"},
        "timezone": "browser", "timepicker": {}, "weekStart": "", "links": [], "annotations": {"list": []},
        "templating": {"list": variables}, "panels": laid_out(rows)}


def main(arguments):
    text = json.dumps(dashboard(), indent=2) + "\n"
    if arguments == ["--check"]:
        current = FILE.exists() and FILE.read_text() == text
        print(f"{FILE.name} is {'up to date' if current else 'out of date: run dashboard.py'}")
        return 0 if current else 1
    if arguments:
        print(__doc__, file=sys.stderr)
        return 2
    FILE.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
