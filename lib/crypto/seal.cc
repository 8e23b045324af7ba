#include "lib/crypto/seal.h"

#include <openssl/evp.h>

#include <array>
#include <cstring>
#include <memory>
#include <stdexcept>

#include "lib/base/units.h"
#include "lib/crypto/hash.h"

namespace thaw {
namespace {

constexpr std::string_view kKeyLabel = "thaw chunk v1";
constexpr size_t kAesBlock = 16;

struct FreeCipher {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};

const EVP_CIPHER* ctr_algorithm() {
  static const EVP_CIPHER* const algorithm = EVP_CIPHER_fetch(nullptr, "AES-256-CTR", nullptr);
  return algorithm;
}

EVP_CIPHER_CTX* make_context() {
  EVP_CIPHER_CTX* const context = EVP_CIPHER_CTX_new();
  if (EVP_EncryptInit_ex(context, ctr_algorithm(), nullptr, nullptr, nullptr) == 1) return context;
  throw std::runtime_error("OpenSSL has no AES-256-CTR");
}

// One context a thread: making one, or telling it its algorithm again, costs as much as decrypting a 4 KiB
// page.
EVP_CIPHER_CTX* thread_context() {
  static thread_local const std::unique_ptr<EVP_CIPHER_CTX, FreeCipher> context(make_context());
  return context.get();
}

// AES-256-CTR with the 128-bit counter standing at the AES block that `offset` lies in (NIST SP 800-38A).
void ctr_at(ByteView key, uint64_t offset, ByteView in, MutableBytes out) {
  std::array<uint8_t, kAesBlock> counter{};
  uint64_t block = offset / kAesBlock;
  for (size_t i = kAesBlock; i-- > 8; block >>= 8) counter.at(i) = static_cast<uint8_t>(block);
  EVP_CIPHER_CTX* context = thread_context();
  bool good = EVP_EncryptInit_ex(context, nullptr, nullptr, key.data(), counter.data()) == 1;
  int written = 0;
  const std::array<uint8_t, kAesBlock> skipped{};
  std::array<uint8_t, kAesBlock> ignored{};
  if (const auto skip = static_cast<int>(offset % kAesBlock); good && skip > 0) {
    good = EVP_EncryptUpdate(context, ignored.data(), &written, skipped.data(), skip) == 1;
  }
  good =
      good && EVP_EncryptUpdate(context, out.data(), &written, in.data(), static_cast<int>(in.size())) == 1;
  if (!good) throw std::runtime_error("OpenSSL cannot run AES-256-CTR");
}

Secret chunk_key(const Secret& salt, const Digest& content) {
  std::array<uint8_t, kKeyLabel.size() + 1 + sizeof content.bytes> message{};
  std::memcpy(message.data(), kKeyLabel.data(), kKeyLabel.size());
  std::memcpy(message.data() + kKeyLabel.size() + 1, content.bytes.data(), content.bytes.size());
  return Secret(hmac_sha256(salt.view(), message).bytes);
}

}  // namespace

uint64_t sealed_length(ByteView chunk) {
  size_t end = chunk.size();
  while (end >= 8) {
    uint64_t word = 0;
    std::memcpy(&word, chunk.data() + end - 8, 8);
    if (word != 0) break;
    end -= 8;
  }
  while (end > 0 && chunk[end - 1] == 0) --end;
  return round_up(end, kSealUnit);
}

Digest sealed_content(ByteView chunk) { return sha256(chunk.first(sealed_length(chunk))); }

Sealed seal(const Secret& salt, ByteView chunk, const Digest& content) {
  const ByteView padded = chunk.first(sealed_length(chunk));
  Sealed sealed{chunk_key(salt, content), {}, Buffer(padded.size())};
  ctr_at(sealed.key.view(), 0, padded, sealed.ciphertext.mutable_view());
  sealed.id = sha256(sealed.ciphertext.view());
  return sealed;
}

void open_range(ByteView key, uint64_t offset, ByteView ciphertext, MutableBytes out) {
  ctr_at(key, offset, ciphertext, out);
}

}  // namespace thaw
