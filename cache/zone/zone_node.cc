#include "cache/zone/zone_node.h"

#include <algorithm>
#include <charconv>
#include <set>

namespace thaw {
namespace {

constexpr size_t kMaxHostBytes = 255;

Error not_a_node(const std::string& text, std::string_view why) {
  return {Code::kUsage, "zone node \"" + text + "\": " + std::string(why) +
                            "; a node is HOST:PORT or HOST:PORT@DOMAIN, like 10.0.0.7:11211@rack-2"};
}

bool is_label(std::string_view text, std::string_view others) {
  return !text.empty() && text.size() <= kMaxHostBytes && std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           others.find(c) != std::string_view::npos;
  });
}

std::optional<uint16_t> parse_port(std::string_view text) {
  uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size() || port == 0) return std::nullopt;
  return port;
}

Result<ZoneNode> parse_zone_node(const std::string& text) {
  std::string_view rest = text;
  ZoneNode node;
  if (const size_t at = rest.find('@'); at != std::string_view::npos) {
    node.domain = rest.substr(at + 1);
    rest = rest.substr(0, at);
    if (!is_label(node.domain, "._-")) return not_a_node(text, "its domain is not made of [A-Za-z0-9._-]");
  }
  const size_t colon = rest.rfind(':');
  if (colon == std::string_view::npos) return not_a_node(text, "it has no port");
  const auto port = parse_port(rest.substr(colon + 1));
  if (!port) return not_a_node(text, "its port is not a number from 1 to 65535");
  node.name = rest;
  std::string_view host = rest.substr(0, colon);
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  if (!is_label(host, bracketed ? ":." : "._-")) {
    return not_a_node(text, "its host is neither a name nor an address (IPv6 stands in brackets)");
  }
  node.host = host;
  node.port = *port;
  auto address = numeric_address(node.host, *port);
  if (address.ok()) node.address = std::move(address).value();
  return node;
}

}  // namespace

Result<std::vector<ZoneNode>> parse_zone_nodes(const std::vector<std::string>& texts) {
  if (texts.size() > kMaxZoneNodes) {
    return Error{Code::kUsage, std::to_string(texts.size()) + " zone nodes are too many; at most " +
                                   std::to_string(kMaxZoneNodes) + " are possible"};
  }
  std::vector<ZoneNode> nodes;
  std::set<std::string> names;
  for (const std::string& text : texts) {
    THAW_ASSIGN(ZoneNode node, parse_zone_node(text));
    if (!names.insert(node.name).second) return not_a_node(text, "it is named twice");
    nodes.push_back(std::move(node));
  }
  return nodes;
}

}  // namespace thaw
