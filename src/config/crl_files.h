#pragma once

#include <chrono>
#include <cstddef>
#include <expected>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "config/file_reader.h"
#include "tls/crl_cache.h"

namespace gateway::config {

// The CRLs of the files that one load names, each read once however many trust sets share it. Its bytes are dropped as
// soon as they are parsed: they are larger than what is kept of them.
class CrlFiles {
 public:
  // `state_directory` is where the CRLs of URLs are kept; nothing is fetched here.
  CrlFiles(FileReader& files, tls::CrlCache& cache, std::string state_directory, std::chrono::sys_seconds now)
      : files_(files), cache_(cache), state_directory_(std::move(state_directory)), now_(now) {}

  // What an entry of `crl` stands for, a file, a folder of files or a URL, or why that can't be used.
  struct Entry {
    struct Source {
      std::string name;  // for messages
      tls::CrlFile crls;
      bool is_fetched = false;  // nobody vouches for it but its signature
    };
    struct Fault {
      std::string name;  // as of a source; that of the entry if all of it is at fault
      std::string error;
    };
    std::vector<Source> sources;
    std::vector<Fault> faults;
    std::string pending;  // why there is no copy of the URL that could be used; "" if there is
  };
  Entry read(const std::string& entry);

 private:
  struct Known {
    std::expected<tls::CrlFile, std::string> crls;
    std::size_t bytes = 0;
  };

  void add_url(const std::string& text, Entry& found);
  void add_folder(const std::string& folder, const std::vector<std::string>& names, Entry& found);
  std::size_t add_file(const std::string& path, Entry& found);
  Known read_file(const std::string& path);
  std::expected<tls::CrlFile, std::string> parse(const std::string& path, std::string_view content);

  FileReader& files_;
  tls::CrlCache& cache_;
  std::string state_directory_;
  std::chrono::sys_seconds now_;
  std::unordered_map<std::string, Known> known_;  // by absolute path
};

}  // namespace gateway::config
