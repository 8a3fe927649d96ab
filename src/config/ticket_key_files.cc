#include "config/ticket_key_files.h"

#include <fmt/format.h>

#include <unordered_map>

#include "config/quote.h"

namespace gateway::config {

std::shared_ptr<const tls::TicketKeys> load_ticket_keys(const SessionConfig& session, FileReader& files,
                                                        DiagnosticSink& sink) {
  std::vector<std::string_view> contents;
  std::unordered_map<std::string_view, std::string_view> path_by_name;
  for (const Text& path : session.ticket_keys) {
    const auto content = files.read(path.value);
    if (!content) {
      sink.error(path.at, path.value, content.error());
      continue;
    }
    if (const auto good = tls::check_ticket_key(**content); !good) {
      sink.error(path.at, path.value, fmt::format("{}: {}", in_quotes(path.value), good.error().detail));
      continue;
    }
    if (is_readable_by_all(files.absolute(path.value))) {
      sink.warning(path.at, path.value,
                   fmt::format("ticket key {} is readable by every user; chmod 600 it", in_quotes(path.value)));
    }
    const auto name = std::string_view(**content).substr(0, tls::kTicketKeyNameBytes);
    if (const auto [first, is_new] = path_by_name.emplace(name, path.value); !is_new) {
      sink.error(path.at, path.value,
                 fmt::format("ticket keys {} and {} have the same name (their first {} bytes), so only the first would "
                             "ever be used",
                             in_quotes(first->second), in_quotes(path.value), tls::kTicketKeyNameBytes));
      continue;
    }
    contents.emplace_back(**content);
  }
  return contents.size() == session.ticket_keys.size() ? tls::TicketKeys::from_files(contents) : nullptr;
}

}  // namespace gateway::config
