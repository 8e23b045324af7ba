// Platform: the machine that an image is for, in the words of the OCI image index (GOOS, GOARCH).
#pragma once

#include <string>

namespace thaw {

struct Platform {
  std::string os;
  std::string architecture;
  std::string variant;  // "v7"; empty: any

  // "linux/arm64/v8".
  std::string text() const {
    return os + "/" + architecture + (variant.empty() ? std::string() : "/" + variant);
  }
};

// linux on the architecture that this program was built for.
Platform this_platform();

}  // namespace thaw
