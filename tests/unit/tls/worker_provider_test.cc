#include "tls/worker_provider.h"

#include <doctest/doctest.h>
#include <openssl/decoder.h>

#include <array>
#include <string>

#include "test_pki.h"
#include "tls/asn1_values.h"
#include "tls/private_key_der.h"
#include "tls/worker_library.h"

using namespace gateway::tls;
using namespace gateway::tls::test;

namespace {

// In the order that they must be freed in, the last first.
struct Library {
  WorkerProvider algorithms;
  LibraryContextPtr context{OSSL_LIB_CTX_new()};
  ProviderPtr provider = algorithms.offer_to(context.get());
};

int decoders_of(OSSL_LIB_CTX* library) {
  int count = 0;
  OSSL_DECODER_do_all_provided(
      library, [](OSSL_DECODER* /*decoder*/, void* counted) { ++*static_cast<int*>(counted); }, &count);
  return count;
}

EVP_PKEY* public_key_in(const Issued& issued, OSSL_LIB_CTX* library, X509Ptr& parsed) {
  parsed = parse_certificate(issued.der(), library);
  REQUIRE(parsed);
  return X509_get0_pubkey(parsed.get());
}

}  // namespace

TEST_CASE("a worker's library context has the decoders of keys that certificates may have, and no others") {
  const auto worker = WorkerLibrary::create([] { return real_now(); });
  REQUIRE(worker);
  if (!WorkerProvider::is_of_use()) {
    CHECK(decoders_of(worker->context()) > 11);
    return;
  }
  CHECK(decoders_of(worker->context()) == 11);
}

TEST_CASE("no provider is offered where OpenSSL has no use for it" * doctest::skip(WorkerProvider::is_of_use())) {
  CHECK_FALSE(Library().provider);
}

TEST_CASE("the worker's provider reads public and private keys of every type that certificates may have" *
          doctest::skip(!WorkerProvider::is_of_use())) {
  const Library library;
  REQUIRE(library.provider);
  for (const KeyKind kind : {KeyKind::p256, KeyKind::rsa2048, KeyKind::ed25519}) {
    CAPTURE(static_cast<int>(kind));
    const Issued issued = issue({.key = kind}, nullptr);
    X509Ptr parsed;
    EVP_PKEY* const shown = public_key_in(issued, library.context.get(), parsed);
    REQUIRE(shown != nullptr);
    CHECK(X509_verify(parsed.get(), shown) == 1);
    const PkeyPtr secret = decode_private_key(issued.key_der(), library.context.get());
    REQUIRE(secret);
    CHECK(EVP_PKEY_eq(secret.get(), shown) == 1);
  }
  for (const std::string type : {"ED448", "RSA-PSS"}) {
    CAPTURE(type);
    const bool is_ed448 = type == "ED448";
    const std::shared_ptr<EVP_PKEY> made(is_ed448 ? EVP_PKEY_Q_keygen(nullptr, nullptr, "ED448")
                                                  : EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA-PSS", std::size_t{2048}),
                                         EVP_PKEY_free);
    const Issued issued = issue({.old_key = made, .digest = is_ed448 ? nullptr : EVP_sha256()}, nullptr);
    X509Ptr parsed;
    CHECK(public_key_in(issued, library.context.get(), parsed) != nullptr);
    CHECK(decode_private_key(issued.key_der(), library.context.get()));
  }
}

TEST_CASE("the worker's provider leaves a key of another type undecoded" *
          doctest::skip(!WorkerProvider::is_of_use())) {
  const Library library;
  const Issued issuer = make_root("issuer");
  const std::shared_ptr<EVP_PKEY> exchanges(EVP_PKEY_Q_keygen(nullptr, nullptr, "X25519"), EVP_PKEY_free);
  X509Ptr parsed;
  CHECK(public_key_in(issue({.old_key = exchanges}, &issuer), library.context.get(), parsed) == nullptr);
}

TEST_CASE("TLS has the same groups and ciphers with the worker's provider as with the default one" *
          doctest::skip(!WorkerProvider::is_of_use())) {
  const Library library;
  LibraryContextPtr usual(OSSL_LIB_CTX_new());
  const ProviderPtr provider(OSSL_PROVIDER_load(usual.get(), "default"));
  for (const char* groups : {"X25519", "P-256", "P-384", "P-521", "X448", "ffdhe2048", "X25519MLKEM768", "nonsense"}) {
    CAPTURE(groups);
    const SslContextPtr ours(SSL_CTX_new_ex(library.context.get(), nullptr, TLS_server_method()));
    const SslContextPtr theirs(SSL_CTX_new_ex(usual.get(), nullptr, TLS_server_method()));
    REQUIRE((ours && theirs));
    CHECK(SSL_CTX_set1_groups_list(ours.get(), groups) == SSL_CTX_set1_groups_list(theirs.get(), groups));
    CHECK(sk_SSL_CIPHER_num(SSL_CTX_get_ciphers(ours.get())) == sk_SSL_CIPHER_num(SSL_CTX_get_ciphers(theirs.get())));
  }
}

TEST_CASE("where nobody names a library context OpenSSL takes the worker's while it is the thread's default" *
          doctest::skip(!WorkerProvider::is_of_use())) {
  const auto worker = WorkerLibrary::create([] { return real_now(); });
  REQUIRE(worker);
  OSSL_LIB_CTX* const usual = OSSL_LIB_CTX_set0_default(nullptr);
  X509Ptr parsed;
  const Issued issued = issue({}, nullptr);
  {
    const WorkerLibrary::AsDefault defaults(*worker);
    CHECK(decoders_of(nullptr) == 11);
    const EVP_PKEY* const key = public_key_in(issued, nullptr, parsed);
    CHECK(std::string(OSSL_PROVIDER_get0_name(EVP_PKEY_get0_provider(key))) == "gateway");
    parsed.reset();
  }
  CHECK(OSSL_LIB_CTX_set0_default(nullptr) == usual);
  const EVP_PKEY* const key = public_key_in(issued, nullptr, parsed);
  CHECK(std::string(OSSL_PROVIDER_get0_name(EVP_PKEY_get0_provider(key))) == "default");
}

TEST_CASE("two library contexts get a worker's provider each, and end one after the other" *
          doctest::skip(!WorkerProvider::is_of_use())) {
  const auto first = std::make_unique<Library>();
  auto second = std::make_unique<Library>();
  REQUIRE((first->provider && second->provider));
  CHECK(OSSL_PROVIDER_get0_provider_ctx(first->provider.get()) !=
        OSSL_PROVIDER_get0_provider_ctx(second->provider.get()));
  second.reset();
  CHECK(decoders_of(first->context.get()) == 11);
  X509Ptr parsed;
  CHECK(public_key_in(issue({}, nullptr), first->context.get(), parsed) != nullptr);
}
