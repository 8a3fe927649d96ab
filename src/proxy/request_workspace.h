#pragma once

#include <string>

#include "proxy/admission.h"
#include "proxy/http1_codec.h"

namespace gateway::proxy {

// What one request needs while it lasts: memory that the worker keeps from one request to the next, of whichever
// client, so that none is allocated on the way and an idle connection holds none of it. The client connection has it
// from a request's first byte until its exchange is over.
struct RequestWorkspace {
  explicit RequestWorkspace(const core::Limits& limits) : parser(limits) {}

  RequestParser parser;
  Admission admission;
  std::string request_id;
};

}  // namespace gateway::proxy
