#include "config/passphrases.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "config/program_output.h"
#include "config/quote.h"
#include "tls/private_key_file.h"

namespace gateway::config {
namespace {

// The daemon answers nobody while it waits: the watchdog of the service and whoever asked for the reload have less
// patience than this together.
constexpr std::chrono::milliseconds kOneCommand{5'000};
constexpr std::chrono::milliseconds kAllCommands{10'000};

std::expected<core::SharedSecret, std::string> first_line(std::string_view bytes) {
  std::string_view line = bytes.substr(0, bytes.find('\n'));
  if (line.ends_with('\r')) line.remove_suffix(1);
  if (line.empty()) return std::unexpected("the first line, which should be the passphrase, is empty");
  if (line.size() > tls::kMaxPassphraseBytes) {
    return std::unexpected(fmt::format("the first line has more than {} bytes", tls::kMaxPassphraseBytes));
  }
  if (line.find('\0') != std::string_view::npos) return std::unexpected("the first line has a NUL byte");
  return std::make_shared<const core::Secret>(line);
}

}  // namespace

core::SharedSecret Passphrases::read(const PassphraseConfig& config) {
  const bool is_command = !config.command.empty();
  if (!is_command && config.file.value.empty()) return nullptr;  // reported when it was decoded
  const Text& shown = is_command ? config.command.front() : config.file;
  const Found found = is_command ? from_command(config.command) : from_file(config.file);
  if (found) return *found;
  sink_.error(shown.at, shown.value, found.error());
  return nullptr;
}

Passphrases::Found Passphrases::from_file(const Text& path) {
  const std::string full = files_.absolute(path.value);
  if (const auto known = by_file_.find(full); known != by_file_.end()) return known->second;
  const auto content = files_.read(path.value);
  Found found = content ? first_line(**content) : Found(std::unexpected(content.error()));
  if (!found && content) found = std::unexpected(fmt::format("{}: {}", in_quotes(path.value), found.error()));
  if (content && is_readable_by_all(full)) {
    sink_.warning(path.at, path.value,
                  fmt::format("passphrase {} is readable by every user; chmod 600 it", in_quotes(path.value)));
  }
  return by_file_.emplace(full, std::move(found)).first->second;
}

Passphrases::Found Passphrases::from_command(const std::vector<Text>& command) {
  Program program;
  for (const Text& word : command) program.arguments.push_back(word.value);
  if (const auto known = by_command_.find(program.arguments); known != by_command_.end()) return known->second;
  if (spent_ >= kAllCommands) {
    return std::unexpected(fmt::format("{} was not run: the commands before it took {} ms",
                                       in_quotes(program.arguments.front()), spent_.count()));
  }
  program.folder = files_.absolute(".");
  program.limit = std::min(kOneCommand, kAllCommands - spent_);
  program.max_bytes = tls::kMaxPassphraseBytes + 2;  // its line end
  const auto begin = std::chrono::steady_clock::now();
  auto output = output_of(program);
  spent_ += std::chrono::ceil<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begin);
  Found found = output ? first_line(output->view()) : Found(std::unexpected(output.error()));
  if (!found && output) {
    found = std::unexpected(fmt::format("the output of {}: {}", in_quotes(program.arguments.front()), found.error()));
  }
  return by_command_.emplace(std::move(program.arguments), std::move(found)).first->second;
}

}  // namespace gateway::config
