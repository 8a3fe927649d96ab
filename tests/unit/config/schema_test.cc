#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "config/keys.h"
#include "config_folder.h"

namespace gateway::config {
namespace {

using nlohmann::json;

const json& schema() {
  static const json document =
      json::parse(std::ifstream(std::string(GATEWAY_SOURCE_DIR) + "/conf/gateway.schema.json"));
  return document;
}

// The schema's objects with fixed keys; their titles are what the loader calls them, without quotes.
std::map<std::string, json> objects() {
  std::map<std::string, json> found{{schema().at("title"), schema()}};
  for (const json& definition : schema().at("$defs")) {
    if (definition.contains("additionalProperties") && definition["additionalProperties"] == false) {
      found.emplace(definition.at("title"), definition);
    }
  }
  return found;
}

std::string title_of(const KeyTable& table) {
  std::string title(table.what);
  std::erase(title, '\'');
  return title;
}

TEST_CASE("the schema has the objects of the loader, and each has its keys") {
  std::set<std::string> titles;
  const auto found = objects();
  for (const KeyTable* table : all_key_tables()) {
    const std::string title = title_of(*table);
    CAPTURE(title);
    titles.insert(title);
    REQUIRE(found.contains(title));
    std::set<std::string> keys;
    for (const auto& [key, value] : found.at(title).at("properties").items()) keys.insert(key);
    CHECK(keys == std::set<std::string>(table->keys.begin(), table->keys.end()));
  }
  for (const auto& [title, object] : found) {
    CAPTURE(title);
    CHECK(titles.contains(title));
  }
}

// A config in which each object of the schema can be given one more key: at its title, in angle brackets.
constexpr std::string_view kConfig =
    "<the config>\n"
    "listeners: [{<a listener>bind: 127.0.0.1:8443, name: tls}, {bind: 127.0.0.1:8080, protocol: http, name: plain}]\n"
    "trust: {t: {<a trust set>ca: pki/ca.pem, crl: pki/ca.crl, revocation: {<revocation>ocsp: {<ocsp>mode: soft}}}}\n"
    "policies: {p: {<a policy>rules: [{name: r, effect: allow, when: {cn: a}}]}}\n"
    "virtual_hosts:\n"
    "  - {<a virtual host>name: v, hosts: [example.com], policy: p, forwarding: {<forwarding>},\n"
    "     tls: {<tls>certificate: pki/issued/server.pem, key: pki/issued/server.key, trust: t,\n"
    "           session: {<session of a virtual host>}},\n"
    "     routes: [{<a route>path: /*, upstream: u}, {path: /r, respond: {<respond>}}]}\n"
    "  - {name: several, hosts: [several.example.com], routes: [{path: /*, respond: echo}],\n"
    "     tls: {certificates: [{<an entry of certificates>certificate: pki/issued/server.pem,\n"
    "                           key: pki/issued/server.key, passphrase: {<passphrase>file: pki/ca.pem}}], trust: t}}\n"
    "  - {name: w, hosts: [w], routes: [{path: /*, respond: echo}]}\n"
    "upstreams: {u: {<an upstream>endpoints: [127.0.0.1:1], pool: {<pool>}, health_check: {<health_check>}}}\n"
    "timeouts: {<timeouts>}\n"
    "limits: {<limits>}\n"
    "access_log: {<access_log>}\n"
    "session: {<session>}\n"
    "admin: {<admin>}\n";

// kConfig where `title` has `key` with `value`, which may be empty for none.
std::string config_with(const std::string& title, const std::string& key, const std::string& value) {
  std::string text;
  std::size_t position = 0;
  bool found = false;
  while (position < kConfig.size()) {
    const std::size_t begin = std::min(kConfig.find('<', position), kConfig.size());
    text += kConfig.substr(position, begin - position);
    if (begin == kConfig.size()) break;
    const std::size_t end = kConfig.find('>', begin);
    if (kConfig.substr(begin + 1, end - begin - 1) == title && !value.empty()) {
      found = true;
      text.append(key).append(": ").append(value).append(title == "the config" ? "\n" : ", ");
    }
    position = end + 1;
  }
  CHECK_MESSAGE((found || value.empty()), title);
  return text;
}

// What differs from the config that says nothing.
std::vector<std::string> changes(const ConfigFolder& folder, const std::string& title, const std::string& key,
                                 const std::string& value) {
  const LoadedConfig before = folder.good(config_with("", "", ""));
  const LoadedConfig after = folder.good(config_with(title, key, value));
  std::vector<std::string> all = describe_changes(before, after);
  for (std::string& line : restart_only_changes(before, after)) all.push_back(std::move(line));
  return all;
}

// A value that is none of `value`'s neighbours in meaning, so that it must change something. Empty: nothing else loads,
// or what it does takes more than this key.
std::string other_value(const std::string& title, const std::string& key, const json& value) {
  static const std::map<std::string, std::string> kOther{
      {"the config workers", "200"},
      {"a listener protocol", ""},               // http would leave the host with tls without a listener
      {"a listener redirect_to_https", ""},      // for http only
      {"a listener http2", ""},                  // true is refused
      {"a virtual host allow_lax_default", ""},  // permits, changes nothing
      {"a policy default", "allow"},
      {"a virtual host encoded_slashes", "keep"},
      {"a route encoded_slashes", "keep"},
      {"revocation scope", "leaf"},
      {"revocation on_expired", "{grace: 1h}"},
      {"revocation refresh", ""},  // of URLs only
      {"ocsp timeout", "5s"},
      {"tls stapling", "{responder: \"http://ocsp.example\", issuer: pki/ca.pem}"},
      {"tls client_auth", "optional"},
      {"tls min_version", "\"1.3\""},
      {"tls on_refusal", "http"},
      {"session lifetime", "1h"},
      {"session store", "tickets"},
      {"tls max_version", "\"1.2\""},
      {"tls profile", "modern"},
      {"tls max_client_chain", "32KiB"},
      {"a trust set anchors", "any"},
      {"a trust set extended_key_usage", "if_present"},
      {"respond body", "text"},
      {"respond content_type", "text/html"},
      {"access_log path", "\"off\""},
      {"access_log format", "text"},
      {"admin socket", "\"off\""},
      {"the config state_directory", "elsewhere"},
      {"the config watch", "all"},
      {"admin metrics", "127.0.0.1:9145"},
  };
  if (const auto known = kOther.find(title + " " + key); known != kOther.end()) return known->second;
  if (value.is_boolean()) return value.get<bool>() ? "false" : "true";
  if (value.is_number()) return std::to_string(value.get<int>() + 3);
  const auto text = value.get<std::string>();
  REQUIRE_MESSAGE((text.ends_with("s") || text.ends_with("iB")), text);
  return "7" + text;
}

TEST_CASE("the defaults of the schema are those of the loader") {
  const ConfigFolder folder;
  std::size_t count = 0;
  for (const auto& [title, object] : objects()) {
    for (const auto& [key, property] : object.at("properties").items()) {
      if (!property.contains("default")) continue;
      ++count;
      const json& value = property["default"];
      CAPTURE(title);
      CAPTURE(key);
      CHECK(changes(folder, title, key, value.dump()).empty());
      const std::string other = other_value(title, key, value);
      if (!other.empty()) CHECK_FALSE(changes(folder, title, key, other).empty());
    }
  }
  CHECK(count > 40);
}

}  // namespace
}  // namespace gateway::config
