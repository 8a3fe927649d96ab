#include "tls/host_selector.h"

#include "core/host_name.h"
#include "tls/client_hello.h"
#include "tls/connection_state.h"
#include "tls/limits.h"

namespace gateway::tls {
namespace {

using core::Reason;

constexpr std::string_view kHttp11 = "http/1.1";

std::optional<std::string_view> extension_of(SSL* ssl, unsigned type) {
  const unsigned char* bytes = nullptr;
  std::size_t size = 0;
  if (SSL_client_hello_get0_ext(ssl, type, &bytes, &size) != 1) return std::nullopt;
  return std::string_view(reinterpret_cast<const char*>(bytes), size);
}

void report_offers(SSL* ssl, HandshakeReport& report) {
  if (const auto versions = extension_of(ssl, TLSEXT_TYPE_supported_versions)) {
    report.offered_versions = describe_supported_versions(*versions);
  } else {
    report.offered_versions = describe_version(SSL_client_hello_get0_legacy_version(ssl));
  }
  report.offered_alpn.clear();
  const auto offered = extension_of(ssl, TLSEXT_TYPE_application_layer_protocol_negotiation);
  const auto names = offered ? parse_protocol_names(*offered) : std::nullopt;
  if (!names) return;
  for (const std::string_view name : *names) {
    if (report.offered_alpn.size() + name.size() >= kMaxReportedBytes) break;
    if (!report.offered_alpn.empty()) report.offered_alpn += ',';
    report.offered_alpn += name;
  }
}

struct Choice {
  std::optional<std::uint32_t> host{};
  int alert = SSL_AD_UNRECOGNIZED_NAME;
  std::string refusal{};
};

Choice choose_host(SSL* ssl, const core::HostTable& hosts, std::string& sni) {
  sni.clear();
  const auto extension = extension_of(ssl, TLSEXT_TYPE_server_name);
  if (!extension) return {.host = hosts.default_host(), .refusal = "no server name, and no default host"};
  const auto name = parse_server_name(*extension);
  if (!name) return {.alert = SSL_AD_DECODE_ERROR, .refusal = "a malformed server_name extension"};
  sni = *name;
  const auto canonical = core::canonical_host_name(*name);
  // No host can have such a name; the default one must not get it either.
  if (!canonical) return {.refusal = "a server name that is no host name"};
  if (const auto found = hosts.find(*canonical)) return {.host = found};
  return {.host = hosts.default_host(),
          .refusal = "no virtual host has this server name, and there is no default host"};
}

int on_client_hello(SSL* ssl, int* alert, void*) noexcept {
  *alert = SSL_AD_INTERNAL_ERROR;
  return guarded(SSL_CLIENT_HELLO_ERROR, [ssl, alert] {
    ConnectionState* state = state_of(ssl);
    if (state == nullptr) return SSL_CLIENT_HELLO_ERROR;
    state->hello_seen = true;
    report_offers(ssl, state->report);
    Choice choice = choose_host(ssl, state->hosts, state->report.sni);
    const HostContext* context = choice.host ? state->contexts.host_context(*choice.host) : nullptr;
    if (context == nullptr) {
      *alert = choice.alert;
      state->refuse(Reason::unrecognized_name, choice.host ? "the virtual host has no TLS" : std::move(choice.refusal));
      return SSL_CLIENT_HELLO_ERROR;
    }
    // After a HelloRetryRequest: RFC 8446 section 4.1.2 lets a client change next to nothing, and a new name nothing of
    // it.
    if (state->report.host && state->report.host != choice.host) {
      *alert = SSL_AD_ILLEGAL_PARAMETER;
      state->refuse(Reason::unrecognized_name, "the server name changed after a HelloRetryRequest");
      return SSL_CLIENT_HELLO_ERROR;
    }
    state->report.host = choice.host;
    if (!apply_host(ssl, *context)) {
      state->refuse(Reason::internal, "the virtual host could not be applied");
      return SSL_CLIENT_HELLO_ERROR;
    }
    return SSL_CLIENT_HELLO_SUCCESS;
  });
}

// The host was chosen long before; this only makes OpenSSL acknowledge the name (RFC 6066 section 3).
int on_server_name(SSL*, int*, void*) noexcept {
  return SSL_TLSEXT_ERR_OK;
}

int on_protocols(SSL* ssl, const unsigned char** out, unsigned char* out_size, const unsigned char* in,
                 unsigned in_size, void*) noexcept {
  return guarded(SSL_TLSEXT_ERR_ALERT_FATAL, [=] {
    for (unsigned at = 0; at < in_size && in_size - at > in[at]; at += 1U + in[at]) {
      if (std::string_view(reinterpret_cast<const char*>(in + at + 1), in[at]) == kHttp11) {
        *out = in + at + 1;
        *out_size = in[at];
        return SSL_TLSEXT_ERR_OK;
      }
    }
    if (ConnectionState* state = state_of(ssl)) {
      state->refuse(Reason::no_application_protocol, "the client offers no protocol but " + state->report.offered_alpn);
    }
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  });
}

}  // namespace

void install_host_selection(SSL_CTX* context) {
  SSL_CTX_set_client_hello_cb(context, &on_client_hello, nullptr);
  SSL_CTX_set_tlsext_servername_callback(context, &on_server_name);
  SSL_CTX_set_alpn_select_cb(context, &on_protocols, nullptr);
}

}  // namespace gateway::tls
