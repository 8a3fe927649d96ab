#include "config/decode_memory.h"

#include <doctest/doctest.h>

#include <string>

#include "config/config.h"
#include "config_folder.h"

namespace gateway::config {
namespace {

constexpr const char* kText =
    "listeners: [{bind: \"127.0.0.1:${PORT:-8443}\"}]\n"
    "virtual_hosts: [{name: h, default: true, routes: [{path: /*, respond: echo}]}]\n";

struct Decoding {
  DecodeMemory memory;
  std::map<std::string, std::string> environment;
  std::string findings;

  std::shared_ptr<const Config> of(const std::string& text) {
    DiagnosticSink sink("gateway.yaml");
    auto config = memory.decode(text, sink, environment_of(environment));
    const auto found = sink.take();
    findings = lines(found);
    return config;
  }
};

}  // namespace

TEST_CASE("a config text that is the same as before is not decoded again") {
  Decoding decoding;
  const auto first = decoding.of(kText);
  REQUIRE(first);
  CHECK(decoding.of(kText) == first);
  CHECK(decoding.memory.decoded() == 1);
  const auto other = decoding.of(std::string(kText) + "watch: off\n");
  REQUIRE(other);
  CHECK(other->watch == Watch::off);
  CHECK(decoding.memory.decoded() == 2);
  CHECK_MESSAGE(decoding.of(kText)->watch == Watch::files, "only the last one is kept");
  CHECK(decoding.memory.decoded() == 3);
}

TEST_CASE("a variable that the config asks for and that has changed has it decoded again") {
  Decoding decoding;
  const auto port = [&] { return decoding.of(kText)->listeners.at(0).address.port; };
  CHECK(port() == 8443);
  decoding.environment["PORT"] = "9443";
  CHECK(port() == 9443);
  CHECK(decoding.memory.decoded() == 2);
  decoding.environment["UNRELATED"] = "1";
  CHECK(port() == 9443);
  CHECK(decoding.memory.decoded() == 2);
  decoding.environment.erase("PORT");
  CHECK(port() == 8443);
}

TEST_CASE("the defaults of the environment are part of what is kept") {
  Decoding decoding;
  CHECK(decoding.of(kText)->state_directory->value == "/var/lib/gatewayd");
  decoding.environment["STATE_DIRECTORY"] = "/srv/state";
  CHECK(decoding.of(kText)->state_directory->value == "/srv/state");
  decoding.environment["GATEWAY_SOCKET"] = "/run/other.sock";
  CHECK(decoding.of(kText)->admin.socket->value == "/run/other.sock");
}

TEST_CASE("what is wrong with a config text is said each time, and a faulty text is not kept") {
  Decoding decoding;
  const std::string faulty = std::string(kText) + "colour: red\n";
  decoding.of(faulty);
  const std::string said = decoding.findings;
  CHECK(said.find("colour") != std::string::npos);
  decoding.of(faulty);
  CHECK(decoding.findings == said);
  CHECK(decoding.memory.decoded() == 2);
  REQUIRE(decoding.of(kText));
  CHECK(decoding.findings.empty());
  // Nor does it push out the one that was good.
  decoding.of(faulty);
  CHECK(decoding.memory.decoded() == 4);
  REQUIRE(decoding.of(kText));
  CHECK(decoding.memory.decoded() == 4);
}

TEST_CASE("a reload with the config text of before still reads every file that it names") {
  const ConfigFolder folder;
  const std::string yaml =
      "listeners: [{bind: 127.0.0.1:8443}]\n"
      "virtual_hosts: [{name: h, hosts: [h.example.com], tls: {certificate: own.pem, key: pki/issued/server.key, "
      "client_auth: off}, routes: [{path: /*, respond: echo}]}]\n";
  folder.write("gateway.yaml", yaml);
  LoadMemory memory;
  const auto load_again = [&] {
    return config::load((folder.path() / "gateway.yaml").string(), 1, memory, environment_of({}));
  };
  CHECK_MESSAGE(!load_again().config, "own.pem is missing");
  std::filesystem::copy(folder.path() / "pki/issued/server.pem", folder.path() / "own.pem");
  CHECK(load_again().config);
  std::filesystem::copy(folder.path() / "pki/issued/other-server.pem", folder.path() / "own.pem",
                        std::filesystem::copy_options::overwrite_existing);
  const LoadResult mixed = load_again();
  CHECK(!mixed.config);
  CHECK(lines(mixed.diagnostics).find("does not match the certificate") != std::string::npos);
  CHECK(memory.texts.decoded() == 1);
}

}  // namespace gateway::config
