#include <tuple>

#include "pki/authority.h"

namespace gateway::pki {

std::filesystem::path Authority::bundle_path(std::string_view name) const {
  return folder_ / "issued" / (std::string(name) + ".p12");
}

Result<std::filesystem::path> Authority::write_bundle(const BundleOptions& options) const {
  TRY(std::ignore, check_name(options.name));
  TRY(const std::string chain, read_file(certificate_path(options.name)));
  TRY(const std::string key_pem, read_file(key_path(options.name)));
  TRY(const KeyPtr key, key_from_pem(key_pem, key_path(options.name)));
  TRY(const std::string bundle,
      make_bundle(chain, key.get(), options.name, options.password, options.cipher, certificate_path(options.name)));
  std::filesystem::path file = options.file.empty() ? bundle_path(options.name) : options.file;
  TRY(std::ignore, create_file(file, bundle, kPrivateMode));
  return file;
}

}  // namespace gateway::pki
