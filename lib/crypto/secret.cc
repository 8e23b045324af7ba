#include "lib/crypto/secret.h"

#include <openssl/crypto.h>
#include <sys/mman.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "lib/base/units.h"

namespace thaw {

void wipe(MutableBytes bytes) { OPENSSL_cleanse(bytes.data(), bytes.size()); }

Secret Secret::from(ByteView bytes) {
  Secret secret;
  std::memcpy(secret.bytes_.data(), bytes.data(), kKeyBytes);
  return secret;
}

Secret::~Secret() { wipe(bytes_); }

Result<KeyTable> KeyTable::create(size_t keys) {
  KeyTable table;
  const size_t mapped = round_up(keys * kKeyBytes + 1, 4096);
  void* memory = ::mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return system_error("memory for keys", errno);
  table.memory_ = static_cast<uint8_t*>(memory);
  table.mapped_ = mapped;
  table.keys_ = keys;
  // Locking can be forbidden by RLIMIT_MEMLOCK for a builder without privileges; leaving cores out cannot.
  (void)::mlock(memory, mapped);
  if (::madvise(memory, mapped, MADV_DONTDUMP) != 0) return system_error("memory for keys", errno);
  return table;
}

KeyTable::KeyTable(KeyTable&& other) noexcept
    : memory_(std::exchange(other.memory_, nullptr)),
      mapped_(std::exchange(other.mapped_, 0)),
      keys_(std::exchange(other.keys_, 0)) {}

KeyTable& KeyTable::operator=(KeyTable&& other) noexcept {
  std::swap(memory_, other.memory_);
  std::swap(mapped_, other.mapped_);
  std::swap(keys_, other.keys_);
  return *this;
}

KeyTable::~KeyTable() {
  if (memory_ == nullptr) return;
  wipe({memory_, mapped_});
  ::munmap(memory_, mapped_);
}

}  // namespace thaw
