#pragma once

#include <memory>
#include <vector>

#include "config/config.h"
#include "core/host_table.h"
#include "proxy/router.h"

// What a config can get wrong as a whole, found without touching a file.
namespace gateway::config {

// Names: given twice, meant but not there, there but never used.
void check_names(const Config& config, DiagnosticSink& sink);

// Listeners among themselves.
void check_listeners(const Config& config, DiagnosticSink& sink);

// Modes against trust sets and policies.
void check_client_auth(const Config& config, DiagnosticSink& sink);

// A field that a route sets and that the gateway writes there by itself: the upstream would get both. `built` has the
// options that hold for the route.
void check_fields_to_set(const RouteConfig& route, const proxy::Route& built, DiagnosticSink& sink);

// Who answers for which host on each listener (indices as in the config). Reports malformed and duplicate hosts, hosts
// that answer nowhere, and a default host that is laxer than another on its listener.
std::vector<std::shared_ptr<const core::HostTable>> build_host_tables(const Config& config, DiagnosticSink& sink);

// Reports paths that are malformed, taken, or in a form that no request has after its normalisation.
proxy::RouteTable build_route_table(const VirtualHostConfig& host, DiagnosticSink& sink);

}  // namespace gateway::config
