"""Policies, the control socket, and what does not exist here."""
from case import Case, Edit

CASES = [
    Case("CVE-2026-26308",
         "The policy looked at one value of a repeated header.",
         "Policies look at no header but Host, and a second Host is 400.",
         ["proxy: HTTP/1.1 needs exactly one Host and HTTP/1.0 at most one"],
         [Edit("src/proxy/http1_request_parser.cc", "if (framing.host_count > 1) return refuse_as(400, \"more than one Host\");", "")]),
    Case("CVE-2025-1097, CVE-2026-41246",
         "Policy strings were pasted into a config and became part of it.",
         "A policy is data for RE2 and tables; environment variables fill scalars after parsing and can add no structure.",
         ["config: environment variables fill scalars but add no structure"]),
    Case("CVE-2026-27589",
         "The admin API could be called from a web page of another origin.",
         "It is a Unix socket of mode 0600; the metrics port answers GET only and changes nothing.",
         ["test_gatewayctl_tells_the_truth.py::test_the_socket_is_for_its_owner_only"],
         [Edit("src/gatewayd/control_sockets.cc", "::fchmod(fd.get(), 0600) != 0", "::fchmod(fd.get(), 0666) != 0"),
          Edit("src/gatewayd/control_sockets.cc", "if ((info.st_mode & 0177U) != 0)", "if ((info.st_mode & 0111U) != 0)")]),
    Case("CVE-2026-47692",
         "PROXY protocol fields of over 64 KiB spilled into the stream behind them.",
         "There is no PROXY protocol here: such a preface is no TLS record, and ends the connection.",
         ["tls: clear-text HTTP is told from garbage, and neither is answered in TLS"]),
    Case("QUIC beside TCP (envoy 47219 and 47381, GHSA-9cr8-q42q-g8m7)",
         "The second transport had its own path for sessions, names and client certificates, without the guards of the first.",
         "There is no HTTP/3 here: one path.",
         ["tls: http/1.1 is the one application protocol"]),
]
