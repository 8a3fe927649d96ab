#include "rotation_scene.h"

namespace gateway::config {

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

}  // namespace gateway::config
