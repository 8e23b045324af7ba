#include "lib/store/documents.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <nlohmann/json.hpp>

#include "lib/json/json_text.h"

namespace thaw {
namespace {

using nlohmann::json;

constexpr unsigned kFormat = 1;
constexpr uint64_t kNoNumber = UINT64_MAX;
constexpr size_t kMaxWhyBytes = 1000;
constexpr std::array<std::string_view, 4> kStateNames{"active", "retired", "expired", "deleted"};

// A document that is an object and has our format number; else null.
json parse_document(ByteView bytes, uint64_t max_bytes = kMaxDocumentBytes) {
  if (bytes.size() > max_bytes) return nullptr;
  json document = read_json(as_text(bytes));
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

// What a root got since it was made; a root of an earlier version has none of it.
bool read_course(const json& document, Root& root) {
  root.changed = document.contains("changed") ? number_of(document, "changed").value_or(kNoNumber) : 0;
  const uint64_t share = document.contains("share") ? number_of(document, "share").value_or(0) : 100;
  const auto emptied = document.find("emptied");
  if (emptied != document.end()) {
    if (!emptied->is_boolean()) return false;
    root.emptied = emptied->get<bool>();
  }
  root.cleared = text_of(document, "cleared").value_or("");
  root.share = static_cast<unsigned>(std::min<uint64_t>(share, 101));
  if (const auto counted = document.find("counted"); counted != document.end()) {
    if (!counted->is_object()) return false;
    const auto chunks = number_of(*counted, "chunks");
    const auto bytes = number_of(*counted, "bytes");
    const auto at = number_of(*counted, "at");
    if (!chunks || !bytes || !at) return false;
    root.counted = Root::Count{*chunks, *bytes, *at};
  }
  return root.changed != kNoNumber && root.share >= 1 && root.share <= 100;
}

std::optional<std::vector<Digest>> digests_of(const json& document, const char* field) {
  const auto found = document.find(field);
  if (found == document.end() || !found->is_array() || found->size() > kMaxLeasedManifests)
    return std::nullopt;
  std::vector<Digest> digests;
  for (const json& text : *found) {
    const auto digest = text.is_string() ? Digest::from_hex(text.get<std::string>()) : std::nullopt;
    if (!digest) return std::nullopt;
    digests.push_back(*digest);
  }
  return digests;
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
  json document{
      {"format", kFormat},          {"root", root.id},         {"state", root_state_name(root.state)},
      {"salt", root.salt_id.hex()}, {"created", root.created}, {"changed", root.changed},
      {"share", root.share},        {"emptied", root.emptied}};
  if (root.counted) {
    document["counted"] = {
        {"chunks", root.counted->chunks}, {"bytes", root.counted->bytes}, {"at", root.counted->at}};
  }
  if (!root.cleared.empty()) document["cleared"] = root.cleared.substr(0, kMaxWhyBytes);
  return json_text(document, 2) + "\n";
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
  Root root{id, *state, *salt, *created};
  if (!read_course(document, root)) return broken;
  return root;
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

std::string write_lease(const Lease& lease) {
  json manifests = json::array();
  for (const Digest& digest : lease.manifests) manifests.push_back(digest.hex());
  return json{{"format", kFormat}, {"holder", lease.holder.hex()}, {"manifests", manifests}}.dump() + "\n";
}

Result<Lease> parse_lease(ByteView bytes, const Identifier& holder) {
  const json document = parse_document(bytes, kMaxLeaseBytes);
  const Error broken{Code::kDamaged, lease_key(holder) + " is no lease; whoever holds it writes it again"};
  if (document.is_null() || identifier_of(document, "holder") != holder) return broken;
  auto manifests = digests_of(document, "manifests");
  if (!manifests) return broken;
  return Lease{holder, *std::move(manifests)};
}

std::string write_alarm(const Alarm& alarm) {
  const json document{{"format", kFormat},
                      {"root", alarm.root},
                      {"holder", alarm.holder.hex()},
                      {"why", alarm.why.substr(0, kMaxWhyBytes)}};
  return json_text(document, 2) + "\n";
}

Result<Alarm> parse_alarm(ByteView bytes, const RootId& root, const Identifier& holder) {
  const json document = parse_document(bytes);
  const Error broken{Code::kDamaged, alarm_key(root, holder) + " is no alarm that can be read"};
  if (document.is_null() || identifier_of(document, "holder") != holder) return broken;
  const auto why = text_of(document, "why");
  if (!why || text_of(document, "root") != root) return broken;
  return Alarm{root, holder, why->substr(0, kMaxWhyBytes)};
}

}  // namespace thaw
