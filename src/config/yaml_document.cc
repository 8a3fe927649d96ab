#include "config/yaml_document.h"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <sstream>
#include <unordered_map>
#include <utility>

#include "config/quote.h"
#include "config/source_text.h"
#include "config/yaml_syntax_error.h"

namespace gateway::config {
namespace {

// A closing quote that is missing makes yaml-cpp take the rest of the file as text, in silence. What stands here then
// is part of that text; in any other place it is a comment.
constexpr std::string_view kEndMark = "# (the end of this file) 5d1c9a";

// Leaves the parser once a bound is passed or a fault makes going on pointless; already reported.
struct Abandoned {};

Position position_of(const YAML::Mark& mark) {
  return {mark.line + 1, mark.column + 1};
}

bool is_known_tag(const std::string& tag) {
  return tag.empty() || tag == "?" || tag == "!" || tag.starts_with("tag:yaml.org,2002:");
}

// Builds the tree from yaml-cpp's events: unlike its own nodes they tell of duplicate keys, quotes and aliases.
class TreeBuilder final : public YAML::EventHandler {
 public:
  explicit TreeBuilder(DiagnosticSink& sink) : sink_(sink) {}

  std::optional<Node> take_root() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark& /*mark*/) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    complete(leaf(Node::Kind::null, mark), anchor, 1);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    check_tag(mark, tag);
    Node node = leaf(Node::Kind::scalar, mark);
    if (value.find(kEndMark) != std::string::npos) fail(node.at, "", "the closing quote of this text is missing");
    node.quoted = tag == "!";
    node.text = value;
    complete(std::move(node), anchor, 1);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) fail(position_of(mark), "", "this alias stands inside of the value that it names");
    count_alias(position_of(mark), found->second.nodes);
    if (frames_.size() + found->second.depth > kMaxDepth) fail_depth(position_of(mark));
    place(found->second.node, found->second.nodes, found->second.depth, position_of(mark));
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(Node::Kind::sequence, mark, tag, anchor);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(Node::Kind::mapping, mark, tag, anchor);
  }
  void OnMapEnd() override { close(); }

 private:
  struct Frame {
    Node node;
    YAML::anchor_t anchor = 0;
    std::size_t nodes = 1;
    std::size_t depth = 1;
    std::optional<std::pair<std::string, Position>> key;  // read, waits for its value
    bool skip_value = false;                              // of a duplicate key
    std::unordered_map<std::string, Position> seen;
  };
  struct Anchored {
    Node node;
    std::size_t nodes = 1;
    std::size_t depth = 1;
  };

  [[noreturn]] void fail(Position at, std::string_view value, std::string_view message) {
    sink_.error(at, value, message);
    throw Abandoned{};
  }
  [[noreturn]] void fail_depth(Position at) {
    fail(at, "", fmt::format("values are nested more than {} levels deep", kMaxDepth));
  }

  void check_tag(const YAML::Mark& mark, const std::string& tag) {
    if (!is_known_tag(tag))
      sink_.error(position_of(mark), tag, fmt::format("YAML tag {} means nothing here; remove it", in_quotes(tag)));
  }

  Node leaf(Node::Kind kind, const YAML::Mark& mark) {
    Node node;
    node.kind = kind;
    node.at = position_of(mark);
    count_node(node.at);
    return node;
  }

  void count_node(Position at) {
    if (++nodes_ > kMaxNodes) fail(at, "", fmt::format("the file holds more than {} values", kMaxNodes));
  }
  void count_alias(Position at, std::size_t nodes) {
    aliased_ += nodes;
    if (aliased_ > kMaxAliasedNodes) {
      fail(at, "", fmt::format("the aliases of this file unfold to more than {} values", kMaxAliasedNodes));
    }
  }

  void open(Node::Kind kind, const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    check_tag(mark, tag);
    if (frames_.size() >= kMaxDepth) fail_depth(position_of(mark));
    frames_.push_back(Frame{.node = leaf(kind, mark), .anchor = anchor, .key = {}, .seen = {}});
  }

  void close() {
    Frame frame = std::move(frames_.back());
    frames_.pop_back();
    const Position at = frame.node.at;
    remember(frame.node, frame.anchor, frame.nodes, frame.depth);
    place(std::move(frame.node), frame.nodes, frame.depth, at);
  }

  void complete(Node node, YAML::anchor_t anchor, std::size_t nodes) {
    const Position at = node.at;
    remember(node, anchor, nodes, 0);
    place(std::move(node), nodes, 0, at);
  }

  void remember(const Node& node, YAML::anchor_t anchor, std::size_t nodes, std::size_t depth) {
    if (anchor == 0) return;
    count_alias(node.at, nodes);
    anchors_[anchor] = Anchored{node, nodes, depth};
  }

  // Puts a finished value where it belongs; `at` is where it is named, for an alias that is not where it was written.
  void place(Node node, std::size_t nodes, std::size_t depth, Position at) {
    if (frames_.empty()) {
      root_ = std::move(node);
      return;
    }
    Frame& frame = frames_.back();
    frame.nodes += nodes;
    frame.depth = std::max(frame.depth, depth + 1);
    if (frame.node.is(Node::Kind::sequence)) {
      frame.node.items.push_back(std::move(node));
    } else if (!frame.key) {
      begin_entry(frame, node, at);
    } else {
      // yaml-cpp gives an empty value the place of whatever comes next.
      if (node.is(Node::Kind::null)) node.at = frame.key->second;
      if (!frame.skip_value) {
        frame.node.entries.push_back({std::move(frame.key->first), frame.key->second, std::move(node)});
      }
      frame.key.reset();
    }
  }

  void begin_entry(Frame& frame, const Node& key, Position at) {
    if (!key.is(Node::Kind::scalar)) fail(at, "", "a key must be a plain word");
    if (key.text == "<<" && !key.quoted) {
      fail(at, key.text, "merge keys ('<<') are not supported; name a whole value by an alias or repeat its keys");
    }
    const auto [first, is_new] = frame.seen.emplace(key.text, at);
    if (!is_new) {
      sink_.error(at, key.text,
                  fmt::format("{} is set twice; first in line {}", in_quotes(key.text), first->second.line));
    }
    frame.skip_value = !is_new;
    frame.key.emplace(key.text, at);
  }

  DiagnosticSink& sink_;
  std::vector<Frame> frames_;
  std::unordered_map<YAML::anchor_t, Anchored> anchors_;
  std::optional<Node> root_;
  std::size_t nodes_ = 0;
  std::size_t aliased_ = 0;
};

// Only looks whether there is one more document, and where.
class SecondDocument final : public YAML::EventHandler {
 public:
  explicit SecondDocument(DiagnosticSink& sink) : sink_(sink) {}
  void OnDocumentStart(const YAML::Mark& mark) override {
    sink_.error(position_of(mark), "---", "a second YAML document begins here; a config file holds one");
    throw Abandoned{};
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t, const std::string&) override {}
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {}
  void OnMapEnd() override {}

 private:
  DiagnosticSink& sink_;
};

void run_parser(std::string_view text, TreeBuilder& builder, DiagnosticSink& sink) {
  std::string input(text);
  if (!input.ends_with('\n')) input += '\n';
  input += kEndMark;
  input += '\n';
  std::istringstream stream(input);
  try {
    YAML::Parser parser(stream);
    if (!parser.HandleNextDocument(builder)) return;
    SecondDocument second(sink);
    parser.HandleNextDocument(second);
  } catch (const YAML::ParserException& error) {
    const Position at = error.mark.is_null() ? Position{} : position_of(error.mark);
    const SyntaxFault fault = explain_syntax_error(text, at, error.msg);
    sink.error(fault.at, fault.value, fault.message);
  } catch (const std::exception& error) {
    sink.error({}, "", fmt::format("this YAML can't be parsed: {}", error.what()));
  } catch (const Abandoned&) {
    // Reported where it was thrown.
  }
}

}  // namespace

std::optional<Node> parse_yaml(std::string_view text, DiagnosticSink& sink) {
  if (!check_source_text(text, sink)) return std::nullopt;
  const std::size_t errors_before = sink.errors();
  TreeBuilder builder(sink);
  run_parser(text, builder, sink);
  std::optional<Node> root = builder.take_root();
  if (!root && sink.errors() != errors_before) return std::nullopt;
  if (!root || root->is(Node::Kind::null)) {
    sink.error({}, "", "the file is empty; it needs at least 'listeners' and 'virtual_hosts'");
    return std::nullopt;
  }
  if (root->is(Node::Kind::scalar) && root->text.find(':') != std::string::npos) {
    sink.error(root->at, root->text, "a space must stand behind each ':' that ends a key");
    return std::nullopt;
  }
  if (!root->is(Node::Kind::mapping)) {
    sink.error(root->at, root->text,
               "a config is a mapping ('listeners:', 'virtual_hosts:', ...), not a list or a single value");
    return std::nullopt;
  }
  return root;
}

}  // namespace gateway::config
