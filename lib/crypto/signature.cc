#include "lib/crypto/signature.h"

#include <openssl/evp.h>

#include <memory>
#include <stdexcept>

#include "lib/crypto/random.h"

namespace thaw {
namespace {

struct FreeSigner {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
using Key = std::unique_ptr<EVP_PKEY, FreeSigner>;
using SignerContext = std::unique_ptr<EVP_MD_CTX, FreeSigner>;

void require_ed25519(bool good) {
  if (!good) throw std::runtime_error("OpenSSL cannot run Ed25519");
}

Key private_key(const Secret& seed) {
  Key key(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, seed.view().data(), kKeyBytes));
  require_ed25519(key != nullptr);
  return key;
}

}  // namespace

SigningKey SigningKey::generate() {
  Secret seed;
  fill_random(seed.mutable_view());
  return from_seed(seed);
}

SigningKey SigningKey::from_seed(const Secret& seed) {
  SigningKey pair{seed, {}};
  size_t length = pair.public_key.size();
  require_ed25519(EVP_PKEY_get_raw_public_key(private_key(seed).get(), pair.public_key.data(), &length) == 1);
  return pair;
}

Signature sign(const SigningKey& key, ByteView message) {
  const Key secret = private_key(key.seed);
  const SignerContext context(EVP_MD_CTX_new());
  Signature signature{};
  size_t length = signature.size();
  require_ed25519(EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, secret.get()) == 1);
  require_ed25519(EVP_DigestSign(context.get(), signature.data(), &length, message.data(), message.size()) ==
                  1);
  return signature;
}

bool verify_signature(const PublicKey& key, ByteView message, const Signature& signature) {
  const Key pkey(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, key.data(), key.size()));
  const SignerContext context(EVP_MD_CTX_new());
  return pkey && EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, pkey.get()) == 1 &&
         EVP_DigestVerify(context.get(), signature.data(), signature.size(), message.data(),
                          message.size()) == 1;
}

}  // namespace thaw
