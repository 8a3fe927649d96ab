#include "tls/session_app_data.h"

#include <doctest/doctest.h>

using namespace gateway::tls;

namespace {

SessionAppData sample() {
  SessionAppData session;
  session.session_context.fill(7);
  session.chain.session_start = std::chrono::sys_seconds(std::chrono::seconds(1'800'000'000));
  session.chain.session_deadline = std::chrono::sys_seconds(std::chrono::seconds(1'900'000'000));
  std::vector<ChainElement> elements;
  for (char c : {'a', 'b'}) {
    ChainElement& element = elements.emplace_back();
    element.fingerprint.fill(static_cast<unsigned char>(c));
    element.issuer_key.fill(static_cast<unsigned char>(c + 1));
    element.issuer_name.fill(static_cast<unsigned char>(c + 2));
    element.serial = std::string("\0s", 2) + c;
    element.is_ca = c == 'b';
    element.not_before = std::chrono::sys_seconds(std::chrono::seconds(-5));
    element.not_after = std::chrono::sys_seconds(std::chrono::seconds(2'000'000'000));
  }
  session.chain.elements = std::move(elements);
  return session;
}

}  // namespace

TEST_CASE("a session's data come back as they were") {
  const SessionAppData before = sample();
  const auto after = decode_session(encode_session(before));
  REQUIRE(after);
  CHECK(after->session_context == before.session_context);
  CHECK((after->chain.session_start == before.chain.session_start));
  CHECK((after->chain.session_deadline == before.chain.session_deadline));
  REQUIRE(after->chain.elements.size() == 2);
  for (std::size_t i = 0; i < 2; ++i) {
    CHECK(after->chain.elements[i].fingerprint == before.chain.elements[i].fingerprint);
    CHECK(after->chain.elements[i].issuer_key == before.chain.elements[i].issuer_key);
    CHECK(after->chain.elements[i].issuer_name == before.chain.elements[i].issuer_name);
    CHECK(after->chain.elements[i].serial == before.chain.elements[i].serial);
    CHECK(after->chain.elements[i].is_ca == before.chain.elements[i].is_ca);
    CHECK((after->chain.elements[i].not_before == before.chain.elements[i].not_before));
    CHECK((after->chain.elements[i].not_after == before.chain.elements[i].not_after));
  }
  CHECK(decode_session(encode_session({}))->chain.elements.empty());
}

TEST_CASE("a session ends by its own deadline or by the lifetime of today, whichever is earlier") {
  const SessionAppData session = sample();
  const auto start = session.chain.session_start;
  CHECK((session_end(session, std::chrono::hours(1)) == start + std::chrono::hours(1)));
  CHECK((session_end(session, std::chrono::years(10)) == session.chain.session_deadline));
}

TEST_CASE("data that were cut, lengthened or of another version are no session") {
  const std::string good = encode_session(sample());
  for (std::size_t size = 0; size < good.size(); ++size)
    CHECK_FALSE(decode_session(std::string_view(good).substr(0, size)));
  CHECK_FALSE(decode_session(good + '\0'));
  std::string other = good;
  other[0] = 1;
  CHECK_FALSE(decode_session(other));
  const auto accepts = [](const std::vector<ChainElement>& elements) {
    SessionAppData session = sample();
    session.chain.elements = elements;
    return decode_session(encode_session(session)).has_value();
  };
  std::vector<ChainElement> elements = sample().chain.elements.all();
  elements[0].serial = "";
  CHECK_FALSE(accepts(elements));
  elements[0].serial = std::string(65, 'x');
  CHECK_FALSE(accepts(elements));
  elements.assign(32, sample().chain.elements[0]);
  CHECK(accepts(elements));
  elements.assign(33, sample().chain.elements[0]);
  CHECK_FALSE(accepts(elements));
}
