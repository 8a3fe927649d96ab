#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "config/certificate_chains.h"
#include "config/config.h"
#include "config/crl_files.h"
#include "config/crl_source.h"
#include "tls/certificate_files.h"
#include "tls/trust_set.h"

namespace gateway::config {

// Reads and checks the client CAs and CRLs of the trust sets. Faults are reported at the path that names the file.
class TrustMaterial {
 public:
  struct Crl {
    std::size_t entry = 0;  // of `crl` in the config
    std::string name;       // of the file
    tls::CrlFile file;      // the same object as long as its content is
    friend bool operator==(const Crl&, const Crl&) = default;
  };
  struct Trust {
    std::shared_ptr<const tls::TrustSet> set;
    std::vector<tls::CertificateFacts> anchors;
    std::vector<Text> anchor_paths;  // which file each is from
    std::vector<Crl> crls;
  };

  TrustMaterial(CrlFiles& crls, CertificateChains& chains, DiagnosticSink& sink, std::chrono::sys_seconds now)
      : crls_(crls), chains_(chains), sink_(sink), now_(now) {}

  // What can't be used is reported and not found afterwards.
  void load(const TrustConfig& config);
  // A file that can't be taken.
  struct Fault {
    bool is_crl = false;
    std::string file;  // as the config writes it
    std::string reason;
    bool refuses_load = true;
  };
  // Reads the files of a set that is in use again. What is at fault keeps what it has in `before`, while all else takes
  // its place: each CRL file and the OCSP responder's certificate on their own, the CAs together. If nothing changes,
  // find() has `before` itself.
  std::vector<Fault> rotate(const TrustConfig& config, const Trust& before);
  // Null if there is none of this name that can be used. Shared by all hosts that name it.
  [[nodiscard]] const Trust* find(const std::string& name) const;
  // In place of what was loaded, or could not be.
  void put(const std::string& name, Trust trust) { sets_.insert_or_assign(name, std::move(trust)); }
  [[nodiscard]] std::unordered_map<std::string, Trust> take() { return std::move(sets_); }
  // Of these sets, in their order; one that can't be used has none.
  [[nodiscard]] std::vector<AnchorInfo> anchors_of(const std::vector<TrustConfig>& configs) const;
  // The URLs of these sets, each once, with what their copies are proven by.
  [[nodiscard]] std::vector<CrlSource> crl_sources(const std::vector<TrustConfig>& configs) const;
  // A line for each set.
  [[nodiscard]] const std::vector<std::string>& summary() const { return summary_; }

 private:
  void read_anchors(const TrustConfig& config, tls::TrustSet& set, Trust& trust);
  void check_roots(const TrustConfig& config, const Trust& trust);
  bool read_crls(const TrustConfig& config, Trust& trust, tls::TrustSet& set);
  void check_crls(const TrustConfig& config, const Trust& trust, const tls::TrustSet& set);
  // Of rotate(): what is at fault is `before`'s afterwards.
  void rotate_anchors(const TrustConfig& config, const Trust& before, tls::TrustSet& set, Trust& trust,
                      std::vector<Fault>& faults);
  void rotate_crls(const TrustConfig& config, const Trust& before, tls::TrustSet& set, Trust& trust,
                   std::vector<Fault>& faults);
  void rotate_ocsp(const TrustConfig& config, const Trust& before, tls::TrustSet& set, std::vector<Fault>& faults);

  CrlFiles& crls_;
  CertificateChains& chains_;
  DiagnosticSink& sink_;
  std::chrono::sys_seconds now_;
  std::unordered_map<std::string, Trust> sets_;
  std::vector<std::string> summary_;
};

}  // namespace gateway::config
