#include "tls/ocsp_response.h"

#include <algorithm>

#include "tls/asn1_values.h"
#include "tls/limits.h"
#include "tls/ocsp_responder.h"
#include "tls/openssl_error.h"

namespace gateway::tls {
namespace {

using std::chrono::sys_seconds;

std::unexpected<core::Error> refused(std::string what) {
  take_openssl_errors();
  return core::fail(core::Reason::ocsp_unavailable, core::Side::upstream, std::move(what));
}

core::Result<OcspBasicPtr> parse(std::string_view der) {
  if (der.size() > kMaxOcspResponseBytes) return refused("the response is too large");
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  const auto* const end = at + der.size();
  const OcspResponsePtr response(d2i_OCSP_RESPONSE(nullptr, &at, static_cast<long>(der.size())));
  if (!response || at != end) return refused("not an OCSP response");
  if (const int status = OCSP_response_status(response.get()); status != OCSP_RESPONSE_STATUS_SUCCESSFUL) {
    return refused(std::string("the responder says ") + OCSP_response_status_str(status));
  }
  OcspBasicPtr basic(OCSP_response_get1_basic(response.get()));
  if (!basic) return refused("not a basic OCSP response");
  return basic;
}

// What an extension that we must understand, and don't, means for the answer is beyond us.
template <typename Object, typename Count, typename Get>
bool has_unknown_critical(Object* object, Count count, Get get) {
  for (int i = 0; i < count(object); ++i) {
    X509_EXTENSION* extension = get(object, i);
    if (X509_EXTENSION_get_critical(extension) != 0 &&
        OBJ_obj2nid(X509_EXTENSION_get_object(extension)) != NID_id_pkix_OCSP_Nonce) {
      return true;
    }
  }
  return false;
}

// The extension's value is an OCTET STRING inside of one (RFC 8954 section 2.1).
std::string_view fault_of_nonce(OCSP_BASICRESP* response, const OcspQuestion& question) {
  if (question.nonce.empty()) return question.nonce_required ? "no nonce was sent" : "";
  const int at = OCSP_BASICRESP_get_ext_by_NID(response, NID_id_pkix_OCSP_Nonce, -1);
  if (at < 0) return question.nonce_required ? "the response has no nonce" : "";
  if (OCSP_BASICRESP_get_ext_by_NID(response, NID_id_pkix_OCSP_Nonce, at) >= 0) return "the response has two nonces";
  const std::string_view value = bytes_of(X509_EXTENSION_get_data(OCSP_BASICRESP_get_ext(response, at)));
  const std::string expected = std::string{'\x04', static_cast<char>(question.nonce.size())} + question.nonce;
  return value == expected ? "" : "the response has another nonce: it answers another request";
}

core::Result<OCSP_SINGLERESP*> find_answer(OCSP_BASICRESP* response, const X509* certificate, const X509* issuer) {
  const int count = OCSP_resp_count(response);
  if (count > kMaxOcspAnswers) return refused("a response with too many answers");
  const OcspCertIdPtr id(OCSP_cert_to_id(EVP_sha1(), certificate, issuer));
  if (!id) return refused("no memory for an OCSP answer");
  OCSP_SINGLERESP* found = nullptr;
  for (int i = 0; i < count; ++i) {
    OCSP_SINGLERESP* single = OCSP_resp_get0(response, i);
    if (OCSP_id_cmp(id.get(), OCSP_SINGLERESP_get0_id(single)) != 0) continue;
    if (found != nullptr) return refused("two answers for one certificate");
    found = single;
  }
  if (found == nullptr) return refused("the response is about another certificate");
  if (has_unknown_critical(found, OCSP_SINGLERESP_get_ext_count, OCSP_SINGLERESP_get_ext)) {
    return refused("an answer with an unknown critical extension");
  }
  return found;
}

core::Result<OcspAnswer> read_answer(OCSP_SINGLERESP* single, sys_seconds now) {
  ASN1_GENERALIZEDTIME* revoked_at = nullptr;
  ASN1_GENERALIZEDTIME* this_update = nullptr;
  ASN1_GENERALIZEDTIME* next_update = nullptr;
  OcspAnswer answer;
  switch (OCSP_single_get0_status(single, nullptr, &revoked_at, &this_update, &next_update)) {
    case V_OCSP_CERTSTATUS_GOOD:
      answer.status = OcspStatus::good;
      break;
    case V_OCSP_CERTSTATUS_REVOKED:
      answer.status = OcspStatus::revoked;
      answer.revoked_at = time_of(revoked_at);
      break;
    case V_OCSP_CERTSTATUS_UNKNOWN:
      answer.status = OcspStatus::unknown;
      break;
    default:
      return refused("an answer that can't be read");
  }
  const auto from = time_of(this_update);
  if (!from) return refused("no thisUpdate that can be read");
  answer.this_update = *from;
  if (*from > now + kOcspClockSkew) return refused("the answer is of the future");
  if (next_update == nullptr) {
    if (now > *from + kOcspMaxAgeWithoutNextUpdate) return refused("the answer is stale: old, and without nextUpdate");
    answer.fresh_until = now + kOcspReuseWithoutNextUpdate;
    return answer;
  }
  answer.next_update = time_of(next_update);
  if (!answer.next_update || *answer.next_update < *from) return refused("no nextUpdate that can be read");
  if (now >= *answer.next_update) return refused("the answer is stale: its nextUpdate has passed");
  answer.fresh_until = std::min(*answer.next_update, now + kOcspMaxReuse);
  return answer;
}

}  // namespace

std::string_view to_string(OcspStatus status) noexcept {
  switch (status) {
    case OcspStatus::good:
      return "good";
    case OcspStatus::revoked:
      return "revoked";
    case OcspStatus::unknown:
      break;
  }
  return "unknown";
}

core::Result<OcspAnswer> read_ocsp_response(std::string_view der, const OcspQuestion& question, sys_seconds now) {
  const X509Ptr certificate = parse_certificate(question.certificate, nullptr);
  const X509Ptr issuer = parse_certificate(question.issuer, nullptr);
  const X509Ptr responder =
      question.responder_certificate.empty() ? nullptr : parse_certificate(question.responder_certificate, nullptr);
  if (!certificate || !issuer || (!responder && !question.responder_certificate.empty())) {
    return refused("no certificate to compare an OCSP response with");
  }
  TRY(const OcspBasicPtr response, parse(der));
  if (has_unknown_critical(response.get(), OCSP_BASICRESP_get_ext_count, OCSP_BASICRESP_get_ext)) {
    return refused("a response with an unknown critical extension");
  }
  // Before anything that the response says is looked at.
  TRY(OcspSigner signer, check_ocsp_signer(response.get(), issuer.get(), responder.get(), now));
  if (const std::string_view fault = fault_of_nonce(response.get(), question); !fault.empty()) {
    return refused(std::string(fault));
  }
  const auto produced_at = time_of(OCSP_resp_get0_produced_at(response.get()));
  if (!produced_at || *produced_at > now + kOcspClockSkew) return refused("the response is of the future");
  TRY(OCSP_SINGLERESP* const single, find_answer(response.get(), certificate.get(), issuer.get()));
  TRY(OcspAnswer answer, read_answer(single, now));
  answer.fresh_until = std::min(answer.fresh_until, signer.not_after);
  answer.delegate = std::move(signer.delegate);
  take_openssl_errors();
  return answer;
}

}  // namespace gateway::tls
