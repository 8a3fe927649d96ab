#include "pki/authority.h"

#include <doctest/doctest.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>
#include <sys/stat.h>

#include <atomic>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "scratch_folder.h"

using namespace gateway::pki;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

using StorePtr = OpensslPtr<X509_STORE, X509_STORE_free>;
using StoreContextPtr = OpensslPtr<X509_STORE_CTX, X509_STORE_CTX_free>;

const std::chrono::sys_seconds kNow = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());

AuthorityOptions demo_authority() {
  return {.subject = {.common_name = "Demo CA", .organizational_units = {}, .organization = {}},
          .validity = validity_of_days(kNow, kDefaultAuthorityDays),
          .parent = {},
          .path_length = {}};
}

IssueOptions leaf(std::string name, bool server, bool client) {
  return {.name = std::move(name),
          .subject = {},
          .alt_names = {},
          .server = server,
          .client = client,
          .validity = validity_of_days(kNow, kDefaultLeafDays)};
}

Authority new_authority(const fs::path& folder, const AuthorityOptions& options = demo_authority()) {
  const auto created = Authority::create(folder, options, kNow);
  if (!created) FAIL(created.error().message);
  auto authority = Authority::open(folder);
  REQUIRE(authority);
  return std::move(*authority);
}

std::string slurp(const fs::path& path) {
  auto bytes = read_file(path);
  REQUIRE(bytes);
  return *bytes;
}

// All certificates of a file, leaf first.
std::vector<X509Ptr> chain_of(const fs::path& path) {
  const std::string pem = slurp(path);
  const BioPtr bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  std::vector<X509Ptr> chain;
  while (X509* certificate = PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)) chain.emplace_back(certificate);
  ERR_clear_error();
  return chain;
}

X509CrlPtr crl_of(const fs::path& path) {
  const std::string pem = slurp(path);
  const BioPtr bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  return X509CrlPtr(PEM_read_bio_X509_CRL(bio.get(), nullptr, nullptr, nullptr));
}

// OpenSSL's verdict (X509_V_OK or another) on the first certificate of `leaf_file`, strictly by RFC 5280.
int verify(const fs::path& root, const fs::path& leaf_file, int purpose, const std::vector<fs::path>& crls = {}) {
  const StorePtr store(X509_STORE_new());
  const auto roots = chain_of(root);
  X509_STORE_add_cert(store.get(), roots.front().get());
  for (const fs::path& file : crls) X509_STORE_add_crl(store.get(), crl_of(file).get());
  const auto chain = chain_of(leaf_file);
  STACK_OF(X509)* untrusted = sk_X509_new_null();
  for (const X509Ptr& certificate : chain) sk_X509_push(untrusted, certificate.get());
  const StoreContextPtr context(X509_STORE_CTX_new());
  X509_STORE_CTX_init(context.get(), store.get(), chain.front().get(), untrusted);
  X509_STORE_CTX_set_purpose(context.get(), purpose);
  X509_VERIFY_PARAM* parameters = X509_STORE_CTX_get0_param(context.get());
  X509_VERIFY_PARAM_set_flags(parameters, X509_V_FLAG_X509_STRICT);
  if (!crls.empty()) X509_VERIFY_PARAM_set_flags(parameters, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
  X509_verify_cert(context.get());
  const int verdict = X509_STORE_CTX_get_error(context.get());
  sk_X509_free(untrusted);
  return verdict;
}

unsigned mode_of(const fs::path& path) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0 ? static_cast<unsigned>(status.st_mode & 07777U) : 0U;
}

}  // namespace

TEST_CASE("a server and a client certificate verify for their own purpose only") {
  const ScratchFolder folder;
  Authority authority = new_authority(folder.path());
  REQUIRE(authority.issue(leaf("api.example.com", true, false), kNow));
  REQUIRE(authority.issue(leaf("batch", false, true), kNow));
  REQUIRE(authority.issue(leaf("both.example.com", true, true), kNow));
  const fs::path root = folder.path() / "ca.pem";
  const fs::path issued = folder.path() / "issued";
  CHECK(verify(root, issued / "api.example.com.pem", X509_PURPOSE_SSL_SERVER) == X509_V_OK);
  CHECK(verify(root, issued / "api.example.com.pem", X509_PURPOSE_SSL_CLIENT) == X509_V_ERR_INVALID_PURPOSE);
  CHECK(verify(root, issued / "batch.pem", X509_PURPOSE_SSL_CLIENT) == X509_V_OK);
  CHECK(verify(root, issued / "batch.pem", X509_PURPOSE_SSL_SERVER) == X509_V_ERR_INVALID_PURPOSE);
  CHECK(verify(root, issued / "both.example.com.pem", X509_PURPOSE_SSL_SERVER) == X509_V_OK);
  CHECK(verify(root, issued / "both.example.com.pem", X509_PURPOSE_SSL_CLIENT) == X509_V_OK);
}

TEST_CASE("every kind of key signs and is signed") {
  for (const auto& [word, type] : kKeyTypes) {
    if (type == KeyType::rsa_4096) continue;  // as RSA 3072, only slower
    CAPTURE(std::string(word));
    const ScratchFolder folder;
    AuthorityOptions options = demo_authority();
    options.key_type = type;
    Authority authority = new_authority(folder.path(), options);
    IssueOptions request = leaf("client", false, true);
    request.key_type = type;
    REQUIRE(authority.issue(request, kNow));
    CHECK(verify(folder.path() / "ca.pem", folder.path() / "issued/client.pem", X509_PURPOSE_SSL_CLIENT,
                 {folder.path() / "ca.crl"}) == X509_V_OK);
  }
}

TEST_CASE("a server certificate without alternative names gets its common name if that is a host") {
  const ScratchFolder folder;
  Authority authority = new_authority(folder.path());
  REQUIRE(authority.issue(leaf("api.example.com", true, false), kNow));
  const auto chain = chain_of(folder.path() / "issued/api.example.com.pem");
  CHECK(X509_check_host(chain.front().get(), "api.example.com", 0, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT, nullptr) == 1);
  IssueOptions nameless = leaf("team", true, false);
  nameless.subject.common_name = "Payments team";
  CHECK_FALSE(authority.issue(nameless, kNow));
  IssueOptions only_uri = leaf("uri", true, false);
  only_uri.alt_names.uris = {"spiffe://corp.example/a"};
  CHECK_FALSE(authority.issue(only_uri, kNow));
}

TEST_CASE("the subject has organization, units and common name in that order") {
  const ScratchFolder folder;
  Authority authority = new_authority(folder.path());
  IssueOptions request = leaf("client", false, true);
  request.subject = {.common_name = "x", .organizational_units = {"A", "B"}, .organization = "Acm\xC3\xA9, Inc"};
  const auto issued = authority.issue(request, kNow);
  REQUIRE(issued);
  CHECK(issued->subject == "CN=x,OU=B,OU=A,O=Acm\xC3\xA9\\, Inc");
  for (const std::string& bad :
       {std::string("a\nb"), std::string("a\0b", 3), std::string(65, 'x'), std::string("\xFF")}) {
    IssueOptions refused = leaf("other", false, true);
    refused.subject.common_name = bad;
    CHECK_FALSE(authority.issue(refused, kNow));
  }
  CHECK_FALSE(fs::exists(folder.path() / "issued/other.key"));
}

TEST_CASE("serials are positive, of 128 bits and never the same") {
  const ScratchFolder folder;
  Authority authority = new_authority(folder.path());
  std::set<std::string> serials;
  for (int i = 0; i < 50; ++i) {
    const auto issued = authority.issue(leaf("c" + std::to_string(i), false, true), kNow);
    REQUIRE(issued);
    CHECK(issued->serial.size() == 32);
    serials.insert(issued->serial);
  }
  CHECK(serials.size() == 50);
  const auto chain = chain_of(folder.path() / "issued/c0.pem");
  CHECK((ASN1_STRING_type(X509_get0_serialNumber(chain.front().get())) & V_ASN1_NEG) == 0);
}

TEST_CASE("keys are for their owner only, certificates for all") {
  const ScratchFolder folder;
  Authority authority = new_authority(folder.path());
  REQUIRE(authority.issue(leaf("client", false, true), kNow));
  CHECK(mode_of(folder.path() / "ca.key") == 0600U);
  CHECK(mode_of(folder.path() / "issued/client.key") == 0600U);
  CHECK(mode_of(folder.path() / "ca.pem") == 0644U);
  CHECK(mode_of(folder.path() / "issued/client.pem") == 0644U);
}

TEST_CASE("nothing is made a second time, and the file in the way is named") {
  const ScratchFolder folder;
  Authority authority = new_authority(folder.path());
  const std::string key = slurp(folder.path() / "ca.key");
  const auto again = Authority::create(folder.path(), demo_authority(), kNow);
  REQUIRE_FALSE(again);
  CHECK(again.error().file == folder.path() / "ca.key");
  CHECK(slurp(folder.path() / "ca.key") == key);

  REQUIRE(authority.issue(leaf("client", false, true), kNow));
  const std::string index = slurp(folder.path() / "index.txt");
  const auto twice = authority.issue(leaf("client", false, true), kNow);
  REQUIRE_FALSE(twice);
  CHECK(twice.error().file == folder.path() / "issued/client.pem");
  fs::remove(folder.path() / "issued/client.pem");
  const auto key_left = authority.issue(leaf("client", false, true), kNow);
  REQUIRE_FALSE(key_left);
  CHECK(key_left.error().file == folder.path() / "issued/client.key");
  CHECK(slurp(folder.path() / "index.txt") == index);
}

TEST_CASE("names cannot leave the folder or hide") {
  const ScratchFolder folder;
  Authority authority = new_authority(folder.path());
  for (const char* name : {"", "../evil", "a/b", ".hidden", "-option", "a b", "a\tb", "\xC3\xA9"}) {
    CAPTURE(name);
    CHECK_FALSE(authority.issue(leaf(name, false, true), kNow));
  }
}

TEST_CASE("an expired certificate can be made, and is one") {
  const ScratchFolder folder;
  Authority authority = new_authority(folder.path());
  IssueOptions request = leaf("old", false, true);
  request.validity = validity_of_days(kNow, -1);
  REQUIRE(authority.issue(request, kNow));
  CHECK(verify(folder.path() / "ca.pem", folder.path() / "issued/old.pem", X509_PURPOSE_SSL_CLIENT) ==
        X509_V_ERR_CERT_HAS_EXPIRED);
  CHECK(slurp(folder.path() / "index.txt").starts_with("E\t"));
  request.name = "upside-down";
  request.validity = {.not_before = kNow, .not_after = kNow - 1s};
  CHECK_FALSE(authority.issue(request, kNow));
}

TEST_CASE("no certificate outlives its authority") {
  const ScratchFolder folder;
  AuthorityOptions options = demo_authority();
  options.validity = validity_of_days(kNow, 10);
  Authority authority = new_authority(folder.path(), options);
  const auto issued = authority.issue(leaf("client", false, true), kNow);
  REQUIRE(issued);
  CHECK(issued->validity.not_after == options.validity.not_after);
  CHECK(issued->warnings.size() == 1);
}

TEST_CASE("the index has a line for each certificate in the form of openssl-ca") {
  const ScratchFolder folder;
  Authority authority = new_authority(folder.path());
  CHECK(slurp(folder.path() / "index.txt").empty());
  IssueOptions request = leaf("client", false, true);
  request.subject = {.common_name = "x", .organizational_units = {}, .organization = "Example"};
  const auto issued = authority.issue(request, kNow);
  REQUIRE(issued);
  CHECK(slurp(folder.path() / "index.txt") == "V\t" + format_index_time(issued->validity.not_after) + "\t\t" +
                                                  issued->serial + "\tunknown\t/O=Example/CN=x\n");
  CHECK(slurp(folder.path() / "index.txt.attr") == "unique_subject = no\n");
}

TEST_CASE("a new authority has an empty CRL, and a revocation by name is in the next one") {
  const ScratchFolder folder;
  Authority authority = new_authority(folder.path());
  const fs::path root = folder.path() / "ca.pem";
  const fs::path crl_file = folder.path() / "ca.crl";
  const auto issued = authority.issue(leaf("client", false, true), kNow);
  REQUIRE(issued);
  CHECK(verify(root, issued->certificate, X509_PURPOSE_SSL_CLIENT, {crl_file}) == X509_V_OK);

  const auto revoked = authority.revoke("client", RevocationReason::key_compromise, 7, kNow);
  REQUIRE(revoked);
  CHECK(revoked->serial == issued->serial);
  CHECK(revoked->crl.number == 2);
  CHECK(verify(root, issued->certificate, X509_PURPOSE_SSL_CLIENT, {crl_file}) == X509_V_ERR_CERT_REVOKED);

  const X509CrlPtr crl = crl_of(crl_file);
  REQUIRE(crl);
  CHECK(X509_CRL_get_version(crl.get()) == X509_CRL_VERSION_2);
  CHECK(X509_CRL_get_ext_by_NID(crl.get(), NID_crl_number, -1) >= 0);
  CHECK(X509_CRL_get_ext_by_NID(crl.get(), NID_authority_key_identifier, -1) >= 0);
  int days = 0;
  int seconds = 0;
  CHECK(ASN1_TIME_diff(&days, &seconds, X509_CRL_get0_lastUpdate(crl.get()), X509_CRL_get0_nextUpdate(crl.get())) == 1);
  CHECK(days == 7);
  STACK_OF(X509_REVOKED)* entries = X509_CRL_get_REVOKED(crl.get());
  REQUIRE(sk_X509_REVOKED_num(entries) == 1);
  const EnumeratedPtr reason(static_cast<ASN1_ENUMERATED*>(
      X509_REVOKED_get_ext_d2i(sk_X509_REVOKED_value(entries, 0), NID_crl_reason, nullptr, nullptr)));
  REQUIRE(reason);
  CHECK(ASN1_ENUMERATED_get(reason.get()) == 1);
  CHECK(slurp(folder.path() / "index.txt").find(",keyCompromise\t") != std::string::npos);
  CHECK(slurp(folder.path() / "crlnumber") == "03\n");
}

TEST_CASE("a certificate is revoked by serial when its file is gone, and only once") {
  const ScratchFolder folder;
  Authority authority = new_authority(folder.path());
  const auto issued = authority.issue(leaf("client", false, true), kNow);
  REQUIRE(issued);
  fs::remove(issued->certificate);
  CHECK_FALSE(authority.revoke("client", RevocationReason::unspecified, 30, kNow));
  REQUIRE(authority.revoke(issued->serial, RevocationReason::unspecified, 30, kNow));
  const std::string crl = slurp(folder.path() / "ca.crl");
  CHECK_FALSE(authority.revoke(issued->serial, RevocationReason::superseded, 30, kNow));
  CHECK(slurp(folder.path() / "ca.crl") == crl);
  const X509CrlPtr parsed = crl_of(folder.path() / "ca.crl");
  CHECK(X509_REVOKED_get_ext_count(sk_X509_REVOKED_value(X509_CRL_get_REVOKED(parsed.get()), 0)) == 0);
}

TEST_CASE("a CRL of a negative number of days has run out, for trying what gateways do with one") {
  const ScratchFolder folder;
  Authority authority = new_authority(folder.path());
  const auto issued = authority.issue(leaf("client", false, true), kNow);
  REQUIRE(issued);
  REQUIRE(authority.write_crl(-1, kNow));
  CHECK(verify(folder.path() / "ca.pem", issued->certificate, X509_PURPOSE_SSL_CLIENT, {folder.path() / "ca.crl"}) ==
        X509_V_ERR_CRL_HAS_EXPIRED);
}

TEST_CASE("certificates of intermediates bring their chain and verify against the root") {
  const ScratchFolder folder;
  AuthorityOptions options = demo_authority();
  Authority root = new_authority(folder.path() / "root", options);
  options.parent = folder.path() / "root";
  options.path_length = 1;
  options.subject.common_name = "Middle CA";
  new_authority(folder.path() / "middle", options);
  options.parent = folder.path() / "middle";
  options.path_length.reset();
  options.subject.common_name = "Lower CA";
  Authority lower = new_authority(folder.path() / "lower", options);
  const auto issued = lower.issue(leaf("client", false, true), kNow);
  REQUIRE(issued);
  CHECK(chain_of(issued->certificate).size() == 3);
  const fs::path anchor = folder.path() / "root/ca.pem";
  std::vector<fs::path> crls;
  for (const char* name : {"root", "middle", "lower"}) crls.push_back(folder.path() / name / "ca.crl");
  CHECK(verify(anchor, issued->certificate, X509_PURPOSE_SSL_CLIENT, crls) == X509_V_OK);

  SUBCASE("an authority below one whose path length is used up is refused") {
    options.parent = folder.path() / "lower";
    const auto refused = Authority::create(folder.path() / "lowest", options, kNow);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().file == folder.path() / "lower/ca.pem");
    CHECK_FALSE(fs::exists(folder.path() / "lowest/ca.key"));
  }
  SUBCASE("revoking the intermediate at its parent takes all below with it") {
    REQUIRE(root.revoke("middle", RevocationReason::ca_compromise, 30, kNow));
    CHECK(verify(anchor, issued->certificate, X509_PURPOSE_SSL_CLIENT, crls) == X509_V_ERR_CERT_REVOKED);
  }
}

TEST_CASE("the list tells name, subject and state by the clock") {
  const ScratchFolder folder;
  Authority authority = new_authority(folder.path());
  REQUIRE(authority.issue(leaf("one", false, true), kNow));
  REQUIRE(authority.issue(leaf("two", false, true), kNow));
  REQUIRE(authority.issue(leaf("three", false, true), kNow));
  REQUIRE(authority.revoke("two", RevocationReason::superseded, 30, kNow));
  fs::remove(folder.path() / "issued/three.pem");
  const auto listed = authority.list(kNow);
  REQUIRE(listed);
  REQUIRE(listed->size() == 3);
  CHECK((*listed)[0].name == "one");
  CHECK((*listed)[0].subject == "CN=one");
  CHECK((*listed)[0].status == IndexStatus::valid);
  CHECK((*listed)[1].status == IndexStatus::revoked);
  REQUIRE((*listed)[1].revocation);
  CHECK((*listed)[1].revocation->reason == RevocationReason::superseded);
  CHECK((*listed)[2].name.empty());
  CHECK((*listed)[2].subject == "/CN=three");
  const auto later = authority.list(kNow + std::chrono::days{366});
  REQUIRE(later);
  CHECK((*later)[0].status == IndexStatus::expired);
  CHECK((*later)[1].status == IndexStatus::revoked);
}

TEST_CASE("issuing at the same time loses no certificate") {
  const ScratchFolder folder;
  new_authority(folder.path());
  std::vector<std::jthread> issuers;
  for (int i = 0; i < 4; ++i) {
    issuers.emplace_back([&folder, i] {
      auto authority = Authority::open(folder.path());
      if (!authority) return;
      for (int j = 0; j < 5; ++j) {
        static_cast<void>(authority->issue(leaf("c" + std::to_string(i) + "-" + std::to_string(j), false, true), kNow));
      }
    });
  }
  issuers.clear();
  auto authority = Authority::open(folder.path());
  REQUIRE(authority);
  const auto listed = authority->list(kNow);
  REQUIRE(listed);
  CHECK(listed->size() == 20);
  for (const ListedCertificate& certificate : *listed) CHECK_FALSE(certificate.name.empty());
}

TEST_CASE("two that want the same name: one gets it") {
  const ScratchFolder folder;
  new_authority(folder.path());
  std::atomic<int> issued = 0;
  {
    std::vector<std::jthread> issuers;
    for (int i = 0; i < 4; ++i) {
      issuers.emplace_back([&] {
        auto authority = Authority::open(folder.path());
        if (authority && authority->issue(leaf("same", false, true), kNow)) ++issued;
      });
    }
  }
  CHECK(issued == 1);
}

TEST_CASE("a damaged authority signs nothing and changes nothing") {
  const ScratchFolder folder;
  Authority authority = new_authority(folder.path() / "ca");
  new_authority(folder.path() / "other");
  REQUIRE(authority.issue(leaf("client", false, true), kNow));
  const std::string index = slurp(folder.path() / "ca/index.txt");
  fs::copy_file(folder.path() / "other/ca.key", folder.path() / "ca/ca.key", fs::copy_options::overwrite_existing);
  const auto issued = authority.issue(leaf("second", false, true), kNow);
  REQUIRE_FALSE(issued);
  CHECK(issued.error().file == folder.path() / "ca/ca.key");
  CHECK_FALSE(authority.revoke("client", RevocationReason::unspecified, 30, kNow));
  CHECK_FALSE(fs::exists(folder.path() / "ca/issued/second.key"));
  CHECK(slurp(folder.path() / "ca/index.txt") == index);
  CHECK_FALSE(Authority::open(folder.path() / "nowhere"));
}
