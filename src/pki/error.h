#pragma once

#include <expected>
#include <filesystem>
#include <string>
#include <utility>

#include "core/result.h"

namespace gateway::pki {

// Why the certificate authority refused or could not do something: for the operator's eyes, so it names the file.
struct Error {
  std::string message;
  std::filesystem::path file;  // empty if no file is to blame
};

template <typename T>
using Result = std::expected<T, Error>;

// The value of a step that yields nothing; it lets TRY(std::ignore, ...) pass errors on.
struct Done {};

inline std::unexpected<Error> refuse(std::string message, std::filesystem::path file = {}) {
  return std::unexpected(Error{.message = std::move(message), .file = std::move(file)});
}

}  // namespace gateway::pki
