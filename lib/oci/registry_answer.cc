#include "lib/oci/registry_answer.h"

#include <algorithm>
#include <cctype>

#include "lib/oci/json.h"

namespace thaw {
namespace {

constexpr size_t kMaxErrorCodeBytes = 64;

// The first code of {"errors": [{"code": "MANIFEST_UNKNOWN", …}]}; empty when there is none.
std::string error_code_in(const std::string& body) {
  const auto document = parse_json(body, Limits{});
  if (!document.ok()) return {};
  const Json& errors = member(document.value(), "errors");
  if (!errors.is_array() || errors.empty()) return {};
  const auto code = text_member(errors.front(), "code");
  const auto plain = [](unsigned char c) { return std::isalnum(c) != 0 || c == '_' || c == '-'; };
  if (!code.ok() || code->size() > kMaxErrorCodeBytes) return {};
  return std::ranges::all_of(code.value(), plain) ? code.value() : std::string();
}

}  // namespace

Result<std::string> read_body(HttpStream& answer, uint64_t max_bytes) {
  std::string body;
  for (;;) {
    THAW_ASSIGN(const Buffer piece, answer.next());
    if (piece.empty()) return body;
    if (body.size() + piece.size() > max_bytes) {
      return Error{Code::kFailed, "the registry answers with more than the " + std::to_string(max_bytes) +
                                      " bytes that a document may have (max_json_bytes)"};
    }
    body += as_text(piece.view());
  }
}

std::string said_by(HttpStream& answer) {
  const auto body = read_body(answer, kMaxErrorBodyBytes);
  const std::string code = body.ok() ? error_code_in(body.value()) : std::string();
  return "HTTP status " + std::to_string(answer.head().status) + (code.empty() ? "" : ", " + code);
}

bool is_passing(int status) {
  return status == 408 || status == 429 || (status >= 500 && status != 501 && status != 505);
}

}  // namespace thaw
