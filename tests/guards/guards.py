"""Published bypasses of other gateways: what happened there, what stops it here, and the tests that fail when that is taken out.

docs/published-bypasses.md is made from this list (table.py), run.py takes the guards out. A test is a file of tests/integration with
pytest's ::name, or "library: name of the doctest case".
"""
import cases_certificates
import cases_handshake
import cases_hosts
import cases_identity
import cases_live
import cases_others
import cases_revocation
import cases_sessions

CASES = [*cases_hosts.CASES, *cases_handshake.CASES, *cases_certificates.CASES, *cases_revocation.CASES, *cases_live.CASES,
         *cases_sessions.CASES, *cases_identity.CASES, *cases_others.CASES]
