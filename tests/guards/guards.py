"""Published bypasses of other gateways: what happened there, what stops it here, and the tests that fail when that is taken out.

docs/published-bypasses.md is made from this list (table.py), run.py takes the guards out. A test is a file of tests/integration with
pytest's ::name, or "library: name of the doctest case".
"""
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Edit:
    file: str
    guard: str    # stands there once
    without: str  # the code without it


@dataclass(frozen=True)
class Case:
    name: str       # the advisory, or the behaviour
    elsewhere: str  # what happened
    here: str       # what stops it
    tests: list
    edits: list = field(default_factory=list)  # empty: nothing of ours to take out; `here` says what holds it


RESUMPTION = "test_resumption_never_outruns_the_verdict.py::"
HOSTS = "test_sni_and_host_choose_one_virtual_host.py::"
IDENTITY = "test_identity_comes_from_the_gateway_alone.py::"
PUBLISHED = "test_published_bypasses_are_closed.py::"
LIVE = "test_live_connections_are_judged_again.py::"

CASES = [
    # --- which host -----------------------------------------------------------------------------------------------------------
    Case("CVE-2025-66614, apisix PR 8967, tempesta 1688, cloudfoundry haproxy PR 218",
         "The name in the handshake was not compared with the request's Host: a handshake with a lax host reached a strict one.",
         "Host must lead to the very virtual host object that the handshake chose, else 421 (`host_for()`).",
         [HOSTS + "test_a_request_for_another_host_than_the_handshakes_is_421",
          "proxy: a request is admitted only for the virtual host that the handshake chose"],
         [Edit("src/proxy/admission.cc", "(facts.handshake_host && *named != *facts.handshake_host)", "false")]),
    Case("CVE-2022-23632",
         "A Host with a trailing dot picked other TLS options than the same name without it.",
         "One function, `canonical_host_name()`, for SNI, Host and config.",
         [HOSTS + "test_spellings_of_the_same_host_are_that_host", "core: one canonical form for every way to write a host"],
         [Edit("src/core/host_name.cc", "if (host.ends_with('.')) host.remove_suffix(1);", "")]),
    Case("GHSA-9cr8-q42q-g8m7, CVE-2026-27588",
         "Names were looked up with regard to case, in HTTP/3 or above a hundred hosts, and missed the host with client certificates.",
         "The one canonical form is in lower case; there is one table and one way to look names up.",
         [HOSTS + "test_sni_picks_the_host_exact_before_wildcard_without_case", "core: one canonical form for every way to write a host"],
         [Edit("src/core/host_name.cc", "if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');",
               "if (c >= 'A' && c <= 'Z') continue;")]),
    Case("GHSA-5r4w-85f3-pw66",
         "The check of SNI against Host ignored wildcards.",
         "Virtual host objects are compared, never names: a wildcard's hosts are one object, and an exact name beside it is another.",
         [PUBLISHED + "test_an_exact_host_and_the_wildcard_beside_it_keep_their_own_modes",
          "core: an exact name wins over a wildcard, and a wildcard takes exactly one label"],
         [Edit("src/core/host_table.cc", "if (const auto found = exact_.find(name); found != exact_.end()) return found->second;\n  const auto dot",
               "const auto dot")]),
    Case("caddy 7860, PR 7920",
         "A wildcard's client authentication leaked to specific hosts, and the mend nearly took it away from them.",
         "Nothing is inherited between virtual hosts: each has its own mode and trust set.",
         [PUBLISHED + "test_an_exact_host_and_the_wildcard_beside_it_keep_their_own_modes"]),
    Case("CVE-2026-32305",
         "A ClientHello split over many records was not understood, and its connection fell to a default without client certificates.",
         "OpenSSL puts the ClientHello together before the host is chosen.",
         [PUBLISHED + "test_a_client_hello_in_many_records_gets_its_own_host",
          "tls: a ClientHello split over many records still names its host"]),
    Case("a ClientHello that was not understood",
         "Whatever did not parse was served by the default host (as behind CVE-2026-32305).",
         "A server name that can't be understood, or that no host could have, is refused, whatever default there is.",
         ["tls: a server name that can't be understood is refused, never given to the default host"],
         [Edit("src/tls/host_selector.cc", "if (!name) return {.alert = SSL_AD_DECODE_ERROR, .refusal = \"a malformed server_name extension\"};",
               "if (!name) return {.host = hosts.default_host()};"),
          Edit("src/tls/host_selector.cc", "if (!canonical) return {.refusal = \"a server name that is no host name\"};",
               "if (!canonical) return {.host = hosts.default_host()};")]),
    Case("CVE-2019-20894, traefik PR 13639",
         "Two definitions of one host with different TLS options fell back to the default options.",
         "A host name has one owner on a listener; a second one is an error of the config.",
         ["config: a host name has one owner on a listener, in whatever spelling"],
         [Edit("src/config/host_tables.cc", "if (patterns[i].empty() || table.add(patterns[i], index)) continue;",
               "if (patterns[i].empty() || table.add(patterns[i], index) || index != 0) continue;")]),
    Case("CVE-2022-46153, CVE-2026-27586",
         "A CA file that was missing left the route without client authentication, or made the system's roots trusted.",
         "Any fault of a file refuses the whole config; the system's roots are never asked.",
         [PUBLISHED + "test_a_ca_file_that_is_missing_refuses_the_config"],
         [Edit("src/config/certificate_chains.cc", "sink_.error(path.at, path.value, content.error());", "")]),
    Case("a laxer default host",
         "Without SNI, or with an unknown one, a client got a default host that asked for less.",
         "A default host laxer than another on its listener is an error unless the config insists.",
         ["config: a default host is at least as strict as the others on its listener, unless it says otherwise",
          HOSTS + "test_a_default_host_laxer_than_another_is_an_error_unless_it_says_so"],
         [Edit("src/config/host_tables.cc", "if (host.allow_lax_default || !host.tls) return;", "if (!host.hosts.empty() || !host.tls) return;")]),
    # --- identity -------------------------------------------------------------------------------------------------------------
    Case("CVE-2023-2422",
         "Certificate stuffing: the identity was read from another certificate than the one that was verified.",
         "The identity is that of the leaf whose key signed the handshake, read after its chain verified.",
         [PUBLISHED + "test_a_second_certificate_in_the_chain_is_nobody"],
         [Edit("src/tls/chain_verifier.cc", "TRY(peer->identity, identity_of(leaf, library.sha256()));",
               "const auto* stuffed = X509_STORE_CTX_get0_untrusted(context);\n"
               "  TRY(peer->identity, identity_of(sk_X509_value(stuffed, sk_X509_num(stuffed) - 1), library.sha256()));")]),
    Case("CVE-2022-21656",
         "SAN types were confused: an e-mail or URI matched as a DNS name.",
         "Each type of SAN has its own list and its own matcher.",
         ["tls: an identity has every name of the certificate, each by its type",
          "test_policies_decide_by_certificate_and_request.py::test_a_certificate_matcher_meets_those_it_fits"],
         [Edit("src/tls/peer_certificate.cc", "identity.uri_sans.emplace_back(text);", "identity.dns_sans.emplace_back(text);")]),
    Case("CVE-2025-66220, CVE-2026-47778, HAProxy 6c85fb11b",
         "A NUL in a SAN cut the name short.",
         "Names are bytes with a length; NUL and every other control byte make a certificate malformed.",
         ["tls: a NUL or control byte in a name makes a certificate malformed"],
         [Edit("src/tls/peer_certificate.cc", "if (byte < 0x20 || byte == 0x7f) return true;", ""),
          Edit("src/tls/peer_certificate.cc", "if (!is_dns_name(text)) return malformed(\"a dNSName SAN that is no DNS name\");", ""),
          Edit("src/tls/peer_certificate.cc", "if (!is_absolute_uri(text)) return malformed(\"a URI SAN that is no absolute URI in ASCII\");", "")]),
    Case("CVE-2026-35616, CVE-2026-46579",
         "A client sent the identity headers itself, also to the plain port, and the API believed them.",
         "Every field that the config sets anywhere goes from every request on every listener.",
         [IDENTITY + "test_a_spoofed_field_is_gone_in_every_spelling", "proxy: no spelling of an identity field passes from a client"],
         [Edit("src/proxy/forwarding_headers.cc", "if (request_.snapshot->protected_fields.contains(folded_)) return true;", ""),
          Edit("src/proxy/forwarding_headers.cc", "rule == FieldRule::identity || is_ours", "is_ours")]),
    Case("CVE-2026-39858, GHSA-f59h-q822-g45g, caddy 947087cad",
         "Aliases such as X_Forwarded_For or Remote.User passed, and the application took them for the real ones.",
         "Names are compared after folding case, `-`, `_` and `.`.",
         [IDENTITY + "test_a_spoofed_field_is_gone_in_every_spelling", "proxy: field names fold as CGI and WSGI fold them"],
         [Edit("src/proxy/field_rules.cc", "return c == '_' || c == '.' ? '-' : c;", "return c;")]),
    Case("CVE-2026-88004",
         "Trusted names were smuggled in trailers.",
         "Trailers lose the same names by the same table.",
         [IDENTITY + "test_a_spoofed_trailer_is_gone", "proxy: trailers carry no framing, routing, authentication or identity"],
         [Edit("src/proxy/forwarding_headers.cc", "if (is_refused_in_trailers(folded) || snapshot.protected_fields.contains(folded) ||\n"
               "        names_field(route.remove, field.name))\n      continue;", "")]),
    Case("CVE-2024-45410, CVE-2021-32813, GHSA-92mv-8f8w-wq52",
         "`Connection: X-Forwarded-...` removed the proxy's own headers.",
         "Connection is applied to the client's fields; ours are written after it, and it can't name what a request stands on.",
         ["proxy: Connection removes what it names but nothing that a request can't do without"],
         [Edit("src/proxy/field_rules.cc", "  return std::none_of(kNeverNominated.begin(), kNeverNominated.end(),\n"
               "                      [&](std::string_view name) { return equal_ignoring_case(name, field_name); });", "  return true;")]),
    Case("GHSA-7r4p-vjf4-gxv4",
         "Where the gateway had no value of its own, the client's stayed.",
         "Delete first, set after: an anonymous client's fields are gone although nothing takes their place.",
         [IDENTITY + "test_an_anonymous_client_brings_no_certificate_fields", "proxy: an anonymous client has no identity fields"],
         [Edit("src/proxy/forwarding_headers.cc", "if (request_.snapshot->protected_fields.contains(folded_)) return true;",
               "if (request_.variables.identity != nullptr && request_.snapshot->protected_fields.contains(folded_)) return true;"),
          Edit("src/proxy/forwarding_headers.cc", "rule == FieldRule::identity || is_ours",
               "(rule == FieldRule::identity && request_.variables.identity != nullptr) || is_ours")]),
    Case("CVE-2024-47252, CVE-2025-49812",
         "Unescaped TLS fields in logs; a TLS upgrade of a plain connection that could be hijacked.",
         "Every byte of a peer is escaped, in the log and in headers; no upgrade but WebSocket is known.",
         ["proxy: no byte of a peer can end its string or its line", "core: whatever the bytes are, the string is valid JSON on one line",
          IDENTITY + "test_a_hostile_name_in_a_certificate_cannot_break_out_of_its_field"]),
    Case("NTLM over pooled connections (traefik 3.7.13)",
         "A client inherited the upstream connection that another one had logged in.",
         "An upstream connection on which NTLM or Negotiate was seen serves no other request.",
         ["test_many_things_at_once_stay_apart.py::test_an_upstream_connection_that_one_client_authenticated_serves_no_other"],
         [Edit("src/proxy/exchange_upstream.cc", "connection_is_private_ = authenticates_connection(head_);", "")]),
    # --- policy ---------------------------------------------------------------------------------------------------------------
    Case("CVE-2026-26308",
         "The policy looked at one value of a repeated header.",
         "Policies look at no header but Host, and a second Host is 400.",
         ["proxy: HTTP/1.1 needs exactly one Host and HTTP/1.0 at most one"]),
    Case("CVE-2025-1097, CVE-2026-41246",
         "Policy strings were pasted into a config and became part of it.",
         "A policy is data for RE2 and tables; environment variables fill scalars after parsing and can add no structure.",
         ["config: environment variables fill scalars but add no structure"]),
    Case("CVE-2026-27589",
         "The admin API could be called from a web page of another origin.",
         "It is a Unix socket of mode 0600; the metrics port answers GET only and changes nothing.",
         ["test_gatewayctl_tells_the_truth.py::test_the_socket_is_for_its_owner_only"]),
]
