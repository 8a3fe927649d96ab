#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <unordered_map>

#include "config/quote.h"
#include "config/scalar.h"
#include "config/sections.h"

namespace gateway::config {
namespace {

using policy::Effect;
using policy::Matcher;

constexpr std::array<std::pair<std::string_view, Effect>, 2> kEffects{
    {{"deny", Effect::deny}, {"allow", Effect::allow}}};

constexpr std::array<std::pair<std::string_view, Matcher>, 15> kMatchers{{
    {"cn", Matcher::cn},
    {"ou", Matcher::ou},
    {"o", Matcher::o},
    {"dns_san", Matcher::dns_san},
    {"uri_san", Matcher::uri_san},
    {"email_san", Matcher::email_san},
    {"ip_san", Matcher::ip_san},
    {"issuer_cn", Matcher::issuer_cn},
    {"serial", Matcher::serial},
    {"fingerprint", Matcher::fingerprint},
    {"authenticated", Matcher::authenticated},
    {"method", Matcher::method},
    {"path", Matcher::path},
    {"host", Matcher::host},
    {"source_ip", Matcher::source_ip},
}};

// YAML's other spellings of a boolean become the two words that a policy knows.
void decode_authenticated(Decoder& decoder, const Node& node, ConditionPlace& place) {
  if (const auto value = decoder.boolean(node)) place.patterns.push_back({*value ? "true" : "false", node.at});
}

void decode_when(Decoder& decoder, const Node& node, policy::RuleSpec& rule, RulePlace& place) {
  const Fields fields(decoder, node, kMatcherKeys);
  if (!fields.is_mapping()) return;
  for (const NodeEntry& entry : node.entries) {
    const auto matcher =
        std::ranges::find(kMatchers, std::string_view(entry.key), &std::pair<std::string_view, Matcher>::first);
    if (matcher == kMatchers.end()) continue;  // reported by Fields
    ConditionPlace condition{.at = entry.key_at, .patterns = {}};
    if (matcher->second == Matcher::authenticated) {
      decode_authenticated(decoder, entry.value, condition);
    } else {
      condition.patterns = decoder.words(entry.value, "a pattern");
      if (entry.value.is(Node::Kind::sequence) && entry.value.items.empty()) {
        decoder.sink().error(entry.value.at, "",
                             fmt::format("{} lists no pattern, so the rule would never match", in_quotes(entry.key)));
      }
    }
    if (condition.patterns.empty()) continue;  // reported
    policy::Condition spec{.matcher = matcher->second, .patterns = {}};
    for (const Text& pattern : condition.patterns) spec.patterns.push_back(pattern.value);
    rule.when.push_back(std::move(spec));
    place.when.push_back(std::move(condition));
  }
}

// The names of one policy's rules, and in which line each is.
using RuleLines = std::unordered_map<std::string, int>;

// Every rule gets a name of its own, so that compiling the policy finds only what was not reported here.
std::string decode_rule_name(Decoder& decoder, Fields& fields, RuleLines& lines) {
  const int line = fields.at().line;
  std::string substitute = fmt::format("rule in line {}", line);
  const Node* node = fields.require("name", "it stands in logs and metrics");
  const auto text = node == nullptr ? std::nullopt : decoder.name(*node, "a name");
  if (!text) return substitute;
  if (text->value == "default") {
    decoder.reject(*text, "another name: 'default' is what logs and metrics call the policy's default");
    return substitute;
  }
  const auto [first, is_new] = lines.emplace(text->value, line);
  if (is_new) return text->value;
  decoder.sink().error(text->at, text->value,
                       fmt::format("rule {} is there twice; first in line {}", in_quotes(text->value), first->second));
  return substitute;
}

void decode_rule(Decoder& decoder, const Node& node, PolicyConfig& policy, RuleLines& lines) {
  Fields fields(decoder, node, kRuleKeys);
  if (!fields.is_mapping()) return;
  policy::RuleSpec rule;
  RulePlace place{.at = node.at, .when = {}};
  rule.name = decode_rule_name(decoder, fields, lines);
  if (const Node* effect = fields.require("effect", "allow or deny")) {
    assign(rule.effect, decoder.choice<Effect>(*effect, kEffects));
  }
  if (const Node* when = fields.find("when")) decode_when(decoder, *when, rule, place);
  policy.spec.rules.push_back(std::move(rule));
  policy.places.push_back(std::move(place));
}

}  // namespace

void decode_policies(Decoder& decoder, const Node& node, Config& config) {
  for (const NodeEntry& entry :
       decoder.named_entries(node, "a mapping of policies ('payments: {default: deny, rules: [...]}')")) {
    auto name = decoder.key_as_name(entry, "a name");
    if (!name) continue;
    PolicyConfig policy;
    policy.spec.name = name->value;
    policy.name = std::move(*name);
    Fields fields(decoder, entry.value, kPolicyKeys);
    if (const Node* effect = fields.find("default"))
      assign(policy.spec.default_effect, decoder.choice<Effect>(*effect, kEffects));
    if (const Node* rules = fields.find("rules")) {
      RuleLines lines;
      for (const Node& rule : decoder.list(*rules, "a list of rules ('- name: ...')")) {
        decode_rule(decoder, rule, policy, lines);
      }
    }
    config.policies.push_back(std::move(policy));
  }
}

}  // namespace gateway::config
