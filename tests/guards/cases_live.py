"""Connections that live are judged again."""
from case import LIVE, Case, Edit

CASES = [
    Case("certificates that end while they are connected",
         "In nginx, HAProxy, Envoy, Caddy, Traefik and ghostunnel a connection outlives the certificate that opened it.",
         "Every live connection is judged again each second, by the function that judges handshakes; times hold for each element.",
         [LIVE + "test_a_certificate_that_expires_while_connected_ends_the_connection", "tls: times are inclusive at both ends, for every element",
          "tls: a live connection is judged by the mode and by its chain"],
         [Edit("src/tls/judge.cc", "if (now > chain.elements[i].not_after) return {Reason::expired, i};", "")]),
    Case("clients that are revoked while they are connected",
         "The same gateways go on serving them.",
         "The verdict on a live connection is acted on: idle connections and tunnels close, busy ones after their response.",
         [LIVE + "test_an_idle_connection_of_a_revoked_client_closes_at_once", LIVE + "test_a_tunnel_of_a_revoked_client_closes_at_once",
          LIVE + "test_a_removed_ca_ends_the_connections_under_it", LIVE + "test_a_host_that_turns_strict_keeps_only_who_proved_it"],
         [Edit("src/proxy/client_lifetime.cc", "if (reason != core::Reason::none) return reason;\n  // Asks in time",
               "static_cast<void>(reason);\n  // Asks in time")]),
    Case("a host that is strict since",
         "Who came without a certificate while the host was lax was kept after it had become strict.",
         "A live connection is held to the mode of today, and so is each request.",
         [LIVE + "test_a_host_that_turns_strict_keeps_only_who_proved_it", "tls: a live connection is judged by the mode and by its chain",
          "proxy: a strict host admits nobody without an identity, however the client got there"],
         [Edit("src/tls/judge.cc", "return host.client_auth == ClientAuth::strict ? Reason::no_certificate : Reason::none;",
               "static_cast<void>(host);\n  return Reason::none;"),
          Edit("src/proxy/admission.cc", "if (lacks_certificate(facts, *admission.virtual_host)) {",
               "if (lacks_certificate(facts, *admission.virtual_host) && facts.snapshot == nullptr) {")]),
]
