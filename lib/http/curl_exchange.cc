#include "lib/http/curl_exchange.h"

#include <algorithm>
#include <cctype>
#include <climits>
#include <mutex>
#include <stdexcept>

namespace thaw {
namespace {

constexpr size_t kMaxHeaderBytes = 32 * 1024;  // of one response

// Longer ones are not told apart, nor do they overflow a Duration.
constexpr curl_off_t kMaxRetryAfterSeconds = 24 * 3600;

std::string_view trimmed(std::string_view text) {
  const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

std::string lower_case(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return lower;
}

bool is_loopback(const std::string& url) {
  const std::string server = server_of(url);
  const std::string host = server.substr(std::min(server.find("://") + 3, server.size()));
  return host.starts_with("127.") || host.starts_with("localhost") || host.starts_with("[::1]");
}

// Unlike an upload, fields are sent from where they lie, also a second time on another connection.
void set_body(CURL* handle, ByteView body) {
  curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
  curl_easy_setopt(handle, CURLOPT_POSTFIELDS,
                   body.empty() ? "" : reinterpret_cast<const char*>(body.data()));
}

void set_method(CURL* handle, const HttpRequest& request) {
  switch (request.method) {
    case HttpMethod::kGet:
      curl_easy_setopt(handle, CURLOPT_HTTPGET, 1L);
      break;
    case HttpMethod::kHead:
      curl_easy_setopt(handle, CURLOPT_NOBODY, 1L);
      break;
    case HttpMethod::kPut:
      set_body(handle, request.body);
      curl_easy_setopt(handle, CURLOPT_CUSTOMREQUEST, "PUT");
      break;
    case HttpMethod::kPost:
      set_body(handle, request.body);
      break;
    case HttpMethod::kDelete:
      curl_easy_setopt(handle, CURLOPT_CUSTOMREQUEST, "DELETE");
      break;
  }
}

}  // namespace

void start_libcurl() {
  static std::once_flag once;
  std::call_once(once, [] {
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
      throw std::runtime_error("libcurl cannot be started");
  });
}

CurlList set_request(CURL* handle, const HttpRequest& request, const HttpOptions& options) {
  curl_easy_setopt(handle, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(handle, CURLOPT_PATH_AS_IS, 1L);  // what was signed is what is sent
  curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(handle, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
  const bool direct = options.proxies == ProxyUse::kNone || is_loopback(request.url);
  curl_easy_setopt(handle, CURLOPT_PROXY, direct ? "" : nullptr);
  curl_easy_setopt(handle, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
  // A name that is still being looked up when its request ends must not hold up the loop.
  curl_easy_setopt(handle, CURLOPT_QUICK_EXIT, 1L);
  const auto connect_ms = std::chrono::ceil<std::chrono::milliseconds>(options.connect_timeout).count();
  curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS,
                   static_cast<long>(std::clamp<int64_t>(connect_ms, 1, INT_MAX)));
  if (!options.ca_file.empty()) curl_easy_setopt(handle, CURLOPT_CAINFO, options.ca_file.c_str());
  // A header without a value keeps libcurl from sending one of its own.
  curl_slist* lines = curl_slist_append(nullptr, "Expect:");
  lines = curl_slist_append(lines, "Content-Type:");
  for (const auto& [name, value] : request.headers) {
    lines = curl_slist_append(lines, (name + ": " + value).c_str());
  }
  curl_easy_setopt(handle, CURLOPT_HTTPHEADER, lines);
  set_method(handle, request);
  return CurlList(lines);
}

bool HeadReader::take(std::string_view line) {
  bytes_ += line.size();
  if (bytes_ > kMaxHeaderBytes) return false;
  at_end_ = line == "\r\n";
  if (line.starts_with("HTTP/")) {
    headers_.clear();  // of a 100 before this answer
    return true;
  }
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos) return true;
  headers_.emplace_back(lower_case(trimmed(line.substr(0, colon))), trimmed(line.substr(colon + 1)));
  return true;
}

int status_of(CURL* handle) {
  long status = 0;
  curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
  return static_cast<int>(status);
}

std::chrono::seconds retry_after_of(CURL* handle) {
  curl_off_t retry_after = 0;
  curl_easy_getinfo(handle, CURLINFO_RETRY_AFTER, &retry_after);
  return std::chrono::seconds(std::clamp<curl_off_t>(retry_after, 0, kMaxRetryAfterSeconds));
}

Error transport_error(CURLcode code, const std::string& url, const char* message) {
  const std::string server = server_of(url);
  std::string why = message[0] != '\0' ? message : curl_easy_strerror(code);
  std::ranges::replace_if(
      why, [](unsigned char c) { return c < ' ' || c == 0x7f; }, ' ');
  switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
      return {Code::kTimedOut, server + " does not answer in time: " + why};
    case CURLE_PEER_FAILED_VERIFICATION:
      return {Code::kRefused, server + " has a certificate that is not trusted: " + why};
    case CURLE_SSL_CACERT_BADFILE:
      return {Code::kUsage, server + ": the CA file cannot be read: " + why};
    case CURLE_UNSUPPORTED_PROTOCOL:
      // Also what libcurl says of an answer that is not HTTP.
      if (url.starts_with("http://") || url.starts_with("https://"))
        return {Code::kUnreachable, server + " does not answer with HTTP: " + why};
      [[fallthrough]];
    case CURLE_URL_MALFORMAT:
      return {Code::kUsage, server + " is no address of an HTTP server: " + why};
    default:
      return {Code::kUnreachable, server + " cannot be reached: " + why};
  }
}

std::string server_of(const std::string& url) {
  const size_t begin = url.find("://");
  const size_t host = begin == std::string::npos ? 0 : begin + 3;
  return url.substr(0, url.find('/', host));
}

}  // namespace thaw
