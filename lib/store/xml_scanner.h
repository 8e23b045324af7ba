// XmlScanner: reads the small part of XML that S3 answers with: elements and text, one event at a time. Pure;
// for bytes that nobody trusts.
//
// No DOCTYPE (so no entities of one's own), no CDATA; attributes, comments and processing instructions are
// skipped. Elements may be kMaxDepth deep. The text is bounded by whoever received it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace thaw {

class XmlScanner {
 public:
  static constexpr size_t kMaxDepth = 16;

  enum class Kind : uint8_t {
    kOpen,   // `text` is the element's name, without a namespace prefix
    kClose,  // as well
    kText,   // with its entities decoded; between two elements it may be blanks only
    kEnd,
    kBroken,  // not well-formed, or not of this small part; the same from then on
  };

  struct Event {
    Kind kind = Kind::kEnd;
    std::string text;
  };

  explicit XmlScanner(std::string_view document) : rest_(document) {}

  Event next();
  // Of open elements.
  size_t depth() const { return open_.size(); }

 private:
  Event broken();
  Event take_text();
  Event take_tag();
  Event close(std::string_view name);
  bool skip_past(std::string_view mark);

  std::string_view rest_;
  std::vector<std::string> open_;
  bool close_at_once_ = false;  // <x/> was opened
  bool broken_ = false;
};

// "&lt;" and the like, and "&#…;", as UTF-8; nothing when there is another entity or a stray "&".
std::optional<std::string> decode_xml_entities(std::string_view text);

}  // namespace thaw
