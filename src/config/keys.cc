#include "config/keys.h"

#include <array>

namespace gateway::config {
namespace {

using Word = std::string_view;

constexpr std::array kRoot{Word("workers"),         Word("listeners"),       Word("trust"),      Word("policies"),
                           Word("virtual_hosts"),   Word("upstreams"),       Word("timeouts"),   Word("limits"),
                           Word("trusted_proxies"), Word("forwarding"),      Word("access_log"), Word("admin"),
                           Word("watch"),           Word("state_directory"), Word("session"),    Word("pkcs11")};
constexpr std::array kRootPlanned{Word("rate_limits"), Word("tracing"), Word("acme"), Word("kubernetes")};

constexpr std::array kListener{Word("bind"), Word("name"), Word("protocol"), Word("http2"), Word("redirect_to_https")};
constexpr std::array kListenerPlanned{Word("http3"),   Word("proxy_protocol"), Word("alpn"),        Word("tls"),
                                      Word("backlog"), Word("transparent"),    Word("connections"), Word("upstream")};

constexpr std::array kTrust{Word("ca"),
                            Word("crl"),
                            Word("depth"),
                            Word("revocation"),
                            Word("send_ca_names"),
                            Word("strict_profile"),
                            Word("anchors"),
                            Word("extended_key_usage")};
constexpr std::array kTrustPlanned{Word("spiffe"), Word("ca_path")};
constexpr std::array kRevocation{Word("require"), Word("scope"), Word("on_expired"), Word("refresh"), Word("ocsp")};
constexpr std::array kRevocationPlanned{Word("crl"), Word("url")};
constexpr std::array kCrlOnExpired{Word("grace")};

constexpr std::array kOcsp{Word("mode"), Word("responder"), Word("responder_certificate"), Word("timeout"),
                           Word("nonce")};
constexpr std::array kOcspPlanned{Word("scope"), Word("cache"), Word("stapling"), Word("max_age")};

constexpr std::array kPolicy{Word("default"), Word("rules")};
constexpr std::array kPolicyPlanned{Word("mode"), Word("dry_run"), Word("audit")};
constexpr std::array kRule{Word("name"), Word("effect"), Word("when")};
constexpr std::array kRulePlanned{Word("unless"), Word("log"), Word("status"), Word("audit")};
constexpr std::array kMatchers{
    Word("cn"),     Word("ou"),        Word("o"),        Word("dns_san"),     Word("uri_san"),       Word("email_san"),
    Word("ip_san"), Word("issuer_cn"), Word("serial"),   Word("fingerprint"), Word("authenticated"), Word("method"),
    Word("path"),   Word("host"),      Word("source_ip")};
constexpr std::array kMatchersPlanned{Word("header"),    Word("query"),     Word("time"),   Word("not"),
                                      Word("any"),       Word("all"),       Word("oid"),    Word("subject_dn"),
                                      Word("issuer_dn"), Word("spiffe_id"), Word("upn_san")};

constexpr std::array kVirtualHost{Word("name"),          Word("hosts"),
                                  Word("default"),       Word("allow_lax_default"),
                                  Word("listeners"),     Word("tls"),
                                  Word("policy"),        Word("identity_headers"),
                                  Word("routes"),        Word("timeouts"),
                                  Word("limits"),        Word("forwarding"),
                                  Word("merge_slashes"), Word("encoded_slashes"),
                                  Word("require")};
constexpr std::array kVirtualHostPlanned{Word("headers"),     Word("access_log"),  Word("upstream"),
                                         Word("error_pages"), Word("compression"), Word("hsts")};
constexpr std::array kTls{Word("certificate"),
                          Word("key"),
                          Word("passphrase"),
                          Word("certificates"),
                          Word("client_auth"),
                          Word("trust"),
                          Word("min_version"),
                          Word("max_version"),
                          Word("profile"),
                          Word("ciphers"),
                          Word("cipher_suites"),
                          Word("groups"),
                          Word("signature_algorithms"),
                          Word("min_rsa_bits"),
                          Word("max_client_chain"),
                          Word("session"),
                          Word("on_refusal"),
                          Word("stapling")};
constexpr std::array kTlsPlanned{Word("curves"), Word("alpn"), Word("depth"), Word("crl"), Word("max_chain_size")};
constexpr std::array kCertificate{Word("certificate"), Word("key"), Word("passphrase")};
constexpr std::array kCertificatePlanned{Word("chain"), Word("acme")};
constexpr std::array kPkcs11{Word("module")};
constexpr std::array kPkcs11Planned{Word("pin"), Word("slot"), Word("token")};
constexpr std::array kPassphrase{Word("file"), Word("command")};
constexpr std::array kPassphrasePlanned{Word("environment"), Word("credential")};
constexpr std::array kStapling{Word("responder"), Word("issuer")};
constexpr std::array kStaplingPlanned{Word("file"), Word("timeout")};

constexpr std::array kRoute{
    Word("path"),       Word("upstream"),        Word("respond"),  Word("headers"), Word("identity_headers"),
    Word("forwarding"), Word("encoded_slashes"), Word("timeouts"), Word("limits"),  Word("require")};
constexpr std::array kRoutePlanned{Word("methods"), Word("method"),       Word("rewrite"),      Word("redirect"),
                                   Word("policy"),  Word("retries"),      Word("weight"),       Word("mirror"),
                                   Word("name"),    Word("host"),         Word("strip_prefix"), Word("compression"),
                                   Word("cors"),    Word("merge_slashes")};
constexpr std::array kHeaders{Word("set"), Word("remove")};
constexpr std::array kHeadersPlanned{Word("add"), Word("response"), Word("request"), Word("preset")};
constexpr std::array kRespond{Word("status"), Word("body"), Word("content_type")};
constexpr std::array kRespondPlanned{Word("headers"), Word("file"), Word("location")};

constexpr std::array kUpstream{Word("endpoints"), Word("pool"), Word("retries"), Word("health_check")};
constexpr std::array kUpstreamPlanned{Word("tls"),      Word("balance"),         Word("http2"),
                                      Word("protocol"), Word("timeouts"),        Word("proxy_protocol"),
                                      Word("weights"),  Word("max_connections"), Word("circuit_breaker"),
                                      Word("sticky")};
constexpr std::array kPool{Word("max_idle")};
constexpr std::array kPoolPlanned{Word("max_connections"), Word("max_requests"), Word("idle_timeout"), Word("max_age")};
constexpr std::array kHealthCheck{Word("interval"), Word("timeout"), Word("fall"), Word("rise"), Word("path")};
constexpr std::array kHealthCheckPlanned{Word("status"), Word("host"),   Word("port"),
                                         Word("body"),   Word("method"), Word("tls")};

constexpr std::array kTimeouts{Word("handshake"),  Word("request_headers"),  Word("body_idle"),
                               Word("keep_alive"), Word("upstream_connect"), Word("upstream_response"),
                               Word("drain")};
constexpr std::array kRouteTimeouts{Word("body_idle"), Word("upstream_connect"), Word("upstream_response")};
constexpr std::array kTopTimeouts{Word("handshake"), Word("request_headers"), Word("keep_alive"), Word("drain")};
constexpr std::array kHostTimeouts{Word("request_headers"), Word("body_idle"), Word("keep_alive"),
                                   Word("upstream_connect"), Word("upstream_response")};
constexpr std::array kGlobalTimeouts{Word("handshake"), Word("drain")};
constexpr std::array kTimeoutsPlanned{Word("request"), Word("tunnel"), Word("connection"), Word("upstream_idle")};

constexpr std::array kLimits{Word("connections"), Word("request_line"), Word("headers"), Word("header_count"),
                             Word("body")};
constexpr std::array kRouteLimits{Word("body")};
constexpr std::array kTopLimits{Word("connections"), Word("request_line"), Word("headers"), Word("header_count")};
constexpr std::array kLimitsPlanned{Word("connections_per_ip"), Word("requests_per_connection"), Word("rate"),
                                    Word("handshakes")};

constexpr std::array kForwarding{Word("x_forwarded"), Word("x_request_id"), Word("forwarded"), Word("via")};
constexpr std::array kForwardingPlanned{Word("traceparent")};
constexpr std::array kAccessLog{Word("path"), Word("format")};
constexpr std::array kAccessLogPlanned{Word("fields"), Word("sample"), Word("level"), Word("syslog")};
constexpr std::array kAdmin{Word("socket"), Word("metrics")};
constexpr std::array kAdminPlanned{Word("socket_mode"), Word("tls"), Word("http")};

constexpr std::array kSession{Word("lifetime"), Word("tickets"), Word("store"), Word("capacity"), Word("ticket_keys")};
constexpr std::array kHostSession{Word("lifetime"), Word("tickets")};
constexpr std::array kTopSession{Word("store"), Word("capacity"), Word("ticket_keys")};
constexpr std::array kSessionPlanned{Word("cache"), Word("timeout"), Word("rotate")};

constexpr std::array kEverywhere{Word("watch"), Word("include"), Word("rate_limit")};

}  // namespace

const std::span<const std::string_view> kPlannedEverywhere = kEverywhere;
const KeyTable kRootKeys{"the config", kRoot, kRootPlanned};
const KeyTable kListenerKeys{"a listener", kListener, kListenerPlanned};
const KeyTable kTrustKeys{"a trust set", kTrust, kTrustPlanned};
const KeyTable kRevocationKeys{"'revocation'", kRevocation, kRevocationPlanned};
const KeyTable kOcspKeys{"'ocsp'", kOcsp, kOcspPlanned};
const KeyTable kOnExpiredKeys{"'on_expired'", kCrlOnExpired, {}};
const KeyTable kPolicyKeys{"a policy", kPolicy, kPolicyPlanned};
const KeyTable kRuleKeys{"a rule", kRule, kRulePlanned};
const KeyTable kMatcherKeys{"'when'", kMatchers, kMatchersPlanned};
const KeyTable kVirtualHostKeys{"a virtual host", kVirtualHost, kVirtualHostPlanned, kTls, "its 'tls'"};
const KeyTable kTlsKeys{"'tls'", kTls, kTlsPlanned};
const KeyTable kCertificateKeys{"an entry of 'certificates'", kCertificate, kCertificatePlanned};
const KeyTable kPkcs11Keys{"'pkcs11'", kPkcs11, kPkcs11Planned};
const KeyTable kPassphraseKeys{"'passphrase'", kPassphrase, kPassphrasePlanned};
const KeyTable kStaplingKeys{"'stapling'", kStapling, kStaplingPlanned};
const KeyTable kRouteKeys{"a route", kRoute, kRoutePlanned};
const KeyTable kHeadersKeys{"'headers'", kHeaders, kHeadersPlanned};
const KeyTable kRespondKeys{"'respond'", kRespond, kRespondPlanned};
const KeyTable kUpstreamKeys{"an upstream", kUpstream, kUpstreamPlanned};
const KeyTable kPoolKeys{"'pool'", kPool, kPoolPlanned};
const KeyTable kHealthCheckKeys{"'health_check'", kHealthCheck, kHealthCheckPlanned};
const KeyTable kTimeoutKeys{"'timeouts'", kTimeouts, kTimeoutsPlanned};
const KeyTable kHostTimeoutKeys{"'timeouts' of a virtual host", kHostTimeouts, kTimeoutsPlanned, kGlobalTimeouts,
                                "the top-level 'timeouts'"};
const KeyTable kRouteTimeoutKeys{"'timeouts' of a route", kRouteTimeouts, kTimeoutsPlanned, kTopTimeouts,
                                 "the top-level 'timeouts'"};
const KeyTable kLimitKeys{"'limits'", kLimits, kLimitsPlanned};
const KeyTable kRouteLimitKeys{"'limits' of a virtual host or route", kRouteLimits, kLimitsPlanned, kTopLimits,
                               "the top-level 'limits'"};
const KeyTable kForwardingKeys{"'forwarding'", kForwarding, kForwardingPlanned};
const KeyTable kAccessLogKeys{"'access_log'", kAccessLog, kAccessLogPlanned};
const KeyTable kAdminKeys{"'admin'", kAdmin, kAdminPlanned};
const KeyTable kSessionKeys{"'session'", kSession, kSessionPlanned};
const KeyTable kHostSessionKeys{"'session' of a virtual host", kHostSession, kSessionPlanned, kTopSession,
                                "the top-level 'session'"};

std::span<const KeyTable* const> all_key_tables() {
  static constexpr auto kAll = std::to_array<const KeyTable*>(
      {&kRootKeys,       &kListenerKeys,   &kTrustKeys,       &kRevocationKeys,  &kOcspKeys,        &kOnExpiredKeys,
       &kPolicyKeys,     &kRuleKeys,       &kMatcherKeys,     &kVirtualHostKeys, &kTlsKeys,         &kCertificateKeys,
       &kPkcs11Keys,     &kPassphraseKeys, &kStaplingKeys,    &kRouteKeys,       &kHeadersKeys,     &kRespondKeys,
       &kUpstreamKeys,   &kPoolKeys,       &kHealthCheckKeys, &kTimeoutKeys,     &kHostTimeoutKeys, &kRouteTimeoutKeys,
       &kLimitKeys,      &kRouteLimitKeys, &kForwardingKeys,  &kAccessLogKeys,   &kAdminKeys,       &kSessionKeys,
       &kHostSessionKeys});
  return kAll;
}

}  // namespace gateway::config
