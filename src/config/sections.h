#pragma once

#include "config/config.h"
#include "config/decoder.h"

// One decoder for each section of the file. All report what is wrong and fill in what is right; an entry whose name is
// known is kept even if the rest of it is faulty, so that references to it are not reported as well.
namespace gateway::config {

void decode_listeners(Decoder& decoder, const Node& node, Config& config);
void decode_trust(Decoder& decoder, const Node& node, Config& config);
void decode_policies(Decoder& decoder, const Node& node, Config& config);
void decode_virtual_hosts(Decoder& decoder, const Node& node, Config& config);
void decode_upstreams(Decoder& decoder, const Node& node, Config& config);
void decode_limits(Decoder& decoder, const Node& node, Config& config);
void decode_trusted_proxies(Decoder& decoder, const Node& node, Config& config);
void decode_access_log(Decoder& decoder, const Node& node, Config& config);
void decode_admin(Decoder& decoder, const Node& node, Config& config);
void decode_pkcs11(Decoder& decoder, const Node& node, Config& config);
void decode_workers(Decoder& decoder, const Node& node, Config& config);
void decode_state_directory(Decoder& decoder, const Node& node, Config& config);
void decode_watch(Decoder& decoder, const Node& node, Config& config);

OcspConfig decode_ocsp(Decoder& decoder, const Node& node);
void decode_session(Decoder& decoder, const Node& node, Config& config);
// What a virtual host does not say of its sessions is said by the top level.
void inherit_session(Config& config);

HostSessionConfig decode_host_session(Decoder& decoder, const Node& node);
std::optional<StaplingConfig> decode_stapling(Decoder& decoder, const Node& node);
TlsConfig decode_tls(Decoder& decoder, const Node& node);
// Of the short form (`certificate`, `key`, `passphrase`) or the long one (`certificates`) in `tls`. An entry of which
// nothing could be read is left out.
std::vector<CertificateConfig> decode_certificates(Decoder& decoder, Fields& tls);
// profile, versions, lists and sizes of `tls:`.
void decode_tls_settings(Decoder& decoder, const Fields& fields, TlsConfig& tls);
RouteConfig decode_route(Decoder& decoder, const Node& node);
TimeoutsConfig decode_timeouts(Decoder& decoder, const Node& node, const KeyTable& table);
ForwardingConfig decode_forwarding(Decoder& decoder, const Node& node);
// The keys that virtual hosts and routes share;
// `timeout_keys` says which timeouts it may set.
RouteSettings decode_route_settings(Decoder& decoder, const Fields& fields, const KeyTable& timeout_keys);

}  // namespace gateway::config
