// HttpRequest, HttpResponse: one exchange with a server, as values.
#pragma once

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/base/buffer.h"
#include "lib/base/clock.h"

namespace thaw {

enum class HttpMethod : uint8_t { kGet, kHead, kPut, kPost, kDelete };

constexpr std::string_view method_name(HttpMethod method) {
  switch (method) {
    case HttpMethod::kGet:
      return "GET";
    case HttpMethod::kHead:
      return "HEAD";
    case HttpMethod::kPut:
      return "PUT";
    case HttpMethod::kPost:
      return "POST";
    case HttpMethod::kDelete:
      return "DELETE";
  }
  return "GET";
}

// Names in lower case.
using HttpHeaders = std::vector<std::pair<std::string, std::string>>;

struct HttpRequest {
  HttpMethod method = HttpMethod::kGet;
  std::string url;  // http or https, encoded; sent as it stands
  HttpHeaders headers;
  ByteView body;           // of a PUT or POST; must live until the completion runs
  uint64_t max_bytes = 0;  // of a 2xx answer's body
  TimePoint deadline = TimePoint::max();
  std::stop_token stop;
};

struct HttpResponse {
  int status = 0;
  HttpHeaders headers;
  // Of another status than 2xx: its first kMaxErrorBodyBytes.
  Buffer body;
  // Of the Retry-After header, whether it is a number or a date; zero when there is none.
  std::chrono::seconds retry_after{0};

  // Empty when there is none.
  std::string_view header(std::string_view name) const {
    for (const auto& [known, value] : headers) {
      if (known == name) return value;
    }
    return {};
  }
  bool succeeded() const { return status >= 200 && status < 300; }
};

inline constexpr uint64_t kMaxErrorBodyBytes = 16 * 1024;

}  // namespace thaw
