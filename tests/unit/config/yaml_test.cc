#include <doctest/doctest.h>

#include "config/yaml_document.h"
#include "config_folder.h"

namespace gateway::config {
namespace {

// What parsing alone finds.
std::string faults(std::string_view text) {
  DiagnosticSink sink("gateway.yaml");
  parse_yaml(text, sink);
  return lines(sink.take());
}

Node parsed(std::string_view text) {
  DiagnosticSink sink("gateway.yaml");
  auto root = parse_yaml(text, sink);
  REQUIRE_MESSAGE(root, lines(sink.take()));
  return std::move(*root);
}

TEST_CASE("every value knows its line and column") {
  const Node root = parsed("a: 1\nb:\n  - x\n  - {c: \"y\"}\n");
  REQUIRE(root.entries.size() == 2);
  CHECK(root.entries[0].value.at == Position{1, 4});
  CHECK(root.entries[1].key_at == Position{2, 1});
  const Node& list = root.entries[1].value;
  REQUIRE(list.items.size() == 2);
  CHECK(list.items[0].at == Position{3, 5});
  CHECK_FALSE(list.items[0].quoted);
  const NodeEntry& inner = list.items[1].entries.at(0);
  CHECK(inner.key_at == Position{4, 6});
  CHECK(inner.value.at == Position{4, 9});
  CHECK(inner.value.quoted);
}

TEST_CASE("an empty value stands where its key does") {
  CHECK(parsed("a:\n\n\nb: 1\n").entries[0].value.at == Position{1, 1});
}

TEST_CASE("a byte order mark and CRLF line ends do not disturb") {
  const Node root = parsed(
      "\xEF\xBB\xBF"
      "a: 1\r\nb: 2\r\n");
  REQUIRE(root.entries.size() == 2);
  CHECK(root.entries[1].value.text == "2");
  CHECK(root.entries[1].key_at == Position{2, 1});
}

TEST_CASE("an alias is a copy of what it names") {
  const Node root = parsed("a: &x {k: v}\nb: *x\nc: [*x, *x]\n");
  CHECK(root.entries[1].value.entries.at(0).value.text == "v");
  CHECK(root.entries[2].value.items.size() == 2);
}

TEST_CASE("a key that is set twice is an error that names the first, and the first is kept") {
  CHECK(faults("a: 1\nb: {c: 1, c: 2}\na: 2\n") ==
        "2:11: error: 'c' is set twice; first in line 2\n"
        "3:1: error: 'a' is set twice; first in line 1\n");
}

TEST_CASE("what YAML puts badly is said in words that tell what to do") {
  CHECK(faults("hosts: [*.example.com]\n") ==
        "1:9: error: put quotes around it: \"*.example.com\"; a bare * begins a YAML alias, and no anchor of that name "
        "stands "
        "before\n");
  CHECK(faults("hosts:\n  - *.example.com\n") ==
        "2:5: error: put quotes around it: \"*.example.com\"; a bare * begins a YAML alias, and no anchor of that name "
        "stands "
        "before\n");
  CHECK(faults("bind: [::]:8443\n") ==
        "1:7: error: put quotes around it: \"[::]:8443\"; a bare [ begins a YAML list\n");
  CHECK(faults("a: [::1]:80\n") == "1:4: error: put quotes around it: \"[::1]:80\"; a bare [ begins a YAML list\n");
  CHECK(faults("a: 1\n\tb: 2\n") == "2:1: error: a tab indents this line; YAML wants spaces\n");
  CHECK(faults("a:\n\tb: 2\n") == "2:1: error: a tab indents this line; YAML wants spaces\n");
  CHECK(faults("a: b: c\n") ==
        "1:5: error: a second ':' stands on this line; put quotes around a value that holds ': '\n");
  CHECK(faults("a: 1\n b: 2\n") ==
        "2:3: error: this key does not fit the line before; check the indentation and the quotes\n");
  CHECK(faults("a:\n - b\n c: 1\n") == "3:2: error: this line does not fit the ones before; check its indentation\n");
  CHECK(faults("a: @x\n") == "1:4: error: '@' can't stand here without quotes; put them around the whole value\n");
  CHECK(faults("a: [1, 2\n") == "1:9: error: a list that begins with '[' is not closed by ']'\n");
  CHECK(faults("a: {b: c\n") == "1:9: error: a mapping that begins with '{' is not closed by '}'\n");
  CHECK(faults("listeners:[]\n") == "1:1: error: a space must stand behind each ':' that ends a key\n");
}

TEST_CASE("a quote that is never closed is found, though yaml-cpp takes the rest of the file for text") {
  CHECK(faults("a: \"x\nb: 2\nc: 3\n") == "1:4: error: the closing quote of this text is missing\n");
  CHECK(faults("a: 'x\n") == "1:4: error: the closing quote of this text is missing\n");
}

TEST_CASE("what has no meaning in a config is refused") {
  CHECK(faults("<<: {a: 1}\n") ==
        "1:1: error: merge keys ('<<') are not supported; name a whole value by an alias or repeat its keys\n");
  CHECK(faults("a: !secret b\n") == "1:4: error: YAML tag '!secret' means nothing here; remove it\n");
  CHECK(faults("[a]: b\n") == "1:1: error: a key must be a plain word\n");
  CHECK(faults("a: 1\n---\nb: 2\n") == "2:1: error: a second YAML document begins here; a config file holds one\n");
  CHECK(faults("a: &a [*a]\n") == "1:8: error: this alias stands inside of the value that it names\n");
  CHECK(faults("- a\n") ==
        "1:1: error: a config is a mapping ('listeners:', 'virtual_hosts:', ...), not a list or a single value\n");
  for (const char* empty : {"", "\n\n", "# nothing\n", "---\n", "~\n"}) {
    CHECK(faults(empty) == "error: the file is empty; it needs at least 'listeners' and 'virtual_hosts'\n");
  }
}

TEST_CASE("no byte can hide a part of the file") {
  // yaml-cpp takes 0x04 for the end of its input.
  CHECK(faults("a: 1\n\x04\nb: 2\n") == "2:1: error: a control byte (0x04) stands here; remove it\n");
  CHECK(faults(std::string_view("a: \0b\n", 6)) == "1:4: error: a control byte (0x00) stands here; remove it\n");
  CHECK(faults("a: x\ry\n") == "1:5: error: a control byte (0x0D) stands here; remove it\n");
  CHECK(faults("a: \xC0\xAF\n") == "1:4: error: this is not UTF-8 text; save the file as UTF-8\n");
  CHECK(faults(std::string_view("\xFF\xFE"
                                "a\0:\0",
                                6)) == "1:1: error: this is not UTF-8 text; save the file as UTF-8\n");
}

TEST_CASE("nesting and aliases are bounded") {
  const auto nested = [](std::size_t depth) {
    return "a: " + std::string(depth, '[') + "x" + std::string(depth, ']') + "\n";
  };
  CHECK(faults(nested(20)).empty());
  for (const std::size_t depth : {40UL, 1'000UL, 100'000UL}) {
    CHECK(faults(nested(depth)).find("error: values are nested more than 32 levels deep\n") != std::string::npos);
  }
  CHECK(faults(std::string(100'000, '[')).find("levels deep") != std::string::npos);
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 9; ++i) {
    const std::string below = "*a" + std::to_string(i - 1);
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int j = 0; j < 10; ++j) bomb += (j > 0 ? ", " : "") + below;
    bomb += "]\n";
  }
  CHECK(faults(bomb).find("the aliases of this file unfold to more than 200000 values") != std::string::npos);
  std::string deep =
      "a: &a [[[[[[[[[[x]]]]]]]]]]\nb: &b [[[[[[[[[[*a]]]]]]]]]]\nc: [[[[[[[[[[*b]]]]]]]]]]\nd: "
      "[[[[[[[[[[[[*b]]]]]]]]]]]]\n";
  CHECK(faults(deep).find("values are nested more than 32 levels deep") != std::string::npos);
}

}  // namespace
}  // namespace gateway::config
