#include "tls/ocsp_response.h"

#include <doctest/doctest.h>

#include "test_gateway.h"
#include "test_ocsp.h"
#include "tls/asn1_values.h"
#include "tls/limits.h"

using namespace gateway::tls;
using namespace gateway::tls::test;
using namespace std::chrono_literals;

namespace {

const Issued& leaf() {
  static const Issued made = make_client("leaf", client_root());
  return made;
}

OcspQuestion question() {
  return {.certificate = leaf().der(), .issuer = client_root().der(), .nonce = {}, .responder_certificate = {}};
}

OcspSingleSpec about_leaf() {
  return {.subject = &leaf(), .issuer = &client_root()};
}

// "good", "revoked", "unknown", or why the response isn't believed.
std::string told(const Der& response, const OcspQuestion& asked = question(),
                 std::chrono::sys_seconds now = real_now()) {
  const auto answer = read_ocsp_response(response, asked, now);
  if (!answer) CHECK(answer.error().reason == gateway::core::Reason::ocsp_unavailable);
  return answer ? std::string(to_string(answer->status)) : answer.error().detail;
}

std::string signed_by(const Issued& signer, const std::vector<const Issued*>& certificates) {
  return told(make_ocsp_response({.signer = &signer, .certificates = certificates}, {about_leaf()}));
}

constexpr const char* kNobody = "nobody who may answer has signed it";

}  // namespace

TEST_CASE("the issuer's own answer is believed, whichever way it names itself") {
  for (const bool by_key : {false, true}) {
    const Der response = make_ocsp_response({.signer = &client_root(), .by_key = by_key}, {about_leaf()});
    const auto answer = read_ocsp_response(response, question(), real_now());
    REQUIRE(answer);
    CHECK(answer->status == OcspStatus::good);
    CHECK_FALSE(answer->delegate);
    CHECK_FALSE(answer->revoked_at);
    REQUIRE(answer->next_update);
    CHECK(answer->fresh_until == *answer->next_update);
  }
}

TEST_CASE("revoked and unknown are told apart from good") {
  OcspSingleSpec single = about_leaf();
  single.status = V_OCSP_CERTSTATUS_REVOKED;
  const auto answer =
      read_ocsp_response(make_ocsp_response({.signer = &client_root()}, {single}), question(), real_now());
  REQUIRE(answer);
  CHECK(answer->status == OcspStatus::revoked);
  CHECK(answer->revoked_at == single.this_update);
  single.status = V_OCSP_CERTSTATUS_UNKNOWN;
  CHECK(told(make_ocsp_response({.signer = &client_root()}, {single})) == "unknown");
}

TEST_CASE("a delegate is believed if the issuer signed its certificate for OCSP") {
  const Issued delegate = make_ocsp_delegate(client_root());
  const Der response = make_ocsp_response({.signer = &delegate, .certificates = {&delegate}}, {about_leaf()});
  const auto answer = read_ocsp_response(response, question(), real_now());
  REQUIRE(answer);
  REQUIRE(answer->delegate);
  CHECK(answer->delegate->serial == serial_bytes_of(X509_get0_serialNumber(delegate.certificate.get())));
  CHECK(signed_by(delegate, {}) == kNobody);
}

TEST_CASE("a client certificate of the same issuer can't answer for another") {
  const Issued other = make_client("other", client_root());
  CHECK(signed_by(other, {&other}) == "the signer's certificate is not for OCSP signing");
  const Issued any = issue({.common_name = "any", .extended_key_usage = "anyExtendedKeyUsage"}, &client_root());
  CHECK(signed_by(any, {&any}) == "the signer's certificate is not for OCSP signing");
  const Issued none = issue({.common_name = "none", .extended_key_usage = ""}, &client_root());
  CHECK(signed_by(none, {&none}) == "the signer's certificate is not for OCSP signing");
}

TEST_CASE("a delegate of another issuer is not believed, even one of the same name") {
  const Issued other_root = make_root("Other Root");
  const Issued foreign = make_ocsp_delegate(other_root);
  CHECK(signed_by(foreign, {&foreign}) == "the delegate was named by another issuer");
  const Issued forged_root = make_root("Client Root");
  const Issued forged = make_ocsp_delegate(forged_root);
  CHECK(signed_by(forged, {&forged}) == "the delegate's certificate was not signed by the issuer");
  CHECK(signed_by(forged, {&forged, &forged_root}) == "the delegate's certificate was not signed by the issuer");
  CHECK(signed_by(forged_root, {&forged_root}) == "the signer's certificate is not for OCSP signing");
}

TEST_CASE("a delegate of the issuer's intermediate can't answer for the issuer") {
  const Issued intermediate = make_intermediate("Intermediate", client_root());
  const Issued delegate = make_ocsp_delegate(intermediate);
  CHECK(signed_by(delegate, {&delegate, &intermediate}) == "the delegate was named by another issuer");
}

TEST_CASE("a delegate's own certificate must be valid, and allow signing") {
  const auto delegate = [](CertificateSpec spec) {
    spec.common_name = "OCSP Delegate";
    if (spec.extended_key_usage == "clientAuth") spec.extended_key_usage = "OCSPSigning";
    const Issued made = issue(spec, &client_root());
    return signed_by(made, {&made});
  };
  CHECK(delegate({}) == "good");
  CHECK(delegate({.not_after = real_now() - 1h}) == "the responder's certificate has expired");
  CHECK(delegate({.not_before = real_now() + 1h}) == "the responder's certificate is not yet valid");
  CHECK(delegate({.key_usage = "critical,keyEncipherment"}) == "the delegate's key may not sign");
  CHECK(delegate({.extensions = {{"1.3.6.1.4.1.99999.1", "critical,DER:0500"}}}) ==
        "the delegate's certificate has an unknown extension");
  CHECK(delegate({.key = KeyKind::rsa1024}) == "a bad signature");
  CHECK(delegate({.digest = EVP_sha1()}) == "the delegate's certificate was not signed by the issuer");
  CHECK(delegate({.key = KeyKind::ed25519}) == "good");
}

TEST_CASE("an answer lasts no longer than the certificate of who signed it") {
  const auto end = real_now() + 10min;
  const Issued delegate = issue({.extended_key_usage = "OCSPSigning", .not_after = end}, &client_root());
  const Der response = make_ocsp_response({.signer = &delegate, .certificates = {&delegate}}, {about_leaf()});
  const auto answer = read_ocsp_response(response, question(), real_now());
  REQUIRE(answer);
  CHECK(answer->fresh_until == end);
}

TEST_CASE("a configured responder is believed, and then nobody else") {
  const Issued responder = issue({.common_name = "Responder", .extended_key_usage = ""}, nullptr);
  OcspQuestion asked = question();
  asked.responder_certificate = responder.der();
  const auto by = [&](const Issued& signer, const std::vector<const Issued*>& along) {
    return told(make_ocsp_response({.signer = &signer, .certificates = along}, {about_leaf()}), asked);
  };
  CHECK(by(responder, {}) == "good");
  CHECK(by(client_root(), {}) == "the configured responder has not signed it");
  const Issued delegate = make_ocsp_delegate(client_root());
  CHECK(by(delegate, {&delegate}) == "the configured responder has not signed it");
  const Issued namesake = issue({.common_name = "Responder", .extended_key_usage = ""}, nullptr);
  CHECK(by(namesake, {&namesake, &responder}) == "the configured responder has not signed it");
  CHECK(told(make_ocsp_response({.signer = &responder}, {about_leaf()}), asked, real_now() + 24h * 400) ==
        "the responder's certificate has expired");
  asked.responder_certificate = "not a certificate";
  CHECK(by(responder, {}) == "no certificate to compare an OCSP response with");
}

TEST_CASE("a signature must fit and be strong") {
  Der response = make_ocsp_response({.signer = &client_root()}, {about_leaf()});
  response.back() = static_cast<char>(response.back() ^ 1);
  CHECK(told(response) == kNobody);
  CHECK(told(make_ocsp_response({.signer = &client_root(), .digest = EVP_sha1()}, {about_leaf()})) ==
        "a signature that is too weak");
  const Issued rsa =
      issue({.common_name = "RSA", .extended_key_usage = "OCSPSigning", .key = KeyKind::rsa2048}, &client_root());
  const auto by_rsa = [&](const EVP_MD* digest, bool pss) {
    return told(
        make_ocsp_response({.signer = &rsa, .certificates = {&rsa}, .digest = digest, .pss = pss}, {about_leaf()}));
  };
  CHECK(by_rsa(EVP_sha256(), false) == "good");
  CHECK(by_rsa(EVP_sha384(), true) == "good");
  CHECK(by_rsa(EVP_sha1(), false) == "a signature that is too weak");
  CHECK(by_rsa(EVP_sha1(), true) == "a signature that is too weak");
}

TEST_CASE("an answer about another certificate, or another issuer's of the same number, is not ours") {
  const Issued other = make_client("other", client_root());
  OcspSingleSpec single = about_leaf();
  single.subject = &other;
  CHECK(told(make_ocsp_response({.signer = &client_root()}, {single})) == "the response is about another certificate");
  single = about_leaf();
  const Issued same_name = make_root("Client Root");
  single.issuer = &same_name;
  CHECK(told(make_ocsp_response({.signer = &client_root()}, {single})) == "the response is about another certificate");
  CHECK(told(make_ocsp_response({.signer = &client_root()}, {})) == "the response is about another certificate");
  single.subject = &other;
  single.issuer = &client_root();
  single.status = V_OCSP_CERTSTATUS_REVOKED;
  CHECK(told(make_ocsp_response({.signer = &client_root()}, {single, about_leaf()})) == "good");
}

TEST_CASE("two answers for one certificate are none") {
  OcspSingleSpec revoked = about_leaf();
  revoked.status = V_OCSP_CERTSTATUS_REVOKED;
  CHECK(told(make_ocsp_response({.signer = &client_root()}, {about_leaf(), revoked})) ==
        "two answers for one certificate");
}

TEST_CASE("the nonce of another request is refused, a missing one only if it is required") {
  OcspQuestion asked = question();
  asked.nonce = std::string(32, 'n');
  const auto with = [&](const std::string& nonce, int times = 1) {
    return told(make_ocsp_response({.signer = &client_root(), .nonce = nonce, .nonces = times}, {about_leaf()}), asked);
  };
  constexpr const char* kOther = "the response has another nonce: it answers another request";
  CHECK(with(asked.nonce) == "good");
  CHECK(with(std::string(32, 'm')) == kOther);
  CHECK(with(std::string(31, 'n')) == kOther);
  CHECK(with(std::string(33, 'n')) == kOther);
  CHECK(with(asked.nonce, 2) == "the response has two nonces");
  CHECK(with("") == "good");
  asked.nonce_required = true;
  CHECK(with("") == "the response has no nonce");
  CHECK(with(asked.nonce) == "good");
  asked.nonce.clear();
  CHECK(with("anything") == "no nonce was sent");
  asked.nonce_required = false;
  CHECK(with("anything") == "good");
}

TEST_CASE("an answer counts from thisUpdate to nextUpdate, with a small skew at the beginning only") {
  const auto at = [](std::chrono::seconds from, std::optional<std::chrono::seconds> until) {
    OcspSingleSpec single = about_leaf();
    const auto now = real_now();
    single.this_update = now + from;
    single.next_update = until ? std::optional(now + *until) : std::nullopt;
    return told(make_ocsp_response({.signer = &client_root()}, {single}), question(), now);
  };
  CHECK(at(-24h, 1s) == "good");
  CHECK(at(-24h, 0s) == "the answer is stale: its nextUpdate has passed");
  CHECK(at(-24h, -1h) == "the answer is stale: its nextUpdate has passed");
  CHECK(at(kOcspClockSkew, 1h) == "good");
  CHECK(at(kOcspClockSkew + 1s, 1h) == "the answer is of the future");
  CHECK(at(60s, 30s) == "no nextUpdate that can be read");
  CHECK(at(-kOcspMaxAgeWithoutNextUpdate, std::nullopt) == "good");
  CHECK(at(-kOcspMaxAgeWithoutNextUpdate - 1s, std::nullopt) == "the answer is stale: old, and without nextUpdate");
  CHECK(told(make_ocsp_response({.signer = &client_root()}, {about_leaf()}), question(), real_now() - 1h) ==
        "the response is of the future");
}

TEST_CASE("an answer is used again for an hour at most, and for a minute without nextUpdate") {
  const auto reuse = [](std::optional<std::chrono::seconds> until) {
    OcspSingleSpec single = about_leaf();
    const auto now = real_now();
    single.next_update = until ? std::optional(now + *until) : std::nullopt;
    const auto answer = read_ocsp_response(make_ocsp_response({.signer = &client_root()}, {single}), question(), now);
    REQUIRE(answer);
    return answer->fresh_until - now;
  };
  CHECK(reuse(24h * 7) == 1h);
  CHECK(reuse(90s) == 90s);
  CHECK(reuse(std::nullopt) == 60s);
}

TEST_CASE("a critical extension that nobody knows spoils the answer") {
  CHECK(told(make_ocsp_response({.signer = &client_root(), .critical_extension = true}, {about_leaf()})) ==
        "a response with an unknown critical extension");
  OcspSingleSpec single = about_leaf();
  single.critical_extension = true;
  CHECK(told(make_ocsp_response({.signer = &client_root()}, {single})) ==
        "an answer with an unknown critical extension");
}

TEST_CASE("what is no response, too large, cut or an error is refused") {
  const Der response = make_ocsp_response({.signer = &client_root()}, {about_leaf()});
  CHECK(told("") == "not an OCSP response");
  CHECK(told("<html>no</html>") == "not an OCSP response");
  for (std::size_t size = 1; size < response.size(); ++size) {
    CAPTURE(size);
    CHECK(told(response.substr(0, size)) == "not an OCSP response");
  }
  CHECK(told(response + "x") == "not an OCSP response");
  CHECK(told(response + std::string(kMaxOcspResponseBytes, 'x')) == "the response is too large");
  CHECK(told(std::string("\x30\x03\x0a\x01\x03", 5)) == "the responder says trylater");
  CHECK(told(std::string("\x30\x03\x0a\x01\x00", 5)) == "not a basic OCSP response");
  CHECK(told(make_ocsp_response({.signer = &client_root(), .response_status = OCSP_RESPONSE_STATUS_UNAUTHORIZED},
                                {about_leaf()})) == "the responder says unauthorized");
}

TEST_CASE("no single flipped bit of a response turns it into another answer") {
  // One bit lies between good and unknown, so that an unsigned answer would be told here.
  for (const int status : {V_OCSP_CERTSTATUS_GOOD, V_OCSP_CERTSTATUS_UNKNOWN, V_OCSP_CERTSTATUS_REVOKED}) {
    OcspSingleSpec single = about_leaf();
    single.status = status;
    const Der response = make_ocsp_response({.signer = &client_root()}, {single});
    const auto whole = read_ocsp_response(response, question(), real_now());
    REQUIRE(whole.has_value());
    for (std::size_t bit = 0; bit < response.size() * 8; ++bit) {
      Der flipped = response;
      flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
      const auto answer = read_ocsp_response(flipped, question(), real_now());
      CAPTURE(bit);
      CHECK((!answer || answer->status == whole->status));
    }
  }
}

TEST_CASE("a response with very many answers or certificates is refused before any is looked at") {
  CHECK(told(make_ocsp_response({.signer = &client_root()}, std::vector<OcspSingleSpec>(65, about_leaf()))) ==
        "a response with too many answers");
  const Issued delegate = make_ocsp_delegate(client_root());
  CHECK(signed_by(delegate, std::vector<const Issued*>(9, &delegate)) == "a response with too many certificates");
}
