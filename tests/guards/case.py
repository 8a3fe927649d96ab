"""What a case of the list is, and the files of tests by a short name."""
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
BY_RESUMPTION = "test_published_bypasses_by_resumption_are_closed.py::"
IN_PROCESS = "test_sessions_are_kept_in_the_process.py::"
HOSTS = "test_sni_and_host_choose_one_virtual_host.py::"
IDENTITY = "test_identity_comes_from_the_gateway_alone.py::"
PUBLISHED = "test_published_bypasses_are_closed.py::"
OCSP = "test_ocsp_decides_before_the_first_request.py::"
CRLS = "test_crls_decide_who_is_revoked.py::"
ORDERED = "test_an_emergency_revocation_counts_at_once.py::"
BARRED = "test_a_refusal_can_be_told_by_http.py::"
LIVE = "test_live_connections_are_judged_again.py::"
MODES = "test_the_mode_of_the_host_judges_client_certificates.py::"
SETTINGS = "test_each_host_keeps_to_its_tls_settings.py::"
ODD = "test_old_and_odd_tls_is_refused.py::"
