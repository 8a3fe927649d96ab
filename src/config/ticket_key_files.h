#pragma once

#include <memory>

#include "config/config.h"
#include "config/file_reader.h"
#include "tls/ticket_keys.h"

namespace gateway::config {

// Reads the key files of `session: {ticket_keys: [...]}`. Null if there are none, or if one can't be used (reported).
std::shared_ptr<const tls::TicketKeys> load_ticket_keys(const SessionConfig& session, FileReader& files,
                                                        DiagnosticSink& sink);

}  // namespace gateway::config
