#include <doctest/doctest.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "config_folder.h"
#include "proxy/forwarding_headers.h"
#include "tls/crl_index.h"

namespace gateway::config {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kHead = "listeners: [{bind: 127.0.0.1:8443}]\n";
constexpr std::string_view kTrust = "trust: {t: {ca: pki/ca.pem, crl: pki/ca.crl}}\n";

// One strict host in line 3 whose certificate and key are in columns 52 and following.
std::string with_pair(std::string_view certificate, std::string_view key, std::string_view trust = kTrust,
                      std::string_view hosts = "[example.com]") {
  std::string out(kHead);
  out += trust;
  out += "virtual_hosts:\n  - name: v\n    hosts: ";
  out += hosts;
  out += "\n    tls:\n      certificate: ";
  out += certificate;
  out += "\n      key: ";
  out += key;
  out += "\n      client_auth: strict\n      trust: t\n    routes: [{path: /*, respond: echo}]\n";
  return out;
}

TEST_CASE("a config without a file says what the system said") {
  const LoadResult result = load("/nonexistent/gateway.yaml", 1, environment_of({}));
  CHECK_FALSE(result.config);
  CHECK(lines(result.diagnostics) == "error: can't read the config: No such file or directory\n");
  CHECK(load("/dev/null", 1).diagnostics.at(0).message == "can't read the config: Not a regular file");
  CHECK(load("/tmp", 1).diagnostics.at(0).message == "can't read the config: Is a directory");
}

TEST_CASE("a good config becomes a snapshot") {
  const ConfigFolder folder;
  const LoadedConfig config = folder.good(with_pair("pki/issued/server.pem", "pki/issued/server.key"));
  const proxy::Snapshot& snapshot = *config.snapshot;
  CHECK(snapshot.generation == 1);
  REQUIRE(snapshot.listeners.size() == 1);
  CHECK(snapshot.listeners[0].name == "127.0.0.1:8443");
  CHECK(snapshot.listeners[0].address == "127.0.0.1");
  CHECK(snapshot.listeners[0].port == 8443);
  CHECK(snapshot.listeners[0].hosts->find("example.com") == 0U);
  CHECK_FALSE(snapshot.listeners[0].hosts->default_host());
  const proxy::VirtualHost& host = snapshot.virtual_hosts.at(0);
  REQUIRE(host.tls);
  CHECK(host.tls->name == "v");
  CHECK(host.tls->client_auth == tls::ClientAuth::strict);
  REQUIRE(host.tls->certificates.size() == 1);
  CHECK(host.tls->certificates[0].chain.size() == 1);
  CHECK_FALSE(host.tls->certificates[0].private_key->empty());
  REQUIRE(host.tls->trust);
  CHECK(host.tls->trust->anchors.size() == 1);
  CHECK(host.tls->trust->crls->describe().size() == 1);
  CHECK(host.tls->trust->depth == 5);
  CHECK(host.routes.at(0).action == proxy::RouteAction::echo);
  CHECK(host.route_table.find("/any") == 0U);
  CHECK(snapshot.timeouts == core::Timeouts{});
  CHECK(snapshot.limits == core::Limits{});
  CHECK(config.workers >= 1);
  CHECK(config.admin.socket == "/run/gatewayd/gatewayd.sock");
  CHECK(config.state_directory == "/var/lib/gatewayd");
  CHECK_FALSE(config.admin.metrics);
}

TEST_CASE("the state directory is the config's, else the first that systemd names, else the usual one") {
  ConfigFolder folder;
  const std::string plain =
      "listeners: [{bind: 127.0.0.1:80, protocol: http}]\nvirtual_hosts: [{hosts: [a], routes: "
      "[{path: /*, respond: echo}]}]\n";
  const std::map<std::string, std::string> systemd = {{"STATE_DIRECTORY", "/var/lib/one:/var/lib/two"}};
  const auto directory = [&](const std::string& text, const std::map<std::string, std::string>& environment) {
    folder.environment = environment;
    return folder.good(text).state_directory;
  };
  CHECK(directory(plain, {}) == "/var/lib/gatewayd");
  CHECK(directory(plain, {{"STATE_DIRECTORY", ""}}) == "/var/lib/gatewayd");
  CHECK(directory(plain, systemd) == "/var/lib/one");
  CHECK(directory(plain + "state_directory: run/state\n", systemd) == (folder.path() / "run/state").string());
}

std::vector<std::string> watched_by(const LoadResult& result) {
  std::vector<std::string> paths;
  for (const WatchedFile& file : result.watched_files) paths.push_back(file.path);
  return paths;
}

TEST_CASE("certificates are listed with their end") {
  const ConfigFolder folder;
  const LoadedConfig config = folder.good(with_pair("pki/issued/server.pem", "pki/issued/server.key"));
  REQUIRE(config.certificates.size() == 2);
  CHECK(config.certificates[0].kind == "server");
  CHECK(config.certificates[0].virtual_host == "v");
  CHECK(config.certificates[0].subject == "CN=server");
  CHECK(config.certificates[0].not_after > std::chrono::system_clock::now());
  CHECK(config.certificates[1].kind == "trust");
  CHECK(config.certificates[1].subject == "CN=Test CA");
}

TEST_CASE("every file that was read is watched, with the fingerprint of what was read") {
  const ConfigFolder folder;
  const LoadResult result = folder.load("watch: true\n" + with_pair("pki/issued/server.pem", "pki/issued/server.key"));
  REQUIRE(result.config);
  CHECK(result.config->watch == Watch::all);
  CHECK(result.config->summary.back() == "watch: 5 file(s)");
  const std::vector<std::string> expected{
      (folder.path() / "gateway.yaml").string(), (folder.path() / "pki/ca.pem").string(),
      (folder.path() / "pki/ca.crl").string(), (folder.path() / "pki/issued/server.pem").string(),
      (folder.path() / "pki/issued/server.key").string()};
  CHECK(watched_by(result) == expected);
  for (const WatchedFile& file : result.watched_files) {
    CHECK(file.fingerprint.error == 0);
    CHECK(file.fingerprint == FileLook().fingerprint(file.path));
  }
  CHECK_MESSAGE(result.watched_files.front().content, "written this moment: its fingerprint alone proves nothing");
}

TEST_CASE("the files of the config are watched unless it says otherwise; true means the config too, false nothing") {
  const std::string pair = with_pair("pki/issued/server.pem", "pki/issued/server.key");
  const ConfigFolder folder;
  CHECK(folder.good(pair).watch == Watch::files);
  CHECK(folder.good("watch: files\n" + pair).watch == Watch::files);
  for (const char* all : {"true", "on", "all"})
    CHECK(folder.good(std::string("watch: ") + all + "\n" + pair).watch == Watch::all);
  for (const char* off : {"false", "off", "no"})
    CHECK(folder.good(std::string("watch: ") + off + "\n" + pair).watch == Watch::off);
  CHECK(folder.findings("watch: sometimes\n" + pair) == "1:8: error: expected files, all or off, found 'sometimes'\n");
}

TEST_CASE("a load that failed knows which files could heal it") {
  const ConfigFolder folder;
  const LoadResult missing = folder.load(with_pair("pki/issued/server.pem", "missing.key"));
  CHECK_FALSE(missing.config);
  REQUIRE(missing.watched_files.size() == 5);
  CHECK(missing.watched_files.back().path == (folder.path() / "missing.key").string());
  CHECK(missing.watched_files.back().fingerprint.error == ENOENT);
  const LoadResult no_yaml = folder.load("listeners: [");
  CHECK(watched_by(no_yaml) == std::vector{(folder.path() / "gateway.yaml").string()});
  const std::string nowhere = folder.path() / "nowhere.yaml";
  CHECK(watched_by(load(nowhere, 1)) == std::vector{nowhere});
}

TEST_CASE("files that can't be used are errors at the path that names them") {
  const ConfigFolder folder;
  folder.write("garbage.pem", "nothing of use");
  folder.write("empty.pem", "");
  const std::string missing = folder.path() / "missing.pem";
  CHECK(folder.findings(with_pair("missing.pem", "pki/issued/server.key")) ==
        "7:20: error: can't read '" + missing + "': No such file or directory\n");
  CHECK(folder.findings(with_pair("pki", "pki/issued/server.key")) ==
        "7:20: error: can't read '" + (folder.path() / "pki").string() + "': Is a directory\n");
  CHECK(folder.findings(with_pair("garbage.pem", "pki/issued/server.key")).starts_with("7:20: error: 'garbage.pem': "));
  CHECK(folder.findings(with_pair("empty.pem", "pki/issued/server.key")).starts_with("7:20: error: 'empty.pem': "));
  CHECK(folder.findings(with_pair("pki/issued/server.pem", "garbage.pem")).starts_with("8:12: error: 'garbage.pem': "));
  CHECK(folder
            .findings(with_pair("pki/issued/server.pem", "pki/issued/server.key",
                                "trust: {t: {ca: missing.pem, crl: garbage.pem}}\n"))
            .starts_with("2:17: error: can't read '" + missing + "': No such file"));
  CHECK(folder
            .findings(with_pair("pki/issued/server.pem", "pki/issued/server.key",
                                "trust: {t: {ca: pki/ca.pem, crl: [pki/ca.crl, garbage.pem]}}\n"))
            .starts_with("2:47: error: 'garbage.pem' can't be used: "));
}

TEST_CASE("a key that is not the certificate's is an error") {
  const std::string out = ConfigFolder().findings(with_pair("pki/issued/server.pem", "pki/issued/other-server.key"));
  CHECK(out.starts_with("8:12: error: 'pki/issued/other-server.key' does not match the certificate: "));
}

TEST_CASE("a server certificate that expired or soon will is a warning") {
  const ConfigFolder folder;
  const std::string expired =
      folder.findings(with_pair("pki/issued/expired-server.pem", "pki/issued/expired-server.key"));
  CHECK(expired.starts_with(
      "7:20: warning: server certificate 'CN=expired-server' of 'pki/issued/expired-server.pem' expired on "));
  const std::string ending = folder.findings(with_pair("pki/issued/ending-server.pem", "pki/issued/ending-server.key"));
  CHECK(ending.starts_with(
      "7:20: warning: server certificate 'CN=ending-server' of 'pki/issued/ending-server.pem' expires soon, on "));
}

TEST_CASE("a host that the certificate is not for is a warning") {
  const ConfigFolder folder;
  const auto of_hosts = [&](std::string_view hosts) {
    return folder.findings(with_pair("pki/issued/server.pem", "pki/issued/server.key", kTrust, hosts));
  };
  CHECK(of_hosts("[example.com, API.example.com, \"*.example.com\"]").empty());
  CHECK(of_hosts("[a.b.example.com]") ==
        "5:13: warning: the certificate 'pki/issued/server.pem' is not for host 'a.b.example.com', so clients will "
        "refuse it\n");
  CHECK(of_hosts("[\"*.b.example.com\"]").find("is not for host") != std::string::npos);
}

TEST_CASE("a private key that every user can read is a warning") {
  const ConfigFolder folder;
  fs::copy_file(folder.path() / "pki/issued/server.key", folder.path() / "open.key");
  ::chmod((folder.path() / "open.key").c_str(), 0644);
  CHECK(folder.findings(with_pair("pki/issued/server.pem", "open.key")) ==
        "8:12: warning: private key 'open.key' is readable by every user; chmod 600 it\n");
}

TEST_CASE("only CAs can be trusted") {
  CHECK(
      ConfigFolder().findings(with_pair("pki/issued/server.pem", "pki/issued/server.key",
                                        "trust: {t: {ca: [pki/ca.pem, pki/issued/server.pem], crl: pki/ca.crl}}\n")) ==
      "2:30: error: certificate 'CN=server' of 'pki/issued/server.pem' is no CA, so it can't vouch for clients\n");
}

TEST_CASE("an intermediate whose root is not in the trust set vouches for nobody, and check says so") {
  const ConfigFolder folder;
  const auto of_cas = [&](const std::string& ca) {
    return folder.findings(with_pair("pki/issued/server.pem", "pki/issued/server.key",
                                     "trust: {t: {ca: [" + ca + "], revocation: {require: false}}}\n"));
  };
  CHECK(of_cas("pki/issuing/ca.pem") ==
        "2:18: warning: CA certificate 'CN=Issuing CA' of 'pki/issuing/ca.pem' is an intermediate, and 'CN=Test CA', "
        "which issued it, is not in trust set 't': every client is refused (unknown_ca); add the root, or say "
        "'anchors: any'\n");
  CHECK(
      of_cas("pki/other/ca.pem, pki/deep/ca.pem, pki/issuing/ca.pem") ==
      "2:36: warning: CA certificate 'CN=Deep CA' of 'pki/deep/ca.pem' is an intermediate, and 'CN=Test CA', which "
      "issued it, is not in trust set 't': its clients are refused (unknown_ca); add the root, or say 'anchors: any'\n"
      "2:53: warning: CA certificate 'CN=Issuing CA' of 'pki/issuing/ca.pem' is an intermediate, and 'CN=Test CA', "
      "which issued it, is not in trust set 't': its clients are refused (unknown_ca); add the root, or say 'anchors: "
      "any'\n");
  CHECK(of_cas("pki/deep/ca.pem, pki/other/ca.pem").find("'CN=Issuing CA', which issued it,") != std::string::npos);
  CHECK(of_cas("pki/deep/ca.pem, pki/issuing/ca.pem, pki/ca.pem").empty());
}

TEST_CASE("an issuer without a CRL is one warning for its trust set, unless the config says that it is meant so") {
  const ConfigFolder folder;
  const auto of_trust = [&](std::string_view trust) {
    return folder.findings(with_pair("pki/issued/server.pem", "pki/issued/server.key", trust));
  };
  CHECK(of_trust("trust: {t: {ca: [pki/ca.pem, pki/other/ca.pem], crl: pki/ca.crl}}\n") ==
        "2:9: warning: trust set 't' has no CRL of 'CN=Other CA': revoked clients of such an issuer are not noticed "
        "(add 'crl', or "
        "say 'revocation: {require: false}')\n");
  CHECK(of_trust("trust: {t: {ca: [pki/ca.pem, pki/other/ca.pem]}}\n").find("'CN=Test CA' and 1 more") !=
        std::string::npos);
  CHECK(of_trust("trust: {t: {ca: pki/ca.pem, revocation: {require: false}}}\n").empty());
  CHECK(
      of_trust("trust: {t: {ca: [pki/ca.pem, pki/other/ca.pem], crl: pki/ca.crl, revocation: {require: true}}}\n") ==
      "2:9: warning: trust set 't' has no CRL of 'CN=Other CA': clients of such an issuer are refused (crl_missing)\n");
  CHECK(of_trust("trust: {t: {ca: pki/ca.pem, revocation: {require: true}}}\n")
            .starts_with("2:51: error: 'revocation: {require: true}' needs 'crl'"));
}

TEST_CASE("a CRL that is not the anchor's own is an error") {
  const ConfigFolder folder;
  // Same issuer name, other key.
  folder.write("forged.crl", "-----BEGIN X509 CRL-----\nMAA=\n-----END X509 CRL-----\n");
  CHECK(folder
            .findings(with_pair("pki/issued/server.pem", "pki/issued/server.key",
                                "trust: {t: {ca: pki/ca.pem, crl: forged.crl}}\n"))
            .starts_with("2:34: error: 'forged.crl' can't be used: "));
}

TEST_CASE("errors of every stage are reported together") {
  const std::string out =
      ConfigFolder().findings("workers: x\n" + with_pair("missing.pem", "pki/issued/server.key") +
                              "policies: {p: {rules: [{name: r, effect: allow, when: {cn: \"~(\"}}]}}\n");
  CHECK(out.find("1:10: error: expected auto") != std::string::npos);
  CHECK(out.find("8:20: error: can't read") != std::string::npos);
  CHECK(out.find("13:60: error: ") != std::string::npos);
}

TEST_CASE("what a route does not say it has from its host, and the host from the top") {
  const ConfigFolder folder;
  const LoadedConfig config = folder.good(
      "listeners: [{bind: 127.0.0.1:80, protocol: http}, {bind: 127.0.0.1:443}]\n"
      "timeouts: {body_idle: 1s, upstream_response: 2s, keep_alive: 3s}\n"
      "limits: {body: 1KiB}\n"
      "forwarding: {via: true}\n"
      "upstreams: {u: {endpoints: [127.0.0.1:1, \"unix:run/u.sock\"], health_check: {path: /healthz}}, w: {endpoints: "
      "[h:1]}}\n"
      "virtual_hosts:\n"
      "  - hosts: [a]\n"
      "    default: true\n"
      "    merge_slashes: false\n"
      "    timeouts: {body_idle: 10s}\n"
      "    identity_headers: [client-cert, xfcc]\n"
      "    forwarding: {forwarded: true}\n"
      "    encoded_slashes: keep\n"
      "    limits: {body: 2KiB}\n"
      "    routes:\n"
      "      - {path: /own, upstream: w, identity_headers: [], timeouts: {body_idle: 20s}, limits: {body: 3KiB}, "
      "encoded_slashes: "
      "reject, forwarding: {via: false}, headers: {set: {X_Client.Name: x}, remove: [X-Debug]}}\n"
      "      - {path: /*, upstream: u}\n"
      "      - {path: /text, respond: {status: 418, body: \"ok\\n\", content_type: text/html}}\n");
  const proxy::VirtualHost& host = config.snapshot->virtual_hosts.at(0);
  CHECK(host.is_default);
  CHECK_FALSE(host.merge_slashes);
  CHECK_FALSE(host.tls);
  const proxy::Route& own = host.routes.at(0);
  const proxy::Route& inherited = host.routes.at(1);
  CHECK(own.timeouts.body_idle == std::chrono::seconds(20));
  CHECK(inherited.timeouts.body_idle == std::chrono::seconds(10));
  CHECK(inherited.timeouts.upstream_response == std::chrono::seconds(2));
  CHECK(host.timeouts.keep_alive == std::chrono::seconds(3));
  CHECK(own.body_bytes == 3072);
  CHECK(inherited.body_bytes == 2048);
  CHECK_FALSE(own.identity_headers.client_cert);
  CHECK(inherited.identity_headers.client_cert);
  CHECK(inherited.identity_headers.xfcc);
  CHECK_FALSE(own.forwarding.via);
  CHECK(own.forwarding.forwarded);
  CHECK(inherited.forwarding.via);
  CHECK(inherited.forwarding.x_forwarded);
  CHECK_FALSE(own.keep_encoded_slashes);
  CHECK(inherited.keep_encoded_slashes);
  CHECK(config.snapshot->upstreams.at(own.upstream).name == "w");
  CHECK(config.snapshot->upstreams.at(inherited.upstream).name == "u");
  CHECK(host.routes.at(2).status == 418);
  CHECK(host.routes.at(2).content_type == "text/html");
  const proxy::Upstream& upstream = config.snapshot->upstreams.at(inherited.upstream);
  CHECK(upstream.endpoints.at(1).unix_path == (folder.path() / "run/u.sock").string());
  CHECK(upstream.endpoints.at(1).address == "unix:run/u.sock");
  CHECK(upstream.health_check.value().path == "/healthz");
  for (const char* name : {"client-cert", "client-cert-chain", "x-forwarded-client-cert", "x-client-name"}) {
    CHECK(config.snapshot->protected_fields.contains(proxy::fold_field_name(name)));
  }
  CHECK_FALSE(config.snapshot->protected_fields.contains("x-debug"));
  CHECK(config.snapshot->listeners.at(0).redirect_port == 443);
}

TEST_CASE("a path of a socket that the system can't hold is an error") {
  const ConfigFolder folder;
  const std::string out =
      folder.findings("listeners: [{bind: 127.0.0.1:80, protocol: http}]\nadmin: {socket: " + std::string(150, 's') +
                      "}\nvirtual_hosts: [{hosts: [a], routes: [{path: /*, respond: echo}]}]\n");
  CHECK(out.starts_with("2:17: error: expected the path of a socket of at most 107 bytes, found "));
}

TEST_CASE("the summary tells how each policy was compiled") {
  const LoadedConfig config = ConfigFolder().good(
      "listeners: [{bind: 127.0.0.1:80, protocol: http}]\n"
      "policies: {p: {rules: [{name: a, effect: allow, when: {path: /a}}, {name: b, effect: deny, when: {host: "
      "\"~x\"}}]}}\n"
      "virtual_hosts: [{hosts: [a], policy: p, routes: [{path: /*, respond: echo}]}]\n");
  const auto line = std::ranges::find_if(
      config.summary, [](const std::string& text) { return text.starts_with("policy p: 2 rule(s), "); });
  CHECK(line != config.summary.end());
}

}  // namespace
}  // namespace gateway::config
