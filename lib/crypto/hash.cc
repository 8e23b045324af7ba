#include "lib/crypto/hash.h"

#include <isa-l/crc.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <stdexcept>

namespace thaw {
namespace {

// Fetched once: an implicit fetch costs a lock and a lookup a hash.
const EVP_MD* sha256_algorithm() {
  static const EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  return algorithm;
}

void require_sha256(int openssl_result) {
  if (openssl_result != 1) throw std::runtime_error("OpenSSL cannot compute SHA-256");
}

}  // namespace

struct Sha256::Context {
  Context() : md(EVP_MD_CTX_new()) { start(); }
  ~Context() { EVP_MD_CTX_free(md); }
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;
  void start() const { require_sha256(EVP_DigestInit_ex(md, sha256_algorithm(), nullptr)); }

  EVP_MD_CTX* md;
};

Sha256::Sha256() : context_(std::make_unique<Context>()) {}
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;
Sha256::~Sha256() = default;

void Sha256::update(ByteView bytes) {
  require_sha256(EVP_DigestUpdate(context_->md, bytes.data(), bytes.size()));
}

Digest Sha256::finish() {
  Digest digest;
  require_sha256(EVP_DigestFinal_ex(context_->md, digest.bytes.data(), nullptr));
  context_->start();
  return digest;
}

Digest sha256(ByteView bytes) {
  Digest digest;
  require_sha256(
      EVP_Digest(bytes.data(), bytes.size(), digest.bytes.data(), nullptr, sha256_algorithm(), nullptr));
  return digest;
}

std::array<uint8_t, 16> md5(ByteView bytes) {
  std::array<uint8_t, 16> sum{};
  if (EVP_Digest(bytes.data(), bytes.size(), sum.data(), nullptr, EVP_md5(), nullptr) != 1)
    throw std::runtime_error("OpenSSL cannot compute MD5");
  return sum;
}

Digest hmac_sha256(ByteView key, ByteView message) {
  Digest digest;
  unsigned length = 0;
  if (HMAC(sha256_algorithm(), key.data(), static_cast<int>(key.size()), message.data(), message.size(),
           digest.bytes.data(), &length) == nullptr) {
    throw std::runtime_error("OpenSSL cannot compute HMAC-SHA-256");
  }
  return digest;
}

uint32_t crc32c(ByteView bytes) {
  // The parameter is not const in ISA-L 2.30; the function only reads.
  return ~crc32_iscsi(const_cast<uint8_t*>(bytes.data()), static_cast<int>(bytes.size()), ~0U);
}

}  // namespace thaw
