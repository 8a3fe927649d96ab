#include "tls/token_key.h"

#include <openssl/crypto.h>
#include <openssl/params.h>
#include <openssl/store.h>
#include <openssl/ui.h>

#include <atomic>
#include <string_view>
#include <vector>

#include "tls/asn1_values.h"
#include "tls/key_type.h"
#include "tls/openssl_error.h"

namespace gateway::tls {

std::uint64_t next_token_opening() noexcept {
  static std::atomic<std::uint64_t> last = 0;
  return ++last;
}

#if OPENSSL_VERSION_NUMBER >= 0x30200000L

namespace {

using KeyStorePtr = Owned<OSSL_STORE_CTX, OSSL_STORE_close>;
using StoreInfoPtr = Owned<OSSL_STORE_INFO, OSSL_STORE_INFO_free>;
using PromptPtr = Owned<UI_METHOD, UI_destroy_method>;

// The provider asks back where it has no PIN, or where that was refused: it holds a refused one back by itself, since
// tokens lock themselves after a few. It learns nothing here, but we learn that.
int note_that_it_asks(char* /*buffer*/, int /*capacity*/, int /*for_writing*/, void* user) {
  *static_cast<bool*>(user) = true;
  return -1;
}

// The keys that `store` has, until one is that of `wanted`; `any` tells whether there were others.
PkeyPtr matching_key(OSSL_STORE_CTX* store, const EVP_PKEY* wanted, bool& any) {
  while (OSSL_STORE_eof(store) != 1) {
    const StoreInfoPtr info(OSSL_STORE_load(store));
    if (!info) return nullptr;
    if (OSSL_STORE_INFO_get_type(info.get()) != OSSL_STORE_INFO_PKEY) continue;
    PkeyPtr key(OSSL_STORE_INFO_get1_PKEY(info.get()));
    if (key && EVP_PKEY_eq(wanted, key.get()) == 1) return key;
    any = any || key != nullptr;
  }
  return nullptr;
}

ProviderPtr load_token_provider(OSSL_LIB_CTX* library, const TokenKey& key) {
  // The module serves every context of this process: one that ends must not end it for the others.
  std::string quirks = "no-deinit";
  std::string module = key.module;
  // Here and not by a callback, for the provider logs in again when a token has forgotten us.
  core::Secret pin(key.pin ? key.pin->view() : std::string_view());
  std::vector<OSSL_PARAM> parameters{OSSL_PARAM_construct_utf8_string("pkcs11-module-quirks", quirks.data(), 0)};
  const auto add = [&](const char* name, std::string_view value) {
    if (value.empty()) return;
    parameters.push_back(OSSL_PARAM_construct_utf8_string(name, const_cast<char*>(value.data()), 0));
  };
  add("pkcs11-module-path", module);
  add("pkcs11-module-token-pin", pin.view());
  parameters.push_back(OSSL_PARAM_construct_end());
  return ProviderPtr(OSSL_PROVIDER_load_ex(library, "pkcs11", parameters.data()));
}

std::string why_not_found(const TokenKey& key, bool asked, bool any) {
  if (any) return "the private key in the token is not the certificate's";
  if (asked) return key.pin ? "the token has refused the PIN" : "the token wants a PIN: 'passphrase: {file: PATH}'";
  return key.pin ? "no token here has such a private key, or it has refused the PIN (tried once)"
                 : "no token here has such a private key (is the token there, is the URI right?)";
}

// The provider would ask on the terminal of whoever started us, or read our standard input.
void never_ask() {
  static const bool done = [] {
    UI_set_default_method(UI_null());
    return true;
  }();
  static_cast<void>(done);
}

}  // namespace

core::Result<std::shared_ptr<const OpenedTokenKey>> OpenedTokenKey::open(const TokenKey& key, const Der& certificate) {
  never_ask();
  if (key.pin && key.pin->view().starts_with("file:")) return openssl_failure("a PIN can't begin with 'file:'");
  const X509Ptr parsed = parse_certificate(certificate, nullptr);
  EVP_PKEY* wanted = parsed ? X509_get0_pubkey(parsed.get()) : nullptr;
  if (wanted == nullptr) return openssl_failure("the certificate can't be parsed");
  TRY([[maybe_unused]] const bool strong, check_key_strength(wanted));
  std::shared_ptr<OpenedTokenKey> opened(new OpenedTokenKey);
  opened->library_.reset(OSSL_LIB_CTX_new());
  if (!opened->library_) return openssl_failure("no library context");
  opened->default_provider_.reset(OSSL_PROVIDER_load(opened->library_.get(), "default"));
  opened->token_provider_ = load_token_provider(opened->library_.get(), key);
  if (!opened->default_provider_ || !opened->token_provider_) {
    return openssl_failure("keys in tokens need OpenSSL's pkcs11 provider; install the package pkcs11-provider");
  }
  // What the token's provider and OpenSSL both can do, hash say, OpenSSL does.
  if (EVP_set_default_properties(opened->library_.get(), "?provider=default") != 1)
    return openssl_failure("no preference for the default provider");
  bool asked = false;
  const PromptPtr method(UI_UTIL_wrap_read_pem_callback(&note_that_it_asks, 0));
  const KeyStorePtr store(OSSL_STORE_open_ex(key.search.c_str(), opened->library_.get(), "provider=pkcs11",
                                             method.get(), &asked, nullptr, nullptr, nullptr));
  bool any = false;
  if (store) opened->key_ = matching_key(store.get(), wanted, any);
  // OpenSSL's own words would only add how the provider came to that.
  take_openssl_errors();
  if (!method || !store) return openssl_failure("the PKCS#11 module can't be used (is its path right?)");
  if (!opened->key_) return openssl_failure(why_not_found(key, asked, any));
  return opened;
}

#else

core::Result<std::shared_ptr<const OpenedTokenKey>> OpenedTokenKey::open(const TokenKey& /*key*/,
                                                                         const Der& /*certificate*/) {
  return core::fail(core::Reason::internal, core::Side::gateway,
                    std::string("keys in tokens need OpenSSL 3.2 or newer (Debian 13), and this is ") +
                        OpenSSL_version(OPENSSL_VERSION));
}

#endif

}  // namespace gateway::tls
