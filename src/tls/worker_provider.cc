#include "tls/worker_provider.h"

#include <openssl/core_dispatch.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include "tls/openssl_error.h"

namespace gateway::tls {
namespace {

constexpr auto kName = "gateway";
constexpr std::array<std::string_view, 5> kKeyTypes{"EC", "ED25519", "ED448", "RSA", "RSA-PSS"};
// So that a chain with such a key is refused for its key, and not for leading nowhere.
constexpr std::string_view kRefusedType = "DSA";

// The provider that is being offered: OpenSSL hands an entry point nothing of its caller's.
thread_local const OSSL_PROVIDER* offered = nullptr;

// Of these no certificate has keys and TLS makes none. libssl derives keys and authenticates by EVP_KDF and EVP_MAC.
constexpr std::array<std::string_view, 8> kOtherKeys{"CMAC",   "DHX",     "HKDF", "POLY1305",
                                                     "SCRYPT", "SIPHASH", "SM2",  "TLS1-PRF"};

// An algorithm's names stand with a colon between them.
std::string_view first_name(const OSSL_ALGORITHM& algorithm) {
  const std::string_view names(algorithm.algorithm_names);
  return names.substr(0, names.find(':'));
}

bool is_of_other_keys(const OSSL_ALGORITHM& key_management) {
  return std::ranges::find(kOtherKeys, first_name(key_management)) != kOtherKeys.end();
}

bool is_for_our_keys(const OSSL_ALGORITHM& decoder) {
  const std::string_view properties(decoder.property_definition);
  const std::string_view type = first_name(decoder);
  const bool is_public = properties.contains("structure=SubjectPublicKeyInfo");
  if (type == kRefusedType) return is_public;
  return std::ranges::find(kKeyTypes, type) != kKeyTypes.end() &&
         (is_public || properties.contains("structure=PrivateKeyInfo"));
}

using Query = OSSL_FUNC_provider_query_operation_fn*;

// What the default provider answers with, but for decoders and kinds of keys. All are tables of functions in libcrypto,
// the same for all contexts of a process; what differs between them is in the provider's context, which OpenSSL passes
// to each function.
struct Tables {
  Query query = nullptr;
  std::vector<OSSL_ALGORITHM> decoders;
  std::vector<OSSL_ALGORITHM> key_managements;
  std::vector<OSSL_DISPATCH> functions;

  explicit Tables(const OSSL_PROVIDER* provider);

 private:
  template <typename Wanted>
  std::vector<OSSL_ALGORITHM> those_of(const OSSL_PROVIDER* provider, int operation, Wanted wanted) const;
};

const Tables& tables(const OSSL_PROVIDER* provider = nullptr) {
  static const Tables made(provider);
  return made;
}

const OSSL_ALGORITHM* query_operation(void* context, int operation, int* no_cache) {
  *no_cache = 0;
  if (operation == OSSL_OP_DECODER) return tables().decoders.data();
  if (operation == OSSL_OP_KEYMGMT) return tables().key_managements.data();
  return tables().query(context, operation, no_cache);
}

Tables::Tables(const OSSL_PROVIDER* provider) {
  const OSSL_DISPATCH* function = OSSL_PROVIDER_get0_dispatch(provider);
  for (; function != nullptr && function->function_id != 0; ++function) {
    if (function->function_id == OSSL_FUNC_PROVIDER_QUERY_OPERATION) {
      query = OSSL_FUNC_provider_query_operation(function);
    } else if (function->function_id != OSSL_FUNC_PROVIDER_TEARDOWN) {
      functions.push_back(*function);
    }
  }
  functions.push_back({OSSL_FUNC_PROVIDER_QUERY_OPERATION, reinterpret_cast<void (*)()>(&query_operation)});
  functions.push_back({0, nullptr});
  decoders = those_of(provider, OSSL_OP_DECODER, is_for_our_keys);
  key_managements =
      those_of(provider, OSSL_OP_KEYMGMT, [](const OSSL_ALGORITHM& one) { return !is_of_other_keys(one); });
}

template <typename Wanted>
std::vector<OSSL_ALGORITHM> Tables::those_of(const OSSL_PROVIDER* provider, int operation, Wanted wanted) const {
  std::vector<OSSL_ALGORITHM> found;
  int no_cache = 0;
  const OSSL_ALGORITHM* one =
      query != nullptr ? query(OSSL_PROVIDER_get0_provider_ctx(provider), operation, &no_cache) : nullptr;
  for (; one != nullptr && one->algorithm_names != nullptr; ++one) {
    if (wanted(*one)) found.push_back(*one);
  }
  found.push_back({});
  return found;
}

int enter(const OSSL_CORE_HANDLE* /*core*/, const OSSL_DISPATCH* /*from_core*/, const OSSL_DISPATCH** functions,
          void** context) {
  if (offered == nullptr || tables().query == nullptr) return 0;
  *functions = tables().functions.data();
  *context = OSSL_PROVIDER_get0_provider_ctx(offered);
  return 1;
}

// RFC 5480: the generator of P-256, a public key that is nobody's.
constexpr std::array<unsigned char, 91> kPublicKey{
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04, 0x6b, 0x17, 0xd1, 0xf2, 0xe1, 0x2c, 0x42, 0x47, 0xf8, 0xbc, 0xe6,
    0xe5, 0x63, 0xa4, 0x40, 0xf2, 0x77, 0x03, 0x7d, 0x81, 0x2d, 0xeb, 0x33, 0xa0, 0xf4, 0xa1, 0x39, 0x45, 0xd8, 0x98,
    0xc2, 0x96, 0x4f, 0xe3, 0x42, 0xe2, 0xfe, 0x1a, 0x7f, 0x9b, 0x8e, 0xe7, 0xeb, 0x4a, 0x7c, 0x0f, 0x9e, 0x16, 0x2b,
    0xce, 0x33, 0x57, 0x6b, 0x31, 0x5e, 0xce, 0xcb, 0xb6, 0x40, 0x68, 0x37, 0xbf, 0x51, 0xf5};

bool makes_random_bytes(OSSL_LIB_CTX* library) {
  std::array<unsigned char, 16> bytes{};
  return RAND_bytes_ex(library, bytes.data(), bytes.size(), 0) == 1 &&
         RAND_priv_bytes_ex(library, bytes.data(), bytes.size(), 0) == 1;
}

bool decodes_a_key(OSSL_LIB_CTX* library) {
  const unsigned char* at = kPublicKey.data();
  const PkeyPtr key(d2i_PUBKEY_ex(nullptr, &at, static_cast<long>(kPublicKey.size()), library, nullptr));
  return key != nullptr;
}

}  // namespace

bool WorkerProvider::is_of_use() {
  return OPENSSL_version_major() == 3 && OPENSSL_version_minor() < 2;
}

WorkerProvider::WorkerProvider() {
  if (!is_of_use()) return;
  context_.reset(OSSL_LIB_CTX_new());
  // Named, so that no openssl.cnf of the machine can swap or add a provider.
  if (context_) default_.reset(OSSL_PROVIDER_load(context_.get(), "default"));
  if (default_) tables(default_.get());
}

ProviderPtr WorkerProvider::offer_to(OSSL_LIB_CTX* library) const {
  if (!default_ || OSSL_PROVIDER_add_builtin(library, kName, &enter) != 1) return nullptr;
  offered = default_.get();
  ProviderPtr provider(OSSL_PROVIDER_load(library, kName));
  offered = nullptr;
  if (provider && !(decodes_a_key(library) && makes_random_bytes(library))) provider = nullptr;
  if (!provider) take_openssl_errors();
  return provider;
}

}  // namespace gateway::tls
