#include "lib/store/xml_scanner.h"

#include <algorithm>
#include <charconv>

namespace thaw {
namespace {

constexpr size_t kMaxElementName = 128;
constexpr std::string_view kBlanks = " \t\r\n";

bool append_utf8(uint32_t code, std::string& out) {
  const auto tail = [&out, code](int shift) {
    out += static_cast<char>(0x80 | ((code >> static_cast<unsigned>(shift)) & 0x3f));
  };
  if (code == 0 || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return false;
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xc0 | (code >> 6));
    tail(0);
  } else if (code < 0x10000) {
    out += static_cast<char>(0xe0 | (code >> 12));
    tail(6);
    tail(0);
  } else {
    out += static_cast<char>(0xf0 | (code >> 18));
    tail(12);
    tail(6);
    tail(0);
  }
  return true;
}

// `entity` without "&" and ";".
bool append_entity(std::string_view entity, std::string& out) {
  constexpr std::pair<std::string_view, char> kNamed[] = {
      {"lt", '<'}, {"gt", '>'}, {"amp", '&'}, {"quot", '"'}, {"apos", '\''}};
  for (const auto& [name, character] : kNamed) {
    if (entity != name) continue;
    out += character;
    return true;
  }
  if (!entity.starts_with('#')) return false;
  entity.remove_prefix(1);
  const bool hexadecimal = entity.starts_with('x');
  if (hexadecimal) entity.remove_prefix(1);
  uint32_t code = 0;
  const auto [end, error] =
      std::from_chars(entity.data(), entity.data() + entity.size(), code, hexadecimal ? 16 : 10);
  return error == std::errc{} && end == entity.data() + entity.size() && append_utf8(code, out);
}

std::string_view without_prefix(std::string_view name) {
  const size_t colon = name.find(':');
  return colon == std::string_view::npos ? name : name.substr(colon + 1);
}

}  // namespace

std::optional<std::string> decode_xml_entities(std::string_view text) {
  std::string decoded;
  while (!text.empty()) {
    const size_t ampersand = text.find('&');
    decoded += text.substr(0, ampersand);
    if (ampersand == std::string_view::npos) break;
    const size_t end = text.find(';', ampersand);
    if (end == std::string_view::npos) return std::nullopt;
    if (!append_entity(text.substr(ampersand + 1, end - ampersand - 1), decoded)) return std::nullopt;
    text.remove_prefix(end + 1);
  }
  return decoded;
}

XmlScanner::Event XmlScanner::broken() {
  broken_ = true;
  return {Kind::kBroken, {}};
}

XmlScanner::Event XmlScanner::next() {
  if (broken_) return broken();
  if (close_at_once_) {
    close_at_once_ = false;
    return close(open_.back());
  }
  while (rest_.starts_with("<?") || rest_.starts_with("<!--")) {
    if (!skip_past(rest_.starts_with("<?") ? "?>" : "-->")) return broken();
  }
  if (rest_.empty()) return open_.empty() ? Event{Kind::kEnd, {}} : broken();
  return rest_.front() == '<' ? take_tag() : take_text();
}

bool XmlScanner::skip_past(std::string_view mark) {
  const size_t at = rest_.find(mark);
  if (at == std::string_view::npos) return false;
  rest_.remove_prefix(at + mark.size());
  return true;
}

XmlScanner::Event XmlScanner::take_text() {
  const std::string_view text = rest_.substr(0, rest_.find('<'));
  rest_.remove_prefix(text.size());
  auto decoded = decode_xml_entities(text);
  if (!decoded) return broken();
  if (!open_.empty()) return {Kind::kText, *std::move(decoded)};
  // Around the outermost element there are blanks at most.
  if (text.find_first_not_of(kBlanks) != std::string_view::npos) return broken();
  return next();
}

XmlScanner::Event XmlScanner::take_tag() {
  const size_t end = rest_.find('>');
  if (end == std::string_view::npos) return broken();
  std::string_view tag = rest_.substr(1, end - 1);
  rest_.remove_prefix(end + 1);
  if (tag.starts_with('/')) {
    tag.remove_prefix(1);
    return close(tag.substr(0, tag.find_first_of(kBlanks)));
  }
  close_at_once_ = tag.ends_with('/');
  if (close_at_once_) tag.remove_suffix(1);
  const std::string_view name = tag.substr(0, tag.find_first_of(kBlanks));
  const bool odd = name.empty() || name.size() > kMaxElementName || name.starts_with('!') ||
                   name.find_first_of("<&\"'=") != std::string_view::npos;
  if (odd || open_.size() >= kMaxDepth) return broken();
  open_.emplace_back(name);
  return {Kind::kOpen, std::string(without_prefix(name))};
}

XmlScanner::Event XmlScanner::close(std::string_view name) {
  if (open_.empty() || open_.back() != name) return broken();
  Event event{Kind::kClose, std::string(without_prefix(name))};
  open_.pop_back();
  return event;
}

}  // namespace thaw
