#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

struct ssl_ctx_st;  // SSL_CTX

namespace gateway::tls {

struct TlsSettings;

// Elements of the lists in TlsSettings, checked against the OpenSSL that runs. Each gives the name to keep, or an error
// whose detail says what is wrong with it: unknown here, or too weak for any profile. For the control thread.

// One TLS 1.2 cipher suite by OpenSSL's or IANA's name; OpenSSL's is given. Expressions ("HIGH", "!aNULL") are none.
core::Result<std::string> check_cipher(std::string_view name);
// One of TLS 1.3.
core::Result<std::string> check_cipher_suite(std::string_view name);
// A group, or "?" and a group: the latter is good whether this OpenSSL has it or not.
core::Result<std::string> check_group(std::string_view name);
core::Result<std::string> check_signature_algorithm(std::string_view name);

// Those of `groups` that this OpenSSL has, without their marks, as OpenSSL wants a list. `context` is any.
std::string available_groups(const std::vector<std::string>& groups, ssl_ctx_st* context);

// Sets lists and versions of a context.
core::Result<bool> use_settings(ssl_ctx_st* context, const TlsSettings& settings);

}  // namespace gateway::tls
