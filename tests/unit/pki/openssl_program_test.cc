// The folder must be readable to the openssl program, and usable by openssl-ca.
#include <doctest/doctest.h>

#include <cstdlib>
#include <fstream>
#include <string>

#include "pki/authority.h"
#include "scratch_folder.h"

using namespace gateway::pki;
namespace fs = std::filesystem;

namespace {

bool openssl(const std::string& arguments) {
  // NOLINTNEXTLINE(cert-env33-c): the arguments are constants and a folder that we made
  return std::system(("openssl " + arguments + " >/dev/null 2>&1").c_str()) == 0;
}

}  // namespace

TEST_CASE("the openssl program reads certificates, verifies chains and continues the CRL") {
  const ScratchFolder folder;
  const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  const std::string root = (folder.path() / "root").string();
  const std::string sub = (folder.path() / "sub").string();
  AuthorityOptions options{
      .subject = {}, .validity = validity_of_days(now, kDefaultAuthorityDays), .parent = {}, .path_length = {}};
  REQUIRE(Authority::create(root, options, now));
  options.parent = root;
  REQUIRE(Authority::create(sub, options, now));
  auto authority = Authority::open(sub);
  REQUIRE(authority);
  for (const char* name : {"kept", "lost"}) {
    REQUIRE(authority->issue({.name = name,
                              .subject = {},
                              .alt_names = {},
                              .client = true,
                              .validity = validity_of_days(now, kDefaultLeafDays)},
                             now));
  }
  REQUIRE(authority->revoke("lost", RevocationReason::key_compromise, 30, now));

  const auto verifies = [&](const std::string& name) {
    const std::string leaf = sub + "/issued/" + name + ".pem";
    return openssl("verify -x509_strict -purpose sslclient -crl_check -CAfile " + root + "/ca.pem -CRLfile " + sub +
                   "/ca.crl -untrusted " + leaf + " " + leaf);
  };
  CHECK(verifies("kept"));
  CHECK_FALSE(verifies("lost"));
  CHECK(openssl("x509 -in " + sub + "/issued/kept.pem -noout -text"));
  CHECK(openssl("pkey -in " + sub + "/issued/kept.key -noout -check"));
  CHECK(openssl("crl -in " + sub + "/ca.crl -noout -CAfile " + sub + "/ca.pem"));

  std::ofstream(sub + "/openssl.cnf") << "[ca]\ndefault_ca=d\n[d]\ndatabase=" << sub << "/index.txt\ncrlnumber=" << sub
                                      << "/crlnumber\ndefault_md=sha256\ndefault_crl_days=30\ncertificate=" << sub
                                      << "/ca.pem\nprivate_key=" << sub << "/ca.key\n";
  REQUIRE(openssl("ca -config " + sub + "/openssl.cnf -revoke " + sub + "/issued/kept.pem -crl_reason superseded"));
  REQUIRE(openssl("ca -config " + sub + "/openssl.cnf -gencrl -out " + sub + "/ca.crl"));
  CHECK_FALSE(verifies("kept"));
  // And back: what openssl-ca revoked stays so in the next CRL of ours.
  const auto crl = authority->write_crl(30, now);
  REQUIRE(crl);
  CHECK(crl->revoked_count == 2);
  CHECK_FALSE(verifies("kept"));
}
