#pragma once

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/ocsp.h>
#include <openssl/provider.h>
#include <openssl/rsa.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>

namespace gateway::tls {

// Owning pointers to OpenSSL's objects. Stacks get a type each, since their elements are freed in different ways.
template <auto Free>
struct Freed {
  template <typename T>
  void operator()(T* object) const noexcept {
    Free(object);
  }
};
template <typename T, auto Free>
using Owned = std::unique_ptr<T, Freed<Free>>;

using LibraryContextPtr = Owned<OSSL_LIB_CTX, OSSL_LIB_CTX_free>;
using ProviderPtr = Owned<OSSL_PROVIDER, OSSL_PROVIDER_unload>;
using BioPtr = Owned<BIO, BIO_free_all>;
using BioMethodPtr = Owned<BIO_METHOD, BIO_meth_free>;
using X509Ptr = Owned<X509, X509_free>;
using CrlPtr = Owned<X509_CRL, X509_CRL_free>;
using NamePtr = Owned<X509_NAME, X509_NAME_free>;
using StorePtr = Owned<X509_STORE, X509_STORE_free>;
using StoreContextPtr = Owned<X509_STORE_CTX, X509_STORE_CTX_free>;
using VerifyParamPtr = Owned<X509_VERIFY_PARAM, X509_VERIFY_PARAM_free>;
using AlgorithmPtr = Owned<X509_ALGOR, X509_ALGOR_free>;
using BitStringPtr = Owned<ASN1_BIT_STRING, ASN1_BIT_STRING_free>;
using Asn1TypePtr = Owned<ASN1_TYPE, ASN1_TYPE_free>;
using PkeyPtr = Owned<EVP_PKEY, EVP_PKEY_free>;
using BignumPtr = Owned<BIGNUM, BN_free>;
using DigestPtr = Owned<EVP_MD, EVP_MD_free>;
using DigestContextPtr = Owned<EVP_MD_CTX, EVP_MD_CTX_free>;
using CipherPtr = Owned<EVP_CIPHER, EVP_CIPHER_free>;
using SslContextPtr = Owned<SSL_CTX, SSL_CTX_free>;
using SslPtr = Owned<SSL, SSL_free>;
using OcspRequestPtr = Owned<OCSP_REQUEST, OCSP_REQUEST_free>;
using OcspResponsePtr = Owned<OCSP_RESPONSE, OCSP_RESPONSE_free>;
using OcspBasicPtr = Owned<OCSP_BASICRESP, OCSP_BASICRESP_free>;
using OcspCertIdPtr = Owned<OCSP_CERTID, OCSP_CERTID_free>;
using AccessDescriptionsPtr = Owned<AUTHORITY_INFO_ACCESS, AUTHORITY_INFO_ACCESS_free>;
using IntegerPtr = Owned<ASN1_INTEGER, ASN1_INTEGER_free>;
using PssParametersPtr = Owned<RSA_PSS_PARAMS, RSA_PSS_PARAMS_free>;
using IssuingPointPtr = Owned<ISSUING_DIST_POINT, ISSUING_DIST_POINT_free>;

struct FreeNames {
  void operator()(STACK_OF(X509_NAME) * names) const noexcept { sk_X509_NAME_pop_free(names, X509_NAME_free); }
};
using NameStackPtr = std::unique_ptr<STACK_OF(X509_NAME), FreeNames>;

struct FreeCertificates {
  void operator()(STACK_OF(X509) * certificates) const noexcept { sk_X509_pop_free(certificates, X509_free); }
};
using CertificateStackPtr = std::unique_ptr<STACK_OF(X509), FreeCertificates>;

using GeneralNamesPtr = Owned<GENERAL_NAMES, GENERAL_NAMES_free>;

// What OpenSSL allocated for the caller (OPENSSL_free is a macro).
struct FreeBytes {
  void operator()(void* bytes) const noexcept { OPENSSL_free(bytes); }
};
template <typename T>
using OpensslBytes = std::unique_ptr<T, FreeBytes>;

}  // namespace gateway::tls
