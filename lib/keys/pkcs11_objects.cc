#include "lib/keys/pkcs11_objects.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <ctime>
#include <tuple>

#include "lib/crypto/aead.h"
#include "lib/crypto/random.h"

namespace thaw {
namespace {

constexpr size_t kWrappedInTokenBytes = kGcmNonceBytes + kKeyBytes + kGcmTagBytes;
constexpr size_t kMaxLabelBytes = 128;
constexpr size_t kTimeBytes = 8;
constexpr size_t kObjectIdBytes = 16;  // when it was made, then random
constexpr size_t kPublicPointBytes = 32;
constexpr CK_ULONG kFindAtOnce = 64;
// id-Ed25519 (RFC 8410), in DER.
constexpr std::array<uint8_t, 5> kEd25519{0x06, 0x03, 0x2b, 0x65, 0x70};

CK_ATTRIBUTE attribute(CK_ATTRIBUTE_TYPE type, const void* value, size_t size) {
  return {type, const_cast<void*>(value), size};
}

// Attributes point into it: keep it where it is.
struct ObjectValues {
  CK_BBOOL yes = CK_TRUE;
  CK_BBOOL no = CK_FALSE;
  CK_OBJECT_CLASS object_class = CKO_SECRET_KEY;
  CK_KEY_TYPE key_type = CKK_AES;
  CK_ULONG key_bytes = kKeyBytes;
  Bytes id;

  CK_ATTRIBUTE yes_for(CK_ATTRIBUTE_TYPE type) const { return attribute(type, &yes, sizeof yes); }
  CK_ATTRIBUTE no_for(CK_ATTRIBUTE_TYPE type) const { return attribute(type, &no, sizeof no); }
  CK_ATTRIBUTE class_attribute() const { return attribute(CKA_CLASS, &object_class, sizeof object_class); }
  CK_ATTRIBUTE type_attribute() const { return attribute(CKA_KEY_TYPE, &key_type, sizeof key_type); }
  CK_ATTRIBUTE id_attribute() const { return attribute(CKA_ID, id.data(), id.size()); }
};

CK_ATTRIBUTE label_attribute(const std::string& label) {
  return attribute(CKA_LABEL, label.data(), label.size());
}

ObjectValues values_of(TokenKeyKind kind) {
  ObjectValues values;
  if (kind == TokenKeyKind::kWrapping) return values;
  values.object_class = kind == TokenKeyKind::kSigning ? CKO_PRIVATE_KEY : CKO_PUBLIC_KEY;
  values.key_type = CKK_EC_EDWARDS;
  return values;
}

Bytes fresh_id() {
  Bytes id(kObjectIdBytes);
  fill_random(id);
  auto now = static_cast<uint64_t>(::time(nullptr));
  for (size_t i = kTimeBytes; i-- > 0; now >>= 8) id[i] = static_cast<uint8_t>(now);
  return id;
}

uint64_t made_at_of(ByteView id) {
  if (id.size() != kObjectIdBytes) return 0;
  uint64_t seconds = 0;
  for (const uint8_t byte : id.first(kTimeBytes)) seconds = seconds << 8 | byte;
  return seconds;
}

// Nothing for an attribute that the object has not, or that is longer.
template <class Container>
Result<Container> read_attribute(const Pkcs11Session& session, CK_OBJECT_HANDLE object,
                                 CK_ATTRIBUTE_TYPE type, size_t max_bytes) {
  Container value(max_bytes, 0);
  CK_ATTRIBUTE wanted = attribute(type, value.data(), value.size());
  const CK_RV result = session.calls.C_GetAttributeValue(session.handle, object, &wanted, 1);
  if (is_lost(result)) return session.error("read an object", result);
  value.resize(result == CKR_OK && wanted.ulValueLen <= max_bytes ? wanted.ulValueLen : 0);
  return value;
}

Result<std::vector<CK_OBJECT_HANDLE>> find_objects(const Pkcs11Session& session,
                                                   std::vector<CK_ATTRIBUTE> wanted) {
  std::vector<CK_OBJECT_HANDLE> found;
  CK_RV result = session.calls.C_FindObjectsInit(session.handle, wanted.data(), wanted.size());
  if (result != CKR_OK) return session.error("look for keys", result);
  for (CK_ULONG count = kFindAtOnce; result == CKR_OK && count == kFindAtOnce;) {
    std::array<CK_OBJECT_HANDLE, kFindAtOnce> some{};
    count = 0;
    result = session.calls.C_FindObjects(session.handle, some.data(), kFindAtOnce, &count);
    if (result == CKR_OK) found.insert(found.end(), some.begin(), some.begin() + count);
  }
  (void)session.calls.C_FindObjectsFinal(session.handle);
  if (result != CKR_OK) return session.error("look for keys", result);
  return found;
}

Result<std::vector<LabelledKey>> describe_objects(const Pkcs11Session& session,
                                                  const std::vector<CK_OBJECT_HANDLE>& objects) {
  std::vector<LabelledKey> keys;
  for (const CK_OBJECT_HANDLE object : objects) {
    LabelledKey key;
    key.handle = object;
    THAW_ASSIGN(key.label, read_attribute<std::string>(session, object, CKA_LABEL, kMaxLabelBytes));
    THAW_ASSIGN(key.id, read_attribute<Bytes>(session, object, CKA_ID, kMaxLabelBytes));
    key.created = made_at_of(key.id);
    keys.push_back(std::move(key));
  }
  std::ranges::sort(keys, {}, [](const LabelledKey& key) { return std::tie(key.label, key.id); });
  return keys;
}

CK_MECHANISM gcm_mechanism(CK_GCM_PARAMS& parameters) {
  return {CKM_AES_GCM, &parameters, sizeof parameters};
}

CK_GCM_PARAMS gcm_parameters(MutableBytes nonce, ByteView context) {
  return {nonce.data(),   nonce.size(),    nonce.size() * 8, const_cast<uint8_t*>(context.data()),
          context.size(), kGcmTagBytes * 8};
}

}  // namespace

Status check_token(const Pkcs11Session& session) {
  CK_SESSION_INFO info{};
  CK_TOKEN_INFO token{};
  CK_RV result = session.calls.C_GetSessionInfo(session.handle, &info);
  if (result == CKR_OK) result = session.calls.C_GetTokenInfo(info.slotID, &token);
  if (result != CKR_OK) return session.error("look for it", result);
  if ((token.flags & CKF_TOKEN_INITIALIZED) != 0) return {};
  return session.error("look for it", CKR_TOKEN_NOT_PRESENT);
}

Result<std::vector<LabelledKey>> all_keys(const Pkcs11Session& session, TokenKeyKind kind) {
  const ObjectValues values = values_of(kind);
  THAW_ASSIGN(const auto objects, find_objects(session, {values.class_attribute(), values.type_attribute()}));
  return describe_objects(session, objects);
}

Result<std::vector<LabelledKey>> keys_named(const Pkcs11Session& session, TokenKeyKind kind,
                                            const std::string& label) {
  const ObjectValues values = values_of(kind);
  THAW_ASSIGN(const auto objects, find_objects(session, {values.class_attribute(), values.type_attribute(),
                                                         label_attribute(label)}));
  return describe_objects(session, objects);
}

Status make_wrapping_key(const Pkcs11Session& session, const std::string& label) {
  ObjectValues values = values_of(TokenKeyKind::kWrapping);
  values.id = fresh_id();
  std::array wanted{values.class_attribute(),
                    values.type_attribute(),
                    attribute(CKA_VALUE_LEN, &values.key_bytes, sizeof values.key_bytes),
                    label_attribute(label),
                    values.id_attribute(),
                    values.yes_for(CKA_TOKEN),
                    values.yes_for(CKA_PRIVATE),
                    values.yes_for(CKA_SENSITIVE),
                    values.no_for(CKA_EXTRACTABLE),
                    values.yes_for(CKA_ENCRYPT),
                    values.yes_for(CKA_DECRYPT),
                    values.no_for(CKA_WRAP),
                    values.no_for(CKA_UNWRAP)};
  CK_MECHANISM mechanism{CKM_AES_KEY_GEN, nullptr, 0};
  CK_OBJECT_HANDLE made = 0;
  const CK_RV result =
      session.calls.C_GenerateKey(session.handle, &mechanism, wanted.data(), wanted.size(), &made);
  if (result != CKR_OK) return session.error("make key \"" + label + "\"", result);
  return {};
}

// The public half is private as an object, too: whoever may read it has shown the PIN, so that nobody without
// it puts one there that is then trusted.
Status make_signing_pair(const Pkcs11Session& session, const std::string& label) {
  ObjectValues values = values_of(TokenKeyKind::kSigning);
  values.id = fresh_id();
  std::array verifying{attribute(CKA_EC_PARAMS, kEd25519.data(), kEd25519.size()),
                       label_attribute(label),
                       values.id_attribute(),
                       values.yes_for(CKA_TOKEN),
                       values.yes_for(CKA_PRIVATE),
                       values.yes_for(CKA_VERIFY)};
  std::array signing{label_attribute(label),        values.id_attribute(),
                     values.yes_for(CKA_TOKEN),     values.yes_for(CKA_PRIVATE),
                     values.yes_for(CKA_SENSITIVE), values.no_for(CKA_EXTRACTABLE),
                     values.yes_for(CKA_SIGN)};
  CK_MECHANISM mechanism{CKM_EC_EDWARDS_KEY_PAIR_GEN, nullptr, 0};
  CK_OBJECT_HANDLE made_public = 0;
  CK_OBJECT_HANDLE made_private = 0;
  const CK_RV result =
      session.calls.C_GenerateKeyPair(session.handle, &mechanism, verifying.data(), verifying.size(),
                                      signing.data(), signing.size(), &made_public, &made_private);
  if (result != CKR_OK) return session.error("make the Ed25519 pair \"" + label + "\"", result);
  return {};
}

Status rename_key(const Pkcs11Session& session, const LabelledKey& key, const std::string& label) {
  CK_ATTRIBUTE changed = label_attribute(label);
  const CK_RV result = session.calls.C_SetAttributeValue(session.handle, key.handle, &changed, 1);
  if (result != CKR_OK) return session.error("rename key \"" + key.label + "\"", result);
  return {};
}

Status destroy_key(const Pkcs11Session& session, const LabelledKey& key) {
  const CK_RV result = session.calls.C_DestroyObject(session.handle, key.handle);
  if (result != CKR_OK) return session.error("remove key \"" + key.label + "\"", result);
  return {};
}

// Some tokens take no nonce but write their own where it would be.
Result<Bytes> wrap_in_token(const Pkcs11Session& session, const LabelledKey& key, const Secret& secret,
                            ByteView context) {
  Bytes wrapped(kWrappedInTokenBytes);
  const MutableBytes nonce = MutableBytes(wrapped).first(kGcmNonceBytes);
  fill_random(nonce);
  CK_GCM_PARAMS parameters = gcm_parameters(nonce, context);
  CK_MECHANISM mechanism = gcm_mechanism(parameters);
  CK_RV result = session.calls.C_EncryptInit(session.handle, &mechanism, key.handle);
  CK_ULONG written = wrapped.size() - kGcmNonceBytes;
  if (result == CKR_OK) {
    Secret plain = secret;
    result = session.calls.C_Encrypt(session.handle, plain.mutable_view().data(), kKeyBytes,
                                     wrapped.data() + kGcmNonceBytes, &written);
  }
  if (result != CKR_OK) return session.error("wrap with key \"" + key.label + "\"", result);
  if (written == wrapped.size() - kGcmNonceBytes) return wrapped;
  return Error{Code::kFailed, "PKCS#11 token \"" + session.token + "\" wraps in another form than AES-GCM's"};
}

// C_Decrypt has no error of its own for a tag that does not fit, and modules do not agree on one.
Result<Secret> unwrap_in_token(const Pkcs11Session& session, const LabelledKey& key, ByteView wrapped,
                               ByteView context) {
  const Error damaged{Code::kDamaged, "not authentic"};
  if (wrapped.size() != kWrappedInTokenBytes) return damaged;
  Bytes sealed(wrapped.begin(), wrapped.end());
  CK_GCM_PARAMS parameters = gcm_parameters(MutableBytes(sealed).first(kGcmNonceBytes), context);
  CK_MECHANISM mechanism = gcm_mechanism(parameters);
  CK_RV result = session.calls.C_DecryptInit(session.handle, &mechanism, key.handle);
  if (result != CKR_OK) return session.error("unwrap with key \"" + key.label + "\"", result);
  // Modules may want room for the tag.
  std::array<uint8_t, kKeyBytes + kGcmTagBytes> plain{};
  CK_ULONG written = plain.size();
  result = session.calls.C_Decrypt(session.handle, sealed.data() + kGcmNonceBytes,
                                   sealed.size() - kGcmNonceBytes, plain.data(), &written);
  const Secret secret = Secret::from(ByteView(plain).first(kKeyBytes));
  wipe(plain);
  if (is_lost(result)) return session.error("unwrap with key \"" + key.label + "\"", result);
  if (result != CKR_OK || written != kKeyBytes) return damaged;
  return secret;
}

Result<Signature> sign_in_token(const Pkcs11Session& session, const LabelledKey& key, ByteView message) {
  CK_MECHANISM mechanism{CKM_EDDSA, nullptr, 0};
  CK_RV result = session.calls.C_SignInit(session.handle, &mechanism, key.handle);
  Signature signature{};
  CK_ULONG written = signature.size();
  if (result == CKR_OK) {
    result = session.calls.C_Sign(session.handle, const_cast<uint8_t*>(message.data()), message.size(),
                                  signature.data(), &written);
  }
  if (result != CKR_OK) return session.error("sign with \"" + key.label + "\"", result);
  if (written == signature.size()) return signature;
  return Error{Code::kFailed, "PKCS#11 token \"" + session.token + "\" signs in another form than Ed25519's"};
}

// An OCTET STRING in DER; PKCS #11 3.0 has the bare point.
Result<PublicKey> public_key_of(const Pkcs11Session& session, const LabelledKey& verifying) {
  THAW_ASSIGN(const Bytes value,
              read_attribute<Bytes>(session, verifying.handle, CKA_EC_POINT, kMaxLabelBytes));
  PublicKey key{};
  const bool wrapped =
      value.size() == kPublicPointBytes + 2 && value[0] == 0x04 && value[1] == kPublicPointBytes;
  if (!wrapped && value.size() != kPublicPointBytes) {
    return Error{Code::kFailed, "PKCS#11 token \"" + session.token + "\": the public key of \"" +
                                    verifying.label + "\" cannot be read"};
  }
  std::memcpy(key.data(), value.data() + (wrapped ? 2 : 0), key.size());
  return key;
}

}  // namespace thaw
