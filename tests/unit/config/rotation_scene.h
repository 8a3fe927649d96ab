#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "config/accepted.h"
#include "config/rotation.h"
#include "config_folder.h"
#include "tls/crl_index.h"

namespace gateway::config {

inline constexpr const char* kYaml =
    "listeners: [{bind: 127.0.0.1:8443}]\n"
    "trust: {t: {ca: ca.pem, crl: [ca.crl], revocation: {require: false}}}\n"
    "virtual_hosts:\n"
    "  - {name: a, hosts: [a.example.com], tls: {certificate: a.pem, key: a.key, trust: t}, routes: [{path: /*, "
    "respond: echo}]}\n"
    "  - {name: b, hosts: [b.example.com], tls: {certificate: b.pem, key: b.key, trust: t}, routes: [{path: /*, "
    "respond: echo}]}\n";

// The same with a CRL by URL.
inline std::string yaml_with_url() {
  std::string yaml = kYaml;
  constexpr std::string_view kFile = "crl: [ca.crl]";
  return "state_directory: state\n" +
         yaml.replace(yaml.find(kFile), kFile.size(), "crl: [\"http://crl.example/ca.crl\"]");
}

inline const CanServe kAnything = [](const tls::HostOptions&) { return core::Result<void>(); };

// Two hosts with pairs of their own and one trust set, all files in the config's folder.
struct Scene {
  Scene() {
    for (const char* host : {"a", "b"}) put_pair(host, "server");
    put("ca.pem", "pki/ca.pem");
    put("ca.crl", "pki/ca.crl");
    current = folder.good(kYaml);
  }
  void put(const std::string& name, const std::string& source) const {
    std::filesystem::copy_file(folder.path() / source, folder.path() / name,
                               std::filesystem::copy_options::overwrite_existing);
  }
  void put_pair(const std::string& host, const std::string& pair) const {
    put(host + ".pem", "pki/issued/" + pair + ".pem");
    put(host + ".key", "pki/issued/" + pair + ".key");
  }
  Rotation rotate(const CanServe& can_serve = kAnything) {
    Rotation done = config::rotate(current, can_serve);
    CHECK(done.failure.empty());
    if (done.config) current = *done.config;
    return done;
  }
  [[nodiscard]] const proxy::VirtualHost& host(std::size_t index) const {
    return current.snapshot->virtual_hosts[index];
  }

  ConfigFolder folder;
  LoadedConfig current;
};

inline std::string words(const std::vector<Item>& items) {
  std::string text;
  for (const Item& item : items) text += std::string(to_string(item.kind)) + ' ' + item.name + '\n';
  return text;
}
inline std::string words(const std::vector<KeptItem>& items) {
  std::string text;
  for (const KeptItem& one : items) {
    text += std::string(to_string(one.item.kind)) + ' ' + one.item.name + ", " + one.file + ": " + one.reason +
            (one.refuses_load ? "\n" : " (a load would take it)\n");
  }
  return text;
}

}  // namespace gateway::config
