#include "cache/zone/memcached_reply.h"

#include <charconv>

namespace thaw {
namespace {

std::optional<uint64_t> number(std::string_view text) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string_view next_word(std::string_view& rest) {
  const size_t end = rest.find(' ');
  const std::string_view word = rest.substr(0, end);
  rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
  return word;
}

ReplyLine::Kind kind_of(std::string_view word) {
  if (word == "VA") return ReplyLine::Kind::kValue;
  if (word == "HD" || word == "MN") return ReplyLine::Kind::kDone;
  if (word == "EN" || word == "NF") return ReplyLine::Kind::kMissing;
  if (word == "NS" || word == "EX") return ReplyLine::Kind::kNotStored;
  if (word == "SERVER_ERROR") return ReplyLine::Kind::kRefused;
  return ReplyLine::Kind::kGarbage;
}

}  // namespace

ReplyLine parse_reply_line(std::string_view line) {
  ReplyLine reply;
  reply.kind = kind_of(next_word(line));
  if (reply.kind == ReplyLine::Kind::kRefused) reply.why = line;
  if (reply.kind == ReplyLine::Kind::kRefused || reply.kind == ReplyLine::Kind::kGarbage) return reply;
  if (reply.kind == ReplyLine::Kind::kValue) {
    const auto bytes = number(next_word(line));
    if (!bytes) return {};
    reply.value_bytes = *bytes;
  }
  while (!line.empty()) {
    const std::string_view flag = next_word(line);
    if (flag.empty()) continue;
    if (flag.front() == 'O') {
      reply.opaque = number(flag.substr(1));
      if (!reply.opaque) return {};
    }
    if (flag == "W") reply.won = true;
  }
  return reply;
}

}  // namespace thaw
