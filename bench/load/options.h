#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace bench {

enum class Mode {
  full,       // each operation: TCP, full handshake, one request, close
  resume,     // the same with a session of the connection before
  keepalive,  // each operation: one request on a connection that stays
  idle        // connections with one request each are held until stdin ends, then asked once more
};

// A certificate (chain) and its key, as PEM files.
using CertificateFiles = std::pair<std::string, std::string>;

struct Options {
  Mode mode = Mode::keepalive;
  std::uint16_t port = 0;           // of the gateway, on 127.0.0.1
  std::string name = "bench.test";  // SNI, Host and what the server's certificate must be for
  std::string ca;                   // PEM file
  std::vector<CertificateFiles> clients;
  unsigned mint = 0;        // this many client certificates made by `issuer`, in place of `clients`
  CertificateFiles issuer;  // the issuer's certificate is sent behind the leaf
  std::string tls = "1.3";
  unsigned connections = 1;
  std::string path = "/";
  unsigned header_bytes = 0;            // of additional request fields
  std::uint64_t upload = 0;             // bytes of a request body; 0: GET
  std::uint64_t expect = 128;           // length that each response body must have
  double rate = 0;                      // requests per second, whatever the answers take; 0: the next when one is done
  double warmup = 0.3;                  // seconds
  std::uint64_t warmup_operations = 0;  // and at least so many
  double duration = 1;  // seconds of the measuring window; longer until there are as many operations as connections
  std::uint64_t operations = 0;                    // end after so many in place of a window
  std::map<std::string, std::vector<int>> cpu_of;  // processes whose CPU time is told, by name
};

// Ends the program with a message if the command line is wrong.
Options parse_options(int argc, char** argv);

}  // namespace bench
