// The JSON of the AWS KMS API (docs.aws.amazon.com/kms/latest/APIReference): requests as text, and what is
// needed of the answers. Answers come from outside: what is not as it should be gives nothing.
//
// Pure. Internal to lib/keys.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/buffer.h"
#include "lib/crypto/secret.h"

namespace thaw {

// `key`: a key's id, or its alias where the API takes one. `context` is authenticated; KMS writes it into
// logs.
std::string generate_data_key_request(const std::string& alias, ByteView context);
std::string decrypt_request(const std::string& alias, ByteView wrapped, ByteView context);
std::string re_encrypt_request(const std::string& from, const std::string& to, ByteView wrapped,
                               ByteView context);
std::string list_aliases_request(const std::string& marker);
std::string create_key_request(const std::string& description);
std::string create_alias_request(const std::string& alias, const std::string& key);
std::string key_request(const std::string& key);
std::string schedule_key_deletion_request(const std::string& key, unsigned days);

// Takes a data key out of an answer and overwrites it there, so that what reads the rest copies none of it.
std::optional<Secret> take_plaintext(MutableBytes answer);
// Not empty, and at most kMaxWrappedBytes.
std::optional<Bytes> ciphertext_of(std::string_view answer);

struct KmsAlias {
  std::string name;  // "alias/thaw/acme/1"
  std::string key;   // the key that it stands for
  uint64_t created = 0;
};

struct KmsAliases {
  std::vector<KmsAlias> aliases;
  std::string next;  // where the list goes on; empty: here it ends
};

std::optional<KmsAliases> aliases_of(std::string_view answer);

struct KmsKey {
  std::string id;
  std::string state;  // "Enabled", "Disabled", "PendingDeletion", …
};

std::optional<KmsKey> key_of(std::string_view answer);

struct KmsFailure {
  std::string type;     // "NotFoundException"; empty when the answer tells none
  std::string message;  // one short line of printable ASCII
};

KmsFailure failure_of(std::string_view answer);

}  // namespace thaw
