#include "lib/crypto/random.h"

#include <openssl/rand.h>

#include <stdexcept>

namespace thaw {

void fill_random(MutableBytes out) {
  if (RAND_bytes(out.data(), static_cast<int>(out.size())) != 1) {
    throw std::runtime_error("OpenSSL has no random bytes");
  }
}

}  // namespace thaw
