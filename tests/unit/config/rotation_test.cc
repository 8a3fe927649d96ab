#include "rotation_scene.h"

namespace gateway::config {

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
