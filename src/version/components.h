#pragma once

#include <optional>
#include <string>
#include <vector>

namespace gateway::version {

// A library that a program is made of.
struct Component {
  std::string name;
  std::string built;                   // of the headers, or of the file that was linked
  std::optional<std::string> running;  // of the library in this process; none: its code is inside the program
  std::string note;
};

// What both programs have, and what the daemon has: always in the same order.
std::vector<Component> components();
std::vector<Component> daemon_components();

}  // namespace gateway::version
