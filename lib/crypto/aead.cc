#include "lib/crypto/aead.h"

#include <openssl/evp.h>

#include <memory>
#include <stdexcept>

namespace thaw {
namespace {

struct FreeAead {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};
using AeadContext = std::unique_ptr<EVP_CIPHER_CTX, FreeAead>;

void require_gcm(bool good) {
  if (!good) throw std::runtime_error("OpenSSL cannot run AES-256-GCM");
}

int length_of(ByteView bytes) { return static_cast<int>(bytes.size()); }

}  // namespace

Bytes gcm_seal(const Secret& key, ByteView nonce, ByteView associated, ByteView plaintext) {
  const AeadContext context(EVP_CIPHER_CTX_new());
  Bytes sealed(plaintext.size() + kGcmTagBytes);
  int n = 0;
  require_gcm(nonce.size() == kGcmNonceBytes);
  require_gcm(
      EVP_EncryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, key.view().data(), nonce.data()) == 1);
  require_gcm(EVP_EncryptUpdate(context.get(), nullptr, &n, associated.data(), length_of(associated)) == 1);
  require_gcm(EVP_EncryptUpdate(context.get(), sealed.data(), &n, plaintext.data(), length_of(plaintext)) ==
              1);
  require_gcm(EVP_EncryptFinal_ex(context.get(), sealed.data() + plaintext.size(), &n) == 1);
  require_gcm(EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_GET_TAG, kGcmTagBytes,
                                  sealed.data() + plaintext.size()) == 1);
  return sealed;
}

Status gcm_open(const Secret& key, ByteView nonce, ByteView associated, ByteView sealed,
                MutableBytes plaintext) {
  if (nonce.size() != kGcmNonceBytes || sealed.size() != plaintext.size() + kGcmTagBytes) {
    return Error{Code::kDamaged, "a sealed message has a wrong length"};
  }
  const AeadContext context(EVP_CIPHER_CTX_new());
  int n = 0;
  Bytes tag(sealed.end() - kGcmTagBytes, sealed.end());
  require_gcm(
      EVP_DecryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, key.view().data(), nonce.data()) == 1);
  require_gcm(EVP_DecryptUpdate(context.get(), nullptr, &n, associated.data(), length_of(associated)) == 1);
  require_gcm(EVP_DecryptUpdate(context.get(), plaintext.data(), &n, sealed.data(), length_of(plaintext)) ==
              1);
  require_gcm(EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_TAG, kGcmTagBytes, tag.data()) == 1);
  uint8_t rest = 0;
  if (EVP_DecryptFinal_ex(context.get(), &rest, &n) == 1) return {};
  wipe(plaintext);
  return Error{Code::kDamaged,
               "a sealed message does not open: it was altered, or the key or context is another"};
}

}  // namespace thaw
