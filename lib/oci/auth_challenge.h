// AuthChallenge: what a WWW-Authenticate header asks for (RFC 9110, section 11.6.1).
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace thaw {

struct AuthChallenge {
  std::string scheme;  // in lower case: "bearer", "basic"
  std::map<std::string, std::string>
      parameters;  // names in lower case; of a name that stands twice the first

  // Empty when there is none.
  std::string parameter(const std::string& name) const {
    const auto found = parameters.find(name);
    return found == parameters.end() ? std::string() : found->second;
  }
};

// The challenges of one header, in its order. What cannot be understood is passed over.
std::vector<AuthChallenge> parse_challenges(std::string_view header);

}  // namespace thaw
