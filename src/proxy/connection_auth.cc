#include "proxy/connection_auth.h"

#include "proxy/field_rules.h"
#include "proxy/http1_grammar.h"

namespace gateway::proxy {
namespace {

// The name is compared as upstreams do that read fields as CGI variables.
bool names_such_a_scheme(const Fields& fields, std::string_view field_name) {
  for (const Field field : fields) {
    if (!equal_folded(field.name, field_name)) continue;
    std::string_view list = field.value;
    std::string_view element;
    while (next_list_element(list, element)) {
      const std::string_view scheme = element.substr(0, token_prefix(element));
      if (equal_ignoring_case(scheme, "ntlm") || equal_ignoring_case(scheme, "negotiate")) return true;
    }
  }
  return false;
}

}  // namespace

bool authenticates_connection(const RequestHead& request) {
  return names_such_a_scheme(request.fields, "authorization");
}

bool authenticates_connection(const ResponseHead& response) {
  return names_such_a_scheme(response.fields, "www-authenticate");
}

}  // namespace gateway::proxy
