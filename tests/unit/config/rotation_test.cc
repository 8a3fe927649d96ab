#include "config/rotation.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>

#include "config/accepted.h"
#include "config_folder.h"
#include "tls/crl_index.h"

namespace gateway::config {
namespace {

constexpr const char* kYaml =
    "listeners: [{bind: 127.0.0.1:8443}]\n"
    "trust: {t: {ca: ca.pem, crl: [ca.crl], revocation: {require: false}}}\n"
    "virtual_hosts:\n"
    "  - {name: a, hosts: [a.example.com], tls: {certificate: a.pem, key: a.key, trust: t}, routes: [{path: /*, "
    "respond: echo}]}\n"
    "  - {name: b, hosts: [b.example.com], tls: {certificate: b.pem, key: b.key, trust: t}, routes: [{path: /*, "
    "respond: echo}]}\n";

// The same with a CRL by URL.
std::string yaml_with_url() {
  std::string yaml = kYaml;
  constexpr std::string_view kFile = "crl: [ca.crl]";
  return "state_directory: state\n" +
         yaml.replace(yaml.find(kFile), kFile.size(), "crl: [\"http://crl.example/ca.crl\"]");
}

const CanServe kAnything = [](const tls::HostOptions&) { return core::Result<void>(); };

// Two hosts with pairs of their own and one trust set, all files in the config's folder.
struct Scene {
  Scene() {
    for (const char* host : {"a", "b"}) put_pair(host, "server");
    put("ca.pem", "pki/ca.pem");
    put("ca.crl", "pki/ca.crl");
    current = folder.good(kYaml);
  }
  void put(const std::string& name, const std::string& source) const {
    std::filesystem::copy_file(folder.path() / source, folder.path() / name,
                               std::filesystem::copy_options::overwrite_existing);
  }
  void put_pair(const std::string& host, const std::string& pair) const {
    put(host + ".pem", "pki/issued/" + pair + ".pem");
    put(host + ".key", "pki/issued/" + pair + ".key");
  }
  Rotation rotate(const CanServe& can_serve = kAnything) {
    Rotation done = config::rotate(current, can_serve);
    CHECK(done.failure.empty());
    if (done.config) current = *done.config;
    return done;
  }
  [[nodiscard]] const proxy::VirtualHost& host(std::size_t index) const {
    return current.snapshot->virtual_hosts[index];
  }

  ConfigFolder folder;
  LoadedConfig current;
};

std::string words(const std::vector<Item>& items) {
  std::string text;
  for (const Item& item : items) text += std::string(to_string(item.kind)) + ' ' + item.name + '\n';
  return text;
}
std::string words(const std::vector<KeptItem>& items) {
  std::string text;
  for (const KeptItem& one : items) {
    text += std::string(to_string(one.item.kind)) + ' ' + one.item.name + ", " + one.file + ": " + one.reason +
            (one.refuses_load ? "\n" : " (a load would take it)\n");
  }
  return text;
}

}  // namespace

TEST_CASE("files that have not changed are no rotation, and all of them are watched but the config") {
  Scene scene;
  const Rotation done = scene.rotate();
  CHECK_FALSE(done.config);
  CHECK(done.rotated.empty());
  CHECK(done.kept.empty());
  CHECK(done.watched_files.size() == 6);
  CHECK(std::ranges::none_of(done.watched_files, [](const auto& file) { return file.path.ends_with(".yaml"); }));
}

TEST_CASE("a new pair takes the place of the old one; whatever has not changed is the very same object") {
  Scene scene;
  const auto before = scene.current;
  scene.put_pair("a", "other-server");
  std::ofstream(scene.folder.path() / "gateway.yaml") << "half an edi";
  const Rotation done = scene.rotate();
  CHECK(words(done.rotated) == "certificate a\n");
  REQUIRE(done.config);
  CHECK(scene.host(0).tls->certificates.at(0).chain != before.snapshot->virtual_hosts[0].tls->certificates.at(0).chain);
  CHECK(scene.host(1).tls == before.snapshot->virtual_hosts[1].tls);
  CHECK(scene.host(0).tls->trust == before.snapshot->virtual_hosts[0].tls->trust);
  CHECK(scene.current.snapshot->generation == before.snapshot->generation);
  CHECK(scene.current.certificates[0].subject == "CN=other-server");
  CHECK(scene.current.certificates.size() == before.certificates.size());
  CHECK_MESSAGE(scene.rotate().rotated.empty(), "once");
}

TEST_CASE("a certificate beside the key of another one is never taken, while another host is rotated") {
  Scene scene;
  const auto before = scene.current;
  scene.put("a.pem", "pki/issued/other-server.pem");
  scene.put_pair("b", "other-server");
  const Rotation done = scene.rotate();
  CHECK(words(done.rotated) == "certificate b\n");
  CHECK(words(done.kept) ==
        "certificate a, a.key: 'a.key' does not match the certificate: the private key is not the certificate's\n");
  CHECK(scene.host(0).tls == before.snapshot->virtual_hosts[0].tls);
  CHECK_MESSAGE(scene.current.certificates[0].subject == "CN=server", "what is told is what is served");
  scene.put("a.key", "pki/issued/other-server.key");
  const Rotation mended = scene.rotate();
  CHECK(words(mended.rotated) == "certificate a\n");
  CHECK(mended.kept.empty());
}

TEST_CASE("a pair that is missing, garbage or has run out is not taken") {
  Scene scene;
  std::filesystem::remove(scene.folder.path() / "a.pem");
  scene.put_pair("b", "expired-server");
  const Rotation done = scene.rotate();
  CHECK_FALSE(done.config);
  REQUIRE(done.kept.size() == 2);
  CHECK(done.kept[0].reason.ends_with("a.pem': No such file or directory"));
  CHECK(done.kept[0].refuses_load);
  CHECK(done.kept[1].reason.starts_with("certificate 'CN=expired-server' expired on "));
  CHECK_MESSAGE(!done.kept[1].refuses_load, "a load warns only");
  scene.folder.write("a.pem", "nothing of use");
  CHECK(words(scene.rotate().kept).starts_with("certificate a, a.pem: 'a.pem': certificate 1 can't be parsed\n"));
}

TEST_CASE("a pair that is served stays when it runs out: its file has not changed") {
  Scene scene;
  scene.put_pair("a", "expired-server");
  scene.current = scene.folder.good(kYaml);
  CHECK(scene.rotate().kept.empty());
}

TEST_CASE("a pair that no context can be built of is not taken") {
  Scene scene;
  scene.put_pair("a", "other-server");
  const Rotation done = scene.rotate([](const tls::HostOptions& host) -> core::Result<void> {
    return core::fail(core::Reason::internal, core::Side::gateway, host.name + ": the digest is too weak");
  });
  CHECK_FALSE(done.config);
  CHECK(words(done.kept) == "certificate a, a.pem: a: the digest is too weak\n");
}

TEST_CASE("a new CA reaches every host of its trust set, those that keep their pair too") {
  Scene scene;
  std::ofstream(scene.folder.path() / "ca.pem", std::ios::app)
      << std::ifstream(scene.folder.path() / "pki/other/ca.pem").rdbuf();
  scene.put("a.pem", "pki/issued/other-server.pem");
  const Rotation done = scene.rotate();
  CHECK(words(done.rotated) == "ca t\n");
  CHECK(done.kept.size() == 1);
  CHECK(scene.host(0).tls->trust->anchors.size() == 2);
  CHECK(scene.host(0).tls->trust == scene.host(1).tls->trust);
  CHECK(std::ranges::count(scene.current.certificates, "trust", &CertificateInfo::kind) == 4);
}

TEST_CASE("CAs and CRLs that can't be used are not taken") {
  Scene scene;
  const auto trust = scene.host(0).tls->trust;
  SUBCASE("a CA file without a CA") {
    scene.put("ca.pem", "pki/issued/server.pem");
    const Rotation done = scene.rotate();
    REQUIRE(done.kept.size() == 1);
    CHECK(done.kept[0].item == Item{ItemKind::ca, "t"});
    CHECK(done.kept[0].reason.find("is no CA") != std::string::npos);
  }
  SUBCASE("a CA file that is gone") {
    std::filesystem::remove(scene.folder.path() / "ca.pem");
    CHECK(scene.rotate().kept.at(0).item == Item{ItemKind::ca, "t"});
  }
  SUBCASE("a CRL that is no CRL") {
    scene.folder.write("ca.crl", "nothing of use");
    CHECK(scene.rotate().kept.at(0).item == Item{ItemKind::crl, "t"});
  }
  SUBCASE("no CRL of the CA any more") {
    scene.put("ca.crl", "pki/other/ca.crl");
    const Rotation done = scene.rotate();
    CHECK(words(done.kept) == "crl t, ca.crl: no file has a CRL of 'CN=Test CA' any more (a load would take it)\n");
  }
  CHECK(scene.host(0).tls->trust == trust);
}

// A URL of which there is no copy yet.
struct UrlScene : Scene {
  UrlScene() {
    current = folder.good(yaml_with_url());
    REQUIRE(current.crl_sources.size() == 1);
    copy = "state/" + current.crl_sources[0].file;
    std::filesystem::create_directories((folder.path() / copy).parent_path());
  }
  std::string copy;
};

TEST_CASE("the first copy of a URL's CRL ends the wait for it") {
  UrlScene scene;
  CHECK(scene.host(0).tls->trust->crls_pending);
  CHECK(scene.rotate().rotated.empty());
  scene.put(scene.copy, "pki/ca.crl");
  const Rotation done = scene.rotate();
  CHECK(words(done.rotated) == "crl t\n");
  CHECK_FALSE(scene.host(0).tls->trust->crls_pending);
  CHECK(scene.host(1).tls->trust->crls->describe().size() == 1);
  CHECK(std::ranges::any_of(done.watched_files,
                            [&](const auto& file) { return file.path == scene.folder.path() / scene.copy; }));
  CHECK(scene.current.crl_sources.size() == 1);
}

TEST_CASE("a URL's copy that is lost or can't be believed does not end what is in use") {
  UrlScene scene;
  scene.put(scene.copy, "pki/ca.crl");
  scene.rotate();
  const auto trust = scene.host(0).tls->trust;
  CHECK_FALSE(trust->crls_pending);
  SUBCASE("lost") {
    std::filesystem::remove(scene.folder.path() / scene.copy);
  }
  SUBCASE("broken") {
    scene.folder.write(scene.copy, "nothing of use");
  }
  SUBCASE("of another CA") {
    scene.put(scene.copy, "pki/other/ca.crl");
  }
  const Rotation done = scene.rotate();
  CHECK(done.rotated.empty());
  CHECK(
      words(done.kept) ==
      "crl t, http://crl.example/ca.crl: its copy is gone, or is not by a CA of the set any more: it is fetched again "
      "(a load would take it)\n");
  CHECK(scene.host(0).tls->trust == trust);
}

TEST_CASE("where the CA goes whose CRL a URL had, the new CA's is fetched before either is taken") {
  UrlScene scene;
  scene.put(scene.copy, "pki/ca.crl");
  scene.rotate();
  const auto trust = scene.host(0).tls->trust;
  scene.put("ca.pem", "pki/other/ca.pem");
  const Rotation waiting = scene.rotate();
  CHECK(waiting.rotated.empty());
  CHECK(waiting.kept.size() == 1);
  CHECK(scene.host(0).tls->trust == trust);
  // Else what the new CA signed would never get in.
  REQUIRE(scene.current.crl_sources.size() == 1);
  CHECK(scene.current.crl_sources[0].issuers != trust->anchors);
  scene.put(scene.copy, "pki/other/ca.crl");
  CHECK(words(scene.rotate().rotated) == "ca t\ncrl t\n");
  CHECK(scene.host(0).tls->trust->anchors == scene.current.crl_sources[0].issuers);
  CHECK_FALSE(scene.host(0).tls->trust->crls_pending);
}

namespace {

std::vector<std::string> issuers_of(const Scene& scene) {
  std::vector<std::string> issuers;
  for (const auto& crl : scene.host(0).tls->trust->crls->describe()) issuers.push_back(crl.issuer);
  return issuers;
}

// Two CAs, their CRLs in a folder, and whatever else the trust set says.
struct FolderScene : Scene {
  explicit FolderScene(const std::string& more = "") {
    std::filesystem::create_directory(folder.path() / "crls");
    put("crls/a.crl", "pki/ca.crl");
    put("crls/b.crl", "pki/other/ca.crl");
    add_ca("pki/other/ca.pem");
    std::string yaml = kYaml;
    yaml.replace(yaml.find("[ca.crl], revocation: {require: false"), 37, "[crls/], revocation: {require: false" + more);
    current = folder.good(yaml);
  }
  void add_ca(const std::string& source) const {
    std::ofstream(folder.path() / "ca.pem", std::ios::app) << std::ifstream(folder.path() / source).rdbuf();
  }
};

}  // namespace

TEST_CASE("a CRL file at fault keeps its own last good, while the others and the CAs are rotated") {
  FolderScene scene;
  const auto before = issuers_of(scene);
  REQUIRE(before.size() == 2);
  const auto file_of = [&](std::string_view name) {
    for (const auto& crl : scene.current.accepted->trust.at("t").crls) {
      if (crl.name.ends_with(name)) return crl.file;
    }
    return tls::CrlFile();
  };
  const tls::CrlFile kept = file_of("b.crl");
  scene.folder.write("crls/b.crl", "nothing of use");
  scene.put("crls/c.crl", "pki/issuing/ca.crl");
  const Rotation done = scene.rotate();
  CHECK(words(done.rotated) == "crl t\n");
  REQUIRE(done.kept.size() == 1);
  CHECK(done.kept[0].file == "crls/");
  CHECK(done.kept[0].reason.find("crls/b.crl' can't be used") != std::string::npos);
  CHECK_MESSAGE(done.kept[0].reason.find(" more") == std::string::npos, "it was kept, not lost and brought back");
  CHECK(done.kept[0].refuses_load);
  CHECK(issuers_of(scene).size() == 3);
  CHECK(file_of("b.crl") == kept);

  scene.add_ca("pki/issuing/ca.pem");
  const Rotation ca = scene.rotate();
  CHECK(words(ca.rotated) == "ca t\n");
  CHECK(ca.kept.size() == 1);
  CHECK(scene.host(0).tls->trust->anchors.size() == 3);

  std::filesystem::remove(scene.folder.path() / "crls/b.crl");
  const Rotation gone = scene.rotate();
  CHECK(gone.rotated.empty());
  REQUIRE(gone.kept.size() == 1);
  CHECK(gone.kept[0].reason.find("any more") != std::string::npos);
  CHECK_FALSE(gone.kept[0].refuses_load);
  CHECK(file_of("b.crl") == kept);

  scene.put("crls/elsewhere.crl", "pki/other/ca.crl");
  CHECK_MESSAGE(scene.rotate().kept.empty(), "the same CRL under another name will do");
  CHECK(issuers_of(scene).size() == 3);
}

TEST_CASE("CAs at fault stay, while a CRL is rotated; a folder that is gone keeps all that was in it") {
  FolderScene scene;
  const auto anchors = scene.host(0).tls->trust->anchors;
  scene.folder.write("ca.pem", "nothing of use");
  scene.put("crls/c.crl", "pki/issuing/ca.crl");
  const Rotation done = scene.rotate();
  CHECK(words(done.rotated) == "crl t\n");
  CHECK(words(done.kept).starts_with("ca t, ca.pem: "));
  CHECK(scene.host(0).tls->trust->anchors == anchors);
  std::filesystem::rename(scene.folder.path() / "crls", scene.folder.path() / "moved");
  const Rotation gone = scene.rotate();
  CHECK(gone.rotated.empty());
  CHECK(gone.kept.size() == 2);
  CHECK(issuers_of(scene).size() == 3);
}

TEST_CASE("another certificate of the OCSP responder is a rotation, and a faulty one holds nothing else back") {
  Scene scene;
  scene.put("responder.pem", "pki/issued/server.pem");
  std::string yaml = kYaml;
  yaml.replace(yaml.find("{require: false"), 15,
               "{require: false, ocsp: {mode: hard, responder: 'http://127.0.0.1:1/', responder_certificate: "
               "responder.pem}");
  scene.current = scene.folder.good(yaml);
  const auto believed = [&] { return scene.host(0).tls->trust->ocsp->settings.responder_certificate; };
  const auto before = scene.host(0).tls->trust;
  REQUIRE(before->ocsp);
  CHECK(scene.rotate().rotated.empty());
  scene.put("responder.pem", "pki/issued/other-server.pem");
  CHECK(words(scene.rotate().rotated) == "ca t\n");
  const std::string now = believed();
  CHECK(now != before->ocsp->settings.responder_certificate);
  CHECK(scene.host(0).tls->trust->ocsp->authority != before->ocsp->authority);
  CHECK(scene.host(0).tls->trust->crls == before->crls);
  CHECK(scene.host(1).tls->trust == scene.host(0).tls->trust);
  scene.folder.write("responder.pem", "nothing of use");
  std::ofstream(scene.folder.path() / "ca.pem", std::ios::app)
      << std::ifstream(scene.folder.path() / "pki/other/ca.pem").rdbuf();
  const Rotation done = scene.rotate();
  CHECK(words(done.rotated) == "ca t\n");
  CHECK(words(done.kept).starts_with("ca t, responder.pem: "));
  CHECK(believed() == now);
  CHECK(scene.host(0).tls->trust->ocsp->anchors.size() == 2);
  CHECK(scene.host(0).tls->trust->anchors.size() == 2);
}

TEST_CASE("another issuer to ask for a staple with is a rotation of the host") {
  Scene scene;
  scene.put("issuer.pem", "pki/ca.pem");
  std::string yaml = kYaml;
  yaml.replace(yaml.find("key: a.key"), 10,
               "key: a.key, stapling: {issuer: issuer.pem, responder: 'http://127.0.0.1:1/'}");
  scene.current = scene.folder.good(yaml);
  REQUIRE(scene.host(0).tls->stapled.size() == 1);
  scene.put("issuer.pem", "pki/other/ca.pem");
  CHECK(words(scene.rotate().rotated) == "certificate a\n");
  CHECK_MESSAGE(scene.host(0).tls->stapled.empty(), "it is not the issuer");
  scene.folder.write("issuer.pem", "nothing of use");
  CHECK(words(scene.rotate().kept).starts_with("certificate a, issuer.pem: "));
}

TEST_CASE("a passphrase command is run again only if a file of its host has changed") {
  Scene scene;
  scene.put("a.key", "pki/issued/encrypted.key");
  std::string yaml = kYaml;
  yaml.replace(yaml.find("key: a.key"), 10,
               "key: a.key, passphrase: {command: [sh, -c, 'echo >> runs; echo correct horse']}");
  scene.current = scene.folder.good(yaml);
  const auto runs = [&] { return std::filesystem::file_size(scene.folder.path() / "runs"); };
  REQUIRE(runs() == 1);
  const auto before = scene.current;
  scene.put_pair("b", "other-server");
  std::ofstream(scene.folder.path() / "ca.pem", std::ios::app)
      << std::ifstream(scene.folder.path() / "pki/other/ca.pem").rdbuf();
  const Rotation done = scene.rotate();
  CHECK(words(done.rotated) == "ca t\ncertificate b\n");
  CHECK(runs() == 1);
  CHECK(std::ranges::count_if(done.watched_files, [](const auto& file) {
          return file.path.ends_with("a.pem") || file.path.ends_with("a.key");
        }) == 3);
  CHECK_MESSAGE(scene.host(0).tls->trust == scene.host(1).tls->trust, "the trust set of today");
  CHECK(scene.current.certificates[0].subject == before.certificates[0].subject);
  CHECK(std::ranges::count(scene.current.certificates, "trust", &CertificateInfo::kind) == 4);

  scene.put("a.pem", "pki/issued/other-server.pem");
  CHECK(scene.rotate().kept.size() == 1);
  CHECK(runs() == 2);
  CHECK_MESSAGE(scene.rotate().kept.size() == 1, "what is at fault is tried again");
  CHECK(runs() == 3);
  scene.put("a.key", "pki/issued/other-server.key");
  CHECK(words(scene.rotate().rotated) == "certificate a\n");
  CHECK(runs() == 4);
  CHECK(scene.rotate().rotated.empty());
  CHECK(runs() == 4);
}

namespace {

std::string key_bytes(unsigned char first) {
  std::string bytes;
  for (unsigned i = 0; i < tls::kTicketKeyFileBytes; ++i) bytes += static_cast<char>(first + i);
  return bytes;
}

}  // namespace

TEST_CASE("ticket keys that change take the place of the old ones, and keep it while a file is at fault") {
  Scene scene;
  scene.folder.write("now.key", key_bytes(1));
  scene.folder.write("old.key", key_bytes(2));
  scene.current = scene.folder.good(std::string(kYaml) + "session: {ticket_keys: [now.key, old.key]}\n");
  const auto before = scene.current.ticket_keys;
  REQUIRE(before);
  CHECK_FALSE(scene.rotate().config);
  scene.folder.write("now.key", "of no use");
  const Rotation faulty = scene.rotate();
  CHECK(words(faulty.kept).starts_with("ticket_keys session, now.key: 'now.key': expected a ticket key of 80 random "));
  CHECK(std::ranges::any_of(faulty.watched_files, [](const auto& file) { return file.path.ends_with("old.key"); }));
  scene.put_pair("a", "other-server");
  CHECK_MESSAGE(words(scene.rotate().rotated) == "certificate a\n", "another item does not wait for it");
  CHECK(scene.current.ticket_keys == before);
  scene.folder.write("now.key", key_bytes(2));
  CHECK_MESSAGE(scene.rotate().kept.at(0).file == "old.key", "halfway: both files have one key");
  scene.folder.write("now.key", key_bytes(3));
  const Rotation mended = scene.rotate();
  CHECK(words(mended.rotated) == "ticket_keys session\n");
  CHECK(mended.kept.empty());
  CHECK_FALSE(scene.current.ticket_keys->same_as(*before));
  CHECK_MESSAGE(scene.rotate().rotated.empty(), "once");
}

TEST_CASE("a rotation does not repeat the warnings of the load") {
  Scene scene;
  scene.put_pair("a", "ending-server");
  scene.current = scene.folder.good(kYaml);
  CHECK_FALSE(scene.current.warnings.empty());
  scene.put_pair("b", "ending-server");
  const Rotation done = scene.rotate();
  CHECK(words(done.rotated) == "certificate b\n");
  REQUIRE(done.warnings.size() >= 1);
  CHECK(std::ranges::all_of(done.warnings, [](const Diagnostic& one) { return one.value == "b.pem"; }));
}

}  // namespace gateway::config
