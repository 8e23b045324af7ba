#include "lib/keys/kms_documents.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <nlohmann/json.hpp>

#include "lib/base/base64.h"
#include "lib/json/json_text.h"
#include "lib/keys/key_service.h"

namespace thaw {
namespace {

using nlohmann::json;

constexpr unsigned kAliasesPerPage = 100;  // the most that the API gives
constexpr size_t kMaxNameBytes = 512;
constexpr size_t kMaxMarkerBytes = 2048;
constexpr size_t kMaxTypeBytes = 64;
constexpr size_t kMaxMessageBytes = 300;
constexpr size_t kPlaintextDigits = 44;  // base64 of 32 bytes

json context_of(ByteView context) { return json{{"thaw", to_base64(context)}}; }

// Empty unless there is such a text of a sane length.
std::string text_in(const json& object, const char* name, size_t longest) {
  if (!object.is_object()) return {};
  const auto found = object.find(name);
  if (found == object.end() || !found->is_string()) return {};
  auto text = found->get<std::string>();
  return text.size() <= longest ? text : std::string();
}

// The API tells times in seconds, with a fraction.
uint64_t seconds_in(const json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end() || !found->is_number()) return 0;
  const auto seconds = found->get<double>();
  return seconds > 0 && seconds < 1e12 ? static_cast<uint64_t>(seconds) : 0;
}

// Where the text goes on behind `mark` and blanks, or npos.
size_t behind(char mark, std::string_view text, size_t at) {
  at = text.find_first_not_of(" \t\r\n", at);
  return at != std::string_view::npos && text[at] == mark ? at + 1 : std::string_view::npos;
}

// Behind `"Plaintext" : "`, or npos. Inside of another text these quotes would be escaped.
size_t find_plaintext(std::string_view answer) {
  constexpr std::string_view kName = "\"Plaintext\"";
  for (size_t at = answer.find(kName); at != std::string_view::npos; at = answer.find(kName, at + 1)) {
    const size_t value = behind('"', answer, behind(':', answer, at + kName.size()));
    if (value != std::string_view::npos) return value;
  }
  return std::string_view::npos;
}

}  // namespace

std::string generate_data_key_request(const std::string& alias, ByteView context) {
  return json{{"KeyId", alias}, {"KeySpec", "AES_256"}, {"EncryptionContext", context_of(context)}}.dump();
}

std::string decrypt_request(const std::string& alias, ByteView wrapped, ByteView context) {
  return json{
      {"KeyId", alias}, {"CiphertextBlob", to_base64(wrapped)}, {"EncryptionContext", context_of(context)}}
      .dump();
}

std::string re_encrypt_request(const std::string& from, const std::string& to, ByteView wrapped,
                               ByteView context) {
  return json{{"CiphertextBlob", to_base64(wrapped)},
              {"SourceKeyId", from},
              {"SourceEncryptionContext", context_of(context)},
              {"DestinationKeyId", to},
              {"DestinationEncryptionContext", context_of(context)}}
      .dump();
}

std::string list_aliases_request(const std::string& marker) {
  json request{{"Limit", kAliasesPerPage}};
  if (!marker.empty()) request["Marker"] = marker;
  return json_text(request);
}

std::string create_key_request(const std::string& description) {
  return json{{"Description", description}, {"KeyUsage", "ENCRYPT_DECRYPT"}, {"KeySpec", "SYMMETRIC_DEFAULT"}}
      .dump();
}

std::string create_alias_request(const std::string& alias, const std::string& key) {
  return json{{"AliasName", alias}, {"TargetKeyId", key}}.dump();
}

std::string key_request(const std::string& key) { return json{{"KeyId", key}}.dump(); }

std::string schedule_key_deletion_request(const std::string& key, unsigned days) {
  return json{{"KeyId", key}, {"PendingWindowInDays", days}}.dump();
}

std::optional<Secret> take_plaintext(MutableBytes answer) {
  const size_t begin = find_plaintext(as_text(answer));
  if (begin == std::string_view::npos) return std::nullopt;
  std::array<char, kPlaintextDigits> digits{};
  size_t count = 0;
  bool fits = true;
  size_t end = begin;
  for (; end < answer.size() && answer[end] != '"'; ++end) {
    // JSON may write "\/" for "/"; no other escape is found in base64.
    if (answer[end] != '\\') {
      if (count < digits.size()) digits.at(count) = static_cast<char>(answer[end]);
      fits = ++count <= digits.size();
    }
    answer[end] = 'x';
  }
  Secret secret;
  const bool decoded =
      fits && end < answer.size() && decode_base64({digits.data(), count}, secret.mutable_view());
  wipe({reinterpret_cast<uint8_t*>(digits.data()), digits.size()});
  if (!decoded) return std::nullopt;
  return secret;
}

std::optional<Bytes> ciphertext_of(std::string_view answer) {
  const std::string text = text_in(read_json(answer), "CiphertextBlob", 2 * kMaxWrappedBytes);
  const auto bytes = from_base64(text);
  if (!bytes || bytes->empty() || bytes->size() > kMaxWrappedBytes) return std::nullopt;
  return Bytes(bytes->begin(), bytes->end());
}

std::optional<KmsAliases> aliases_of(std::string_view answer) {
  const json document = read_json(answer);
  if (!document.is_object() || !document.contains("Aliases") || !document["Aliases"].is_array())
    return std::nullopt;
  KmsAliases page;
  for (const json& entry : document["Aliases"]) {
    // Those of the service itself may stand for nothing.
    KmsAlias alias{text_in(entry, "AliasName", kMaxNameBytes), text_in(entry, "TargetKeyId", kMaxNameBytes),
                   0};
    if (alias.name.empty() || alias.key.empty()) continue;
    alias.created = seconds_in(entry, "CreationDate");
    page.aliases.push_back(std::move(alias));
  }
  const auto truncated = document.find("Truncated");
  if (truncated == document.end() || *truncated != true) return page;
  page.next = text_in(document, "NextMarker", kMaxMarkerBytes);
  if (page.next.empty()) return std::nullopt;
  return page;
}

std::optional<KmsKey> key_of(std::string_view answer) {
  const json document = read_json(answer);
  if (!document.is_object() || !document.contains("KeyMetadata")) return std::nullopt;
  const json& metadata = document["KeyMetadata"];
  KmsKey key{text_in(metadata, "KeyId", kMaxNameBytes), text_in(metadata, "KeyState", kMaxNameBytes)};
  if (key.id.empty() || key.state.empty()) return std::nullopt;
  return key;
}

KmsFailure failure_of(std::string_view answer) {
  const json document = read_json(answer);
  KmsFailure failure;
  // "com.amazonaws.kms#NotFoundException" or "NotFoundException:http://…", by the service's mood.
  std::string type = text_in(document, "__type", kMaxNameBytes);
  type = type.substr(type.find('#') == std::string::npos ? 0 : type.find('#') + 1);
  type = type.substr(0, type.find(':'));
  const bool plain = std::ranges::all_of(type, [](unsigned char c) { return std::isalnum(c) != 0; });
  if (plain && type.size() <= kMaxTypeBytes) failure.type = type;
  failure.message = text_in(document, "message", SIZE_MAX);
  if (failure.message.empty()) failure.message = text_in(document, "Message", SIZE_MAX);
  failure.message.resize(std::min(failure.message.size(), kMaxMessageBytes));
  std::ranges::replace_if(
      failure.message, [](unsigned char c) { return c < ' ' || c >= 0x7f; }, '?');
  return failure;
}

}  // namespace thaw
