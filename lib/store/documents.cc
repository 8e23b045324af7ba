#include "lib/store/documents.h"

#include <array>
#include <nlohmann/json.hpp>

namespace thaw {
namespace {

using nlohmann::json;

constexpr unsigned kFormat = 1;
constexpr std::array<std::string_view, 4> kStateNames{"active", "retired", "expired", "deleted"};

// A document that is an object and has our format number; else null.
json parse_document(ByteView bytes) {
  if (bytes.size() > kMaxDocumentBytes) return nullptr;
  json document = json::parse(bytes.begin(), bytes.end(), nullptr, false);
  if (!document.is_object()) return nullptr;
  const auto format = document.find("format");
  if (format == document.end() || *format != kFormat) return nullptr;
  return document;
}

std::optional<std::string> text_of(const json& document, const char* field) {
  const auto found = document.find(field);
  if (found == document.end() || !found->is_string()) return std::nullopt;
  return found->get<std::string>();
}

std::optional<uint64_t> number_of(const json& document, const char* field) {
  const auto found = document.find(field);
  if (found == document.end() || !found->is_number_unsigned()) return std::nullopt;
  return found->get<uint64_t>();
}

std::optional<Identifier> identifier_of(const json& document, const char* field) {
  const auto text = text_of(document, field);
  return text ? Identifier::from_hex(*text) : std::nullopt;
}

std::optional<RootState> state_of(const json& document) {
  const auto text = text_of(document, "state");
  for (size_t i = 0; text && i < kStateNames.size(); ++i) {
    if (kStateNames.at(i) == *text) return static_cast<RootState>(i);
  }
  return std::nullopt;
}

}  // namespace

std::string_view root_state_name(RootState state) { return kStateNames.at(static_cast<size_t>(state)); }

std::string write_store_document(const Identifier& store_id) {
  return json{{"format", kFormat}, {"store_id", store_id.hex()}}.dump(2) + "\n";
}

Result<Identifier> parse_store_document(ByteView bytes) {
  const json document = parse_document(bytes);
  const auto id = document.is_null() ? std::nullopt : identifier_of(document, "store_id");
  if (!id) return Error{Code::kDamaged, "store.json is not a store's description; restore it from a copy"};
  return *id;
}

std::string write_root_document(const Root& root) {
  const json document{{"format", kFormat},
                      {"root", root.id},
                      {"state", root_state_name(root.state)},
                      {"salt", root.salt_id.hex()},
                      {"created", root.created}};
  return document.dump(2) + "\n";
}

Result<Root> parse_root_document(ByteView bytes, const RootId& id) {
  const json document = parse_document(bytes);
  const Error broken{Code::kDamaged, root_key(id) + " is not a root's description; restore it from a copy"};
  if (document.is_null()) return broken;
  const auto named = text_of(document, "root");
  const auto state = state_of(document);
  const auto salt = identifier_of(document, "salt");
  const auto created = number_of(document, "created");
  if (!named || !state || !salt || !created || *named != id) return broken;
  return Root{id, *state, *salt, *created};
}

std::string write_tenant_salt_document(const std::string& tenant, const Identifier& salt_id) {
  return json{{"format", kFormat}, {"tenant", tenant}, {"salt", salt_id.hex()}}.dump(2) + "\n";
}

Result<Identifier> parse_tenant_salt_document(ByteView bytes, const std::string& tenant) {
  const json document = parse_document(bytes);
  const auto salt = document.is_null() ? std::nullopt : identifier_of(document, "salt");
  if (!salt || text_of(document, "tenant") != tenant) {
    return Error{Code::kDamaged, tenant_salt_key(tenant) + " does not name a salt; restore it from a copy"};
  }
  return *salt;
}

}  // namespace thaw
