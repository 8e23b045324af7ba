// HttpTransfer: one exchange: a request, what has come of its response, and who waits for it.
//
// Belongs to the client's loop once it was submitted; only its stop token acts from other threads. libcurl
// calls back into it while it runs, so it does not move.
#pragma once

#include <curl/curl.h>

#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <optional>

#include "lib/base/completion.h"
#include "lib/http/curl_exchange.h"
#include "lib/http/http_client.h"
#include "lib/http/socket_table.h"

namespace thaw {

class HttpTransfer {
 public:
  // `wake` makes the loop look at is_cancelled().
  HttpTransfer(HttpRequest request, Completion<HttpResponse> done, std::function<void()> wake);

  // Prepares `handle` for the exchange; the caller hands it to libcurl.
  void attach(CURL* handle, const HttpOptions& options, SocketTable& sockets);
  CURL* handle() const { return handle_; }

  bool is_cancelled() const { return cancelled_.load(std::memory_order_relaxed); }
  TimePoint deadline() const { return request_.deadline; }

  // What the exchange came to, once libcurl ended it with `code`.
  Result<HttpResponse> result(CURLcode code);
  Error cancelled_error() const;
  Error expired_error() const;

  void complete(Result<HttpResponse> result) { done_(std::move(result)); }

 private:
  void set_timeouts(const HttpOptions& options);
  static size_t on_header(char* data, size_t size, size_t count, void* self);
  static size_t on_body(char* data, size_t size, size_t count, void* self);
  void acknowledge() const;
  bool take_body(ByteView bytes);
  bool begin_body();

  const HttpRequest request_;
  Completion<HttpResponse> done_;
  CURL* handle_ = nullptr;
  SocketTable* sockets_ = nullptr;
  CurlList header_lines_;
  std::array<char, CURL_ERROR_SIZE> curl_message_{};

  HttpResponse response_;
  HeadReader head_;
  bool body_began_ = false;
  bool length_known_ = false;
  uint64_t limit_ = 0;     // of this body
  uint64_t received_ = 0;  // bytes of it
  Bytes grown_;            // the body while its length is not known
  bool too_long_ = false;

  std::atomic<bool> cancelled_{false};
  // Last: it ends before what it sets goes.
  std::optional<std::stop_callback<std::function<void()>>> on_stop_;
};

}  // namespace thaw
