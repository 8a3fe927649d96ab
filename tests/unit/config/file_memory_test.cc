#include "config/file_memory.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "config_folder.h"

namespace gateway::config {
namespace {

namespace fs = std::filesystem;

constexpr int kHosts = 10;

// Ten hosts whose files have names of their own: 0.pem and 0.key, ...
struct HostFolder : ConfigFolder {
  HostFolder() {
    for (int i = 0; i < kHosts; ++i) {
      // Other bytes for each, though the same certificate: text beside a PEM block means nothing.
      write(name(i, "pem"), std::to_string(i) + "\n" + content("pki/issued/server.pem"));
      write(name(i, "key"), std::to_string(i) + "\n" + content("pki/issued/server.key"));
      fs::permissions(path() / name(i, "key"), fs::perms::owner_read | fs::perms::owner_write);
    }
  }
  static std::string name(int i, std::string_view ending) { return std::to_string(i) + "." + std::string(ending); }
  [[nodiscard]] std::string content(const std::string& name) const {
    std::ifstream file(path() / name);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  [[nodiscard]] LoadResult load_with(LoadMemory& memory) const {
    std::string yaml = "listeners: [{bind: 127.0.0.1:8443}]\nvirtual_hosts:\n";
    for (int i = 0; i < kHosts; ++i) {
      yaml += "  - {name: h" + std::to_string(i) + ", hosts: [h" + std::to_string(i) +
              ".example.com], tls: {certificate: " + name(i, "pem") + ", key: " + name(i, "key") +
              ", client_auth: off}, routes: [{path: /*, respond: echo}]}\n";
    }
    write("gateway.yaml", yaml);
    return config::load((path() / "gateway.yaml").string(), 1, memory, environment_of({}));
  }
};

}  // namespace

TEST_CASE("a reload parses the certificates and opens the keys whose files have other bytes, and no others") {
  const HostFolder folder;
  LoadMemory memory;
  const LoadResult first = folder.load_with(memory);
  REQUIRE_MESSAGE(first.config, lines(first.diagnostics));
  CHECK(memory.files.chains.made() == kHosts);
  CHECK(memory.files.keys.made() == kHosts);
  REQUIRE(folder.load_with(memory).config);
  CHECK(memory.files.chains.made() == kHosts);
  CHECK(memory.files.keys.made() == kHosts);
  folder.write("3.pem", folder.content("pki/issued/server.pem") + "\n");
  const LoadResult third = folder.load_with(memory);
  REQUIRE(third.config);
  CHECK(memory.files.chains.made() == kHosts + 1);
  CHECK_MESSAGE(memory.files.keys.made() == kHosts, "the certificate is the same, so the key is still its own");
  CHECK_MESSAGE(lines(third.diagnostics) == lines(first.diagnostics), "what is wrong is said each time");
}

TEST_CASE("a key that was once found to fit is not taken for another certificate") {
  const HostFolder folder;
  LoadMemory memory;
  REQUIRE(folder.load_with(memory).config);
  folder.write("3.pem", folder.content("pki/issued/other-server.pem"));
  const LoadResult mixed = folder.load_with(memory);
  CHECK(!mixed.config);
  CHECK(lines(mixed.diagnostics).find("does not match the certificate") != std::string::npos);
  folder.write("3.pem", "nonsense");
  CHECK(!folder.load_with(memory).config);
  folder.write("3.pem", folder.content("4.pem"));
  CHECK(folder.load_with(memory).config);
}

TEST_CASE("what a load did not use is forgotten, but what a refused one made is kept for the next") {
  Remembered<int> remembered;
  remembered.keep({1}, std::make_shared<const int>(1));
  remembered.keep({2}, std::make_shared<const int>(2));
  remembered.forget_unused();
  CHECK(*remembered.find({1}) == 1);
  remembered.keep({3}, std::make_shared<const int>(3));
  // A load that was refused here would go on with all of these.
  CHECK(remembered.find({2}) != nullptr);
  remembered.forget_unused();
  CHECK(remembered.find({3}) != nullptr);
  remembered.forget_unused();
  CHECK(remembered.find({1}) == nullptr);
  CHECK(remembered.find({2}) == nullptr);
  CHECK(*remembered.find({3}) == 3);
  CHECK(remembered.made() == 3);
}

}  // namespace gateway::config
