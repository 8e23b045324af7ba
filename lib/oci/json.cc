#include "lib/oci/json.h"

#include <algorithm>

#include "lib/json/json_text.h"
#include "lib/oci/context.h"

namespace thaw {
namespace {

// The parser needs no stack for nesting, but what handles the document later may.
uint64_t depth_of(std::string_view text) {
  uint64_t depth = 0;
  uint64_t deepest = 0;
  bool quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted && c == '\\') {
      ++i;
    } else if (c == '"') {
      quoted = !quoted;
    } else if (!quoted && (c == '{' || c == '[')) {
      deepest = std::max(deepest, ++depth);
    } else if (!quoted && (c == '}' || c == ']') && depth > 0) {
      --depth;
    }
  }
  return deepest;
}

}  // namespace

Result<Json> parse_json(std::string_view text, const Limits& limits) {
  if (text.size() > limits.max_json_bytes) {
    return over_limit("a document of " + std::to_string(text.size()) + " bytes", "max_json_bytes",
                      limits.max_json_bytes);
  }
  if (depth_of(text) > limits.max_json_depth) {
    return over_limit("a document's nesting", "max_json_depth", limits.max_json_depth);
  }
  Json document = read_json(text);
  if (!document.is_object() && !document.is_array()) return damaged("not a JSON document");
  return document;
}

const Json& member(const Json& object, const char* key) {
  static const Json kNull;
  if (!object.is_object()) return kNull;
  const auto found = object.find(key);
  return found == object.end() ? kNull : *found;
}

Result<std::string> text_member(const Json& object, const char* key) {
  const Json& value = member(object, key);
  if (value.is_null()) return std::string();
  if (!value.is_string()) return damaged(std::string("\"") + key + "\" is not a string");
  return value.get<std::string>();
}

Result<std::vector<std::string>> list_member(const Json& object, const char* key) {
  const Json& value = member(object, key);
  std::vector<std::string> list;
  if (value.is_null()) return list;
  if (!value.is_array()) return damaged(std::string("\"") + key + "\" is not a list");
  for (const Json& element : value) {
    if (!element.is_string()) return damaged(std::string("\"") + key + "\" is not a list of strings");
    list.push_back(element.get<std::string>());
  }
  return list;
}

}  // namespace thaw
