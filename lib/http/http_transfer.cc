#include "lib/http/http_transfer.h"

#include <algorithm>
#include <cctype>
#include <climits>
#include <cstring>

namespace thaw {
namespace {

constexpr size_t kMaxHeaderBytes = 32 * 1024;  // of one response
// Larger than libcurl's 16 KiB: fewer system calls a chunk. One such buffer a running exchange.
constexpr long kReceiveBufferBytes = 128 * 1024;

// Longer ones are not told apart, nor do they overflow a Duration.
constexpr curl_off_t kMaxRetryAfterSeconds = 24 * 3600;

long milliseconds(Duration duration) {
  const auto ms = std::chrono::ceil<std::chrono::milliseconds>(duration).count();
  return static_cast<long>(std::clamp<int64_t>(ms, 1, INT_MAX));
}

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

}  // namespace

HttpTransfer::HttpTransfer(HttpRequest request, Completion<HttpResponse> done, std::function<void()> wake)
    : request_(std::move(request)), done_(std::move(done)) {
  if (!request_.stop.stop_possible()) return;
  on_stop_.emplace(request_.stop, [this, wake = std::move(wake)] {
    cancelled_.store(true, std::memory_order_relaxed);
    wake();
  });
}

void HttpTransfer::attach(CURL* handle, const HttpOptions& options, SocketTable& sockets) {
  handle_ = handle;
  sockets_ = &sockets;
  curl_easy_reset(handle);
  sockets.watch(handle);
  set_request(options);
  set_method();
  set_timeouts(options);
}

void HttpTransfer::set_request(const HttpOptions& options) {
  curl_easy_setopt(handle_, CURLOPT_PRIVATE, this);
  curl_easy_setopt(handle_, CURLOPT_ERRORBUFFER, curl_message_.data());
  curl_easy_setopt(handle_, CURLOPT_URL, request_.url.c_str());
  curl_easy_setopt(handle_, CURLOPT_PATH_AS_IS, 1L);  // what was signed is what is sent
  curl_easy_setopt(handle_, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(handle_, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
  curl_easy_setopt(handle_, CURLOPT_PROXY, "");
  curl_easy_setopt(handle_, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(handle_, CURLOPT_BUFFERSIZE, kReceiveBufferBytes);
  // A name that is still being looked up when its request ends must not hold up the loop.
  curl_easy_setopt(handle_, CURLOPT_QUICK_EXIT, 1L);
  if (!options.ca_file.empty()) curl_easy_setopt(handle_, CURLOPT_CAINFO, options.ca_file.c_str());
  curl_easy_setopt(handle_, CURLOPT_HEADERFUNCTION, &HttpTransfer::on_header);
  curl_easy_setopt(handle_, CURLOPT_HEADERDATA, this);
  curl_easy_setopt(handle_, CURLOPT_WRITEFUNCTION, &HttpTransfer::on_body);
  curl_easy_setopt(handle_, CURLOPT_WRITEDATA, this);
}

void HttpTransfer::set_method() {
  // A header without a value keeps libcurl from sending one of its own.
  curl_slist* lines = curl_slist_append(nullptr, "Expect:");
  lines = curl_slist_append(lines, "Content-Type:");
  for (const auto& [name, value] : request_.headers) {
    lines = curl_slist_append(lines, (name + ": " + value).c_str());
  }
  header_lines_.reset(lines);
  curl_easy_setopt(handle_, CURLOPT_HTTPHEADER, lines);
  switch (request_.method) {
    case HttpMethod::kGet:
      curl_easy_setopt(handle_, CURLOPT_HTTPGET, 1L);
      break;
    case HttpMethod::kHead:
      curl_easy_setopt(handle_, CURLOPT_NOBODY, 1L);
      break;
    case HttpMethod::kPut:
      // Unlike an upload, fields are sent from where they lie, also a second time on another connection.
      curl_easy_setopt(handle_, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request_.body.size()));
      curl_easy_setopt(handle_, CURLOPT_POSTFIELDS,
                       request_.body.empty() ? "" : reinterpret_cast<const char*>(request_.body.data()));
      curl_easy_setopt(handle_, CURLOPT_CUSTOMREQUEST, "PUT");
      break;
    case HttpMethod::kDelete:
      curl_easy_setopt(handle_, CURLOPT_CUSTOMREQUEST, "DELETE");
      break;
  }
}

void HttpTransfer::set_timeouts(const HttpOptions& options) {
  curl_easy_setopt(handle_, CURLOPT_CONNECTTIMEOUT_MS, milliseconds(options.connect_timeout));
  curl_easy_setopt(handle_, CURLOPT_LOW_SPEED_LIMIT, 1L);
  curl_easy_setopt(handle_, CURLOPT_LOW_SPEED_TIME,
                   static_cast<long>(std::chrono::ceil<std::chrono::seconds>(options.stall_timeout).count()));
  if (request_.deadline == TimePoint::max()) return;
  curl_easy_setopt(handle_, CURLOPT_TIMEOUT_MS, milliseconds(request_.deadline - steady_clock().now()));
}

size_t HttpTransfer::on_header(char* data, size_t size, size_t count, void* self) {
  auto& transfer = *static_cast<HttpTransfer*>(self);
  transfer.header_bytes_ += size * count;
  if (transfer.header_bytes_ > kMaxHeaderBytes) return 0;
  transfer.take_header({data, size * count});
  return size * count;
}

void HttpTransfer::take_header(std::string_view line) {
  if (line == "\r\n") return acknowledge();
  if (line.starts_with("HTTP/")) {
    response_.headers.clear();  // of a 100 before this answer
    return;
  }
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos) return;
  response_.headers.emplace_back(lower_case(trimmed(line.substr(0, colon))), trimmed(line.substr(colon + 1)));
}

// A server that sends its headers apart from the body, and Nagle's algorithm after them, as Ceph's gateway
// does by default, waits for the acknowledgement that this kernel delays by 40 ms.
void HttpTransfer::acknowledge() const {
  long port = 0;
  curl_easy_getinfo(handle_, CURLINFO_LOCAL_PORT, &port);
  sockets_->acknowledge(port);
}

size_t HttpTransfer::on_body(char* data, size_t size, size_t count, void* self) {
  auto& transfer = *static_cast<HttpTransfer*>(self);
  return transfer.take_body(as_bytes({data, size * count})) ? size * count : 0;
}

// Decides where the body goes; false when it is longer than anybody wants it.
bool HttpTransfer::begin_body() {
  body_began_ = true;
  long status = 0;
  curl_off_t length = -1;
  curl_easy_getinfo(handle_, CURLINFO_RESPONSE_CODE, &status);
  curl_easy_getinfo(handle_, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
  const bool wanted = status >= 200 && status < 300;
  limit_ = wanted ? request_.max_bytes : kMaxErrorBodyBytes;
  if (length < 0 || !wanted) return true;
  if (static_cast<uint64_t>(length) > limit_) {
    received_ = static_cast<uint64_t>(length);
    too_long_ = true;
    return false;
  }
  length_known_ = true;
  response_.body = Buffer(static_cast<size_t>(length));
  return true;
}

bool HttpTransfer::take_body(ByteView bytes) {
  if (!body_began_ && !begin_body()) return false;
  const uint64_t room = limit_ - std::min(limit_, received_);
  if (bytes.size() > room) {
    if (!length_known_) grown_.insert(grown_.end(), bytes.begin(), bytes.begin() + static_cast<long>(room));
    received_ += bytes.size();
    too_long_ = true;
    return false;
  }
  if (length_known_) {
    if (received_ + bytes.size() > response_.body.size()) return false;
    std::memcpy(response_.body.data() + received_, bytes.data(), bytes.size());
  } else {
    grown_.insert(grown_.end(), bytes.begin(), bytes.end());
  }
  received_ += bytes.size();
  return true;
}

Result<HttpResponse> HttpTransfer::result(CURLcode code) {
  long status = 0;
  curl_easy_getinfo(handle_, CURLINFO_RESPONSE_CODE, &status);
  response_.status = static_cast<int>(status);
  curl_off_t retry_after = 0;
  curl_easy_getinfo(handle_, CURLINFO_RETRY_AFTER, &retry_after);
  response_.retry_after = std::chrono::seconds(std::clamp<curl_off_t>(retry_after, 0, kMaxRetryAfterSeconds));
  if (too_long_ && response_.succeeded()) {
    return Error{Code::kDamaged, server() + " sends " + std::to_string(received_) +
                                     " bytes or more, and at most " + std::to_string(limit_) +
                                     " are expected"};
  }
  // An error's explanation was cut off; its status is what counts.
  if (code != CURLE_OK && !too_long_) return transport_error(code);
  if (!length_known_) response_.body = Buffer::copy_of(grown_);
  return std::move(response_);
}

Error HttpTransfer::transport_error(CURLcode code) const {
  std::string why = curl_message_[0] != '\0' ? curl_message_.data() : curl_easy_strerror(code);
  std::ranges::replace_if(
      why, [](unsigned char c) { return c < ' ' || c == 0x7f; }, ' ');
  switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
      return {Code::kTimedOut, server() + " does not answer in time: " + why};
    case CURLE_PEER_FAILED_VERIFICATION:
      return {Code::kRefused, server() + " has a certificate that is not trusted: " + why};
    case CURLE_SSL_CACERT_BADFILE:
      return {Code::kUsage, server() + ": the CA file cannot be read: " + why};
    case CURLE_UNSUPPORTED_PROTOCOL:
      // Also what libcurl says of an answer that is not HTTP.
      if (request_.url.starts_with("http://") || request_.url.starts_with("https://"))
        return {Code::kUnreachable, server() + " does not answer with HTTP: " + why};
      [[fallthrough]];
    case CURLE_URL_MALFORMAT:
      return {Code::kUsage, server() + " is no address of an HTTP server: " + why};
    default:
      return {Code::kUnreachable, server() + " cannot be reached: " + why};
  }
}

Error HttpTransfer::cancelled_error() const {
  return {Code::kCancelled, server() + ": nobody waits for the answer any more"};
}

Error HttpTransfer::expired_error() const {
  return {Code::kTimedOut, server() + ": the deadline passed before the request could be sent"};
}

// "http://HOST:PORT"
std::string HttpTransfer::server() const {
  const size_t begin = request_.url.find("://");
  const size_t host = begin == std::string::npos ? 0 : begin + 3;
  return request_.url.substr(0, request_.url.find('/', host));
}

}  // namespace thaw
