#include "lib/http/http_transfer.h"

#include <algorithm>
#include <climits>
#include <cstring>

namespace thaw {
namespace {

// Larger than libcurl's 16 KiB: fewer system calls a chunk. One such buffer a running exchange.
constexpr long kReceiveBufferBytes = 128 * 1024;

long milliseconds(Duration duration) {
  const auto ms = std::chrono::ceil<std::chrono::milliseconds>(duration).count();
  return static_cast<long>(std::clamp<int64_t>(ms, 1, INT_MAX));
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
  header_lines_ = set_request(handle, request_, options);
  set_timeouts(options);
  curl_easy_setopt(handle, CURLOPT_PRIVATE, this);
  curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, curl_message_.data());
  curl_easy_setopt(handle, CURLOPT_BUFFERSIZE, kReceiveBufferBytes);
  curl_easy_setopt(handle, CURLOPT_HEADERFUNCTION, &HttpTransfer::on_header);
  curl_easy_setopt(handle, CURLOPT_HEADERDATA, this);
  curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, &HttpTransfer::on_body);
  curl_easy_setopt(handle, CURLOPT_WRITEDATA, this);
}

void HttpTransfer::set_timeouts(const HttpOptions& options) {
  curl_easy_setopt(handle_, CURLOPT_LOW_SPEED_LIMIT, 1L);
  curl_easy_setopt(handle_, CURLOPT_LOW_SPEED_TIME,
                   static_cast<long>(std::chrono::ceil<std::chrono::seconds>(options.stall_timeout).count()));
  if (request_.deadline == TimePoint::max()) return;
  curl_easy_setopt(handle_, CURLOPT_TIMEOUT_MS, milliseconds(request_.deadline - steady_clock().now()));
}

size_t HttpTransfer::on_header(char* data, size_t size, size_t count, void* self) {
  auto& transfer = *static_cast<HttpTransfer*>(self);
  if (!transfer.head_.take({data, size * count})) return 0;
  if (transfer.head_.at_end()) transfer.acknowledge();
  return size * count;
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
  const int status = status_of(handle_);
  curl_off_t length = -1;
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
  response_.status = status_of(handle_);
  response_.headers = head_.take_headers();
  response_.retry_after = retry_after_of(handle_);
  if (too_long_ && response_.succeeded()) {
    return Error{Code::kDamaged, server_of(request_.url) + " sends " + std::to_string(received_) +
                                     " bytes or more, and at most " + std::to_string(limit_) +
                                     " are expected"};
  }
  // An error's explanation was cut off; its status is what counts.
  if (code != CURLE_OK && !too_long_) return transport_error(code, request_.url, curl_message_.data());
  if (!length_known_) response_.body = Buffer::copy_of(grown_);
  return std::move(response_);
}

Error HttpTransfer::cancelled_error() const {
  return {Code::kCancelled, server_of(request_.url) + ": nobody waits for the answer any more"};
}

Error HttpTransfer::expired_error() const {
  return {Code::kTimedOut,
          server_of(request_.url) + ": the deadline passed before the request could be sent"};
}

}  // namespace thaw
