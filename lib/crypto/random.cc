#include "lib/crypto/random.h"

#include <openssl/rand.h>
#include <array>
#include <bit>

#include <stdexcept>

namespace thaw {

void fill_random(MutableBytes out) {
  if (RAND_bytes(out.data(), static_cast<int>(out.size())) != 1) {
    throw std::runtime_error("OpenSSL has no random bytes");
  }
}

uint64_t random_number() {
  std::array<uint8_t, sizeof(uint64_t)> bytes{};
  fill_random(bytes);
  return std::bit_cast<uint64_t>(bytes);
}

}  // namespace thaw
