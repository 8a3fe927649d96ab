#include "tls/crl_update.h"

#include <doctest/doctest.h>

#include "test_pki.h"

using namespace gateway::tls;
using namespace gateway::tls::test;
using namespace std::chrono_literals;

namespace {

struct Fixture {
  Issued root = make_root("Root");
  Issued other = make_root("Other");
  Issued namesake = make_root("Root");  // another key
  Issued intermediate = make_intermediate("Sub", root);
  Issued client = make_client("client", root);
  std::chrono::sys_seconds now = real_now();
  std::vector<Der> issuers{root.der()};

  [[nodiscard]] Der crl(const Issued& issuer, std::chrono::seconds age, std::vector<Extension> extensions = {}) const {
    return make_crl(issuer, {.revoked = {&client},
                             .this_update = now - age,
                             .next_update = now - age + 240h,
                             .extensions = std::move(extensions)});
  }
  [[nodiscard]] auto check(std::string_view bytes, std::optional<std::string_view> previous = std::nullopt,
                           bool take_unproven = false) const {
    return check_crl_update(bytes, previous, {.issuers = issuers, .take_unproven = take_unproven, .now = now});
  }
  // Why it is refused; "" if it is taken.
  [[nodiscard]] std::string fault(std::string_view bytes, std::optional<std::string_view> previous = std::nullopt,
                                  bool take_unproven = false) const {
    const auto result = check(bytes, previous, take_unproven);
    return result ? "" : result.error().detail;
  }
};

void check_says(const std::string& fault, std::string_view part) {
  CHECK_MESSAGE(fault.find(part) != std::string::npos, fault);
}

}  // namespace

TEST_CASE_FIXTURE(Fixture, "a CRL that a CA of the trust set signed is taken, PEM or DER") {
  const Der der = crl(root, 1h);
  for (const std::string& bytes : {der, crl_pem(der)}) {
    const auto update = check(bytes);
    REQUIRE(update);
    CHECK(update->next_update == now + 239h);
    CHECK(update->entries == 1);
  }
}

TEST_CASE_FIXTURE(Fixture, "whatever nobody of the trust set signed is refused") {
  check_says(fault(crl(namesake, 1h)), "signature is not by the key of its issuer");
  check_says(fault(crl(other, 1h)), "is no CA of the trust set");
  check_says(fault(crl(intermediate, 1h)), "is no CA of the trust set");
  // One good one does not vouch for its neighbour.
  check_says(fault(crl_pem(crl(root, 1h)) + crl_pem(crl(other, 1h))), "is no CA of the trust set");
}

TEST_CASE_FIXTURE(Fixture, "an unknown issuer's is taken where a missing CRL refuses, a forged one never") {
  CHECK(fault(crl(intermediate, 1h), std::nullopt, true).empty());
  check_says(fault(crl(namesake, 1h), std::nullopt, true), "signature is not by the key of its issuer");
}

TEST_CASE_FIXTURE(Fixture, "of two CAs with one name each one's counts") {
  issuers.push_back(namesake.der());
  CHECK(fault(crl(root, 1h)).empty());
  CHECK(fault(crl(namesake, 1h)).empty());
  const std::string both = crl_pem(crl(root, 1h)) + crl_pem(crl(namesake, 1h));
  CHECK(fault(both, both).empty());
  check_says(fault(crl(root, 0h), both), "has no CRL of");
}

TEST_CASE_FIXTURE(Fixture, "what can't be applied in full is refused") {
  CHECK(!fault("").empty());
  CHECK(!fault("<html>Not found</html>").empty());
  const Der der = crl(root, 1h);
  CHECK(!fault(der.substr(0, der.size() - 1)).empty());
  CHECK(!fault(der + "x").empty());
  check_says(fault(crl(root, 1h, {{"deltaCRL", "critical,DER:020101"}})), "a delta CRL");
}

TEST_CASE_FIXTURE(Fixture, "nothing comes back that was replaced") {
  const Der before = crl(root, 2h);
  CHECK(fault(before, before).empty());
  CHECK(fault(crl(root, 1h), before).empty());
  check_says(fault(crl(root, 3h), before), "is older than the one that is in use");
  // Made within one second.
  const Der second = crl(root, 2h, {{"crlNumber", "DER:020102"}});
  const Der tenth = crl(root, 2h, {{"crlNumber", "DER:02020100"}});
  CHECK(fault(tenth, second).empty());
  check_says(fault(second, tenth), "is older than the one that is in use");
  check_says(fault(before, tenth), "is older than the one that is in use");
}

TEST_CASE_FIXTURE(Fixture, "a CA that had a CRL keeps having one") {
  issuers.push_back(other.der());
  const std::string both = crl_pem(crl(root, 1h)) + crl_pem(crl(other, 1h));
  check_says(fault(crl(other, 0h), both), "it has no CRL of CN=Root any more");
  // Unless it is not trusted any more, or that copy was no good.
  issuers = {other.der()};
  CHECK(fault(crl(other, 0h), both).empty());
  CHECK(fault(crl(other, 0h), "garbage").empty());
}

TEST_CASE_FIXTURE(Fixture, "a CRL of tomorrow would be the last for a day, so it is refused") {
  check_says(fault(crl(root, -10min)), "of a time that is yet to come");
  CHECK(fault(crl(root, -4min)).empty());
}
