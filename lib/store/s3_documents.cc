#include "lib/store/s3_documents.h"

#include <algorithm>
#include <charconv>
#include <ctime>
#include <optional>

#include "lib/store/xml_scanner.h"

namespace thaw {
namespace {

using Kind = XmlScanner::Kind;

constexpr size_t kMaxKeyBytes = 1024;  // S3's own limit
constexpr size_t kMaxCodeBytes = 64;

Error no_list() { return {Code::kDamaged, "the server's answer is no list of objects"}; }

// The text of the element that was just opened, up to its end; children, if any, are skipped.
std::optional<std::string> text_of_element(XmlScanner& xml) {
  const size_t outside = xml.depth() - 1;
  std::string text;
  while (xml.depth() > outside) {
    const XmlScanner::Event event = xml.next();
    if (event.kind == Kind::kBroken || event.kind == Kind::kEnd) return std::nullopt;
    if (event.kind == Kind::kText && xml.depth() == outside + 1) text += event.text;
  }
  return text;
}

std::optional<uint64_t> parse_number(const std::string& text) {
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// "2009-10-12T17:50:30.000Z" (ISO 8601, in UTC), to the second.
uint64_t parse_time(const std::string& text) {
  std::tm parts{};
  const char* end = ::strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &parts);
  if (end == nullptr || text.back() != 'Z') return 0;
  const time_t seconds = ::timegm(&parts);
  return seconds > 0 ? static_cast<uint64_t>(seconds) : 0;
}

// Calls `take(name, text)` for each child of the element that is open, up to its end. False when the document
// is broken or a child is refused.
template <class Take>
bool for_each_child(XmlScanner& xml, Take take) {
  for (;;) {
    const XmlScanner::Event event = xml.next();
    if (event.kind == Kind::kClose) return true;
    if (event.kind == Kind::kText) continue;
    if (event.kind != Kind::kOpen || !take(event.text)) return false;
  }
}

std::optional<S3ListedKey> take_contents(XmlScanner& xml) {
  S3ListedKey listed;
  bool sized = false;
  const bool whole = for_each_child(xml, [&](const std::string& name) {
    const auto text = text_of_element(xml);
    if (!text) return false;
    if (name == "Key") listed.key = *text;
    if (name == "LastModified") listed.modified = parse_time(*text);
    if (name != "Size") return true;
    const auto size = parse_number(*text);
    if (size) listed.size = *size;
    sized = size.has_value();
    return sized;
  });
  if (!whole || !sized || listed.key.empty() || listed.key.size() > kMaxKeyBytes) return std::nullopt;
  return listed;
}

}  // namespace

Result<S3ListPage> parse_list_page(ByteView document) {
  XmlScanner xml(as_text(document));
  const XmlScanner::Event root = xml.next();
  if (root.kind != Kind::kOpen || root.text != "ListBucketResult") return no_list();
  S3ListPage page;
  const bool whole = for_each_child(xml, [&](const std::string& name) {
    if (name == "Contents") {
      auto listed = take_contents(xml);
      if (!listed || page.keys.size() == kMaxS3KeysPerPage) return false;
      page.keys.push_back(*std::move(listed));
      return true;
    }
    const auto text = text_of_element(xml);
    if (!text) return false;
    if (name == "IsTruncated") page.truncated = *text == "true";
    if (name == "NextContinuationToken") page.next = *text;
    return true;
  });
  if (!whole || xml.next().kind != Kind::kEnd) return no_list();
  return page;
}

std::string without_quotes(std::string_view tag) {
  if (tag.size() >= 2 && tag.starts_with('"') && tag.ends_with('"')) tag = tag.substr(1, tag.size() - 2);
  return std::string(tag);
}

std::string parse_error_code(ByteView document) {
  XmlScanner xml(as_text(document));
  const XmlScanner::Event root = xml.next();
  if (root.kind != Kind::kOpen || root.text != "Error") return {};
  std::string code;
  // A document that was cut off after its code has said enough.
  (void)for_each_child(xml, [&](const std::string& name) {
    const auto text = text_of_element(xml);
    if (text && name == "Code") code = *text;
    return text && code.empty();
  });
  const bool plain = std::ranges::all_of(code, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  });
  return plain && code.size() <= kMaxCodeBytes ? code : std::string();
}

// Keys of a store need no escapes (is_object_key); a prefix may.
std::string removal_document(const std::vector<std::string>& keys) {
  std::string document = "<Delete><Quiet>true</Quiet>";
  for (const std::string& key : keys) {
    document += "<Object><Key>";
    for (const char c : key) {
      if (c == '&')
        document += "&amp;";
      else if (c == '<')
        document += "&lt;";
      else if (c == '>')
        document += "&gt;";
      else
        document += c;
    }
    document += "</Key></Object>";
  }
  return document + "</Delete>";
}

Result<std::string> parse_removal_answer(ByteView document) {
  const Error broken{Code::kDamaged, "the server does not say what became of the objects to be removed"};
  XmlScanner xml(as_text(document));
  const XmlScanner::Event root = xml.next();
  if (root.kind != Kind::kOpen || root.text != "DeleteResult") return broken;
  std::string first;
  const bool whole = for_each_child(xml, [&](const std::string& name) {
    if (name != "Error") return text_of_element(xml).has_value();
    return for_each_child(xml, [&](const std::string& field) {
      const auto text = text_of_element(xml);
      if (text && field == "Code" && first.empty()) first = *text;
      return text.has_value();
    });
  });
  if (!whole || xml.next().kind != Kind::kEnd) return broken;
  return first;
}

}  // namespace thaw
