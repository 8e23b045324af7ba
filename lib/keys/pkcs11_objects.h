// What a token is asked to do with keys, in one session each: AES-256 keys that wrap and Ed25519 pairs that
// sign, found by their labels. No key leaves its token.
//
// Blocks; errors are those of Pkcs11Session::error(). Internal to lib/keys.
#pragma once

#include <string>
#include <vector>

#include "lib/crypto/secret.h"
#include "lib/crypto/signature.h"
#include "lib/keys/pkcs11_token.h"

namespace thaw {

struct LabelledKey {
  std::string label;
  uint64_t created = 0;  // seconds since 1970; 0: not made by this program
  Bytes id;              // CKA_ID
  CK_OBJECT_HANDLE handle = 0;
};

enum class TokenKeyKind : uint8_t { kWrapping, kSigning, kVerifying };

// Whether the token of the session is still there: a module may find nothing in one that is not.
Status check_token(const Pkcs11Session& session);

// Ascending by label, then by CKA_ID: of several with one label, all programs see the same one first.
Result<std::vector<LabelledKey>> all_keys(const Pkcs11Session& session, TokenKeyKind kind);
// Several when it was made by two programs at once.
Result<std::vector<LabelledKey>> keys_named(const Pkcs11Session& session, TokenKeyKind kind,
                                            const std::string& label);

Status make_wrapping_key(const Pkcs11Session& session, const std::string& label);
Status make_signing_pair(const Pkcs11Session& session, const std::string& label);
Status rename_key(const Pkcs11Session& session, const LabelledKey& key, const std::string& label);
Status destroy_key(const Pkcs11Session& session, const LabelledKey& key);

// nonce ‖ AES-256-GCM(…) ‖ tag, as in docs/formats/keyring.md.
Result<Bytes> wrap_in_token(const Pkcs11Session& session, const LabelledKey& key, const Secret& secret,
                            ByteView context);
// kDamaged when it is not authentic under this key.
Result<Secret> unwrap_in_token(const Pkcs11Session& session, const LabelledKey& key, ByteView wrapped,
                               ByteView context);

Result<Signature> sign_in_token(const Pkcs11Session& session, const LabelledKey& key, ByteView message);
Result<PublicKey> public_key_of(const Pkcs11Session& session, const LabelledKey& verifying);

}  // namespace thaw
