// The keys of the objects in a store (docs/formats/store.md). Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "lib/base/digest.h"
#include "lib/chunk/sealed_chunk.h"
#include "lib/manifest/identifier.h"

namespace thaw {

// A root's number in decimal, counted up from "1": the newest is the highest.
using RootId = std::string;

inline constexpr std::string_view kStoreKey = "store.json";
inline constexpr std::string_view kRootsFolder = "roots/";

std::string salt_key(const Identifier& salt_id);
std::string root_folder(const RootId& root);   // ends with "/"
RootId root_of_key(std::string_view key);      // empty for what is in no root
std::string root_key(const RootId& root);      // its root.json
std::string chunk_folder(const RootId& root);  // ends with "/"
std::string chunk_key(const RootId& root, const ChunkId& id);
std::string manifest_folder(const RootId& root);  // ends with "/"
std::string manifest_key(const RootId& root, const Digest& digest);
std::string envelope_folder(const RootId& root);  // ends with "/"
std::string envelope_key(const RootId& root, const Digest& digest);
std::string trace_key(const RootId& root, const Digest& digest);
std::string path_order_key(const RootId& root, const Digest& digest);

// "/" in a name is written "~", which no name holds, so that a name is one folder and web:x does not collide
// with web/x:latest.
std::string images_folder(std::string_view tenant);  // ends with "/"
std::string tenant_salt_key(std::string_view tenant);
std::string name_key(std::string_view tenant, std::string_view name, std::string_view tag);

// Whoever uses images writes what he uses into a lease of his own; whoever finds an expired root in use, an
// alarm. `holder`: 32 hexadecimal digits.
inline constexpr std::string_view kLeaseFolder = "leases/";
inline constexpr std::string_view kTenantsFolder = "tenants/";
std::string lease_key(const Identifier& holder);
std::string alarm_folder(const RootId& root);  // ends with "/"
std::string alarm_key(const RootId& root, const Identifier& holder);

struct NameAndTag {
  std::string name;
  std::string tag;
};
// The inverse, for what images_folder(tenant) lists.
std::optional<NameAndTag> parse_name_key(std::string_view tenant, std::string_view key);
// The tenant of a key below kTenantsFolder; empty for another key.
std::string tenant_of_key(std::string_view key);

// Relative, at most 1024 bytes, made of components [A-Za-z0-9._~-]{1,255} other than "." and ".."; the first
// does not begin with ".".
bool is_object_key(std::string_view key);

}  // namespace thaw
