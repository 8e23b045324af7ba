// HttpClient: HTTP/1.1 and HTTPS exchanges, many at a time, over connections that are kept alive.
//
// One thread, which daemon/ starts with run() and ends with stop(), does all of the work (curl_multi); any
// thread may submit, and never waits. Completions run on the loop's thread and must not block. At most
// HttpOptions::connections exchanges run; more of them wait in a queue that is as long as their callers let
// it be. No redirects, no other protocols.
//
// An answer of any status is a response. Errors: kUnreachable (refused, reset, short body), kTimedOut,
// kCancelled (stop token, stop()), kDamaged (a body longer than max_bytes: never allocated when its length is
// announced), kRefused (the server's certificate is not trusted), kUsage (no URL, no CA file).
#pragma once

#include <atomic>
#include <deque>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "lib/base/completion.h"
#include "lib/base/mutex.h"
#include "lib/http/http_message.h"

namespace thaw {

// What stands between: nothing, or for other machines than this one what http_proxy, https_proxy and no_proxy
// name.
enum class ProxyUse : uint8_t { kNone, kEnvironment };

struct HttpOptions {
  uint32_t connections = 64;
  Duration connect_timeout = std::chrono::seconds(5);
  Duration stall_timeout = std::chrono::seconds(20);  // no byte in either direction
  std::string ca_file;                                // empty: the system's
  ProxyUse proxies = ProxyUse::kNone;
};

class HttpTransfer;

class HttpClient {
 public:
  // Throws std::runtime_error when libcurl cannot start.
  explicit HttpClient(HttpOptions options);
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;
  // REQUIRES: run() is not running. What was never answered completes with kCancelled.
  ~HttpClient();

  void submit(HttpRequest request, Completion<HttpResponse> done) EXCLUDES(mutex_);

  // How many exchanges may run from now on; those that run do so to their end.
  void set_connections(uint32_t connections);

  // Serves until stop(); what is open then completes with kCancelled.
  void run() EXCLUDES(mutex_);
  void stop() EXCLUDES(mutex_);

 private:
  struct Handles;  // libcurl's
  using TransferPtr = std::unique_ptr<HttpTransfer>;

  void wake();
  bool take_submitted() EXCLUDES(mutex_);
  void start_queued();
  void drop_unwanted();
  void finish_ended();
  void finish(HttpTransfer& transfer, Result<HttpResponse> result);
  void wait_for_more();

  const HttpOptions options_;
  std::atomic<uint32_t> connections_;
  // The loop's own, but for the wake-up. They outlive the transfers, whose stop tokens wake the loop.
  const std::unique_ptr<Handles> handles_;

  Mutex mutex_;
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::vector<TransferPtr> submitted_ GUARDED_BY(mutex_);

  // The loop's own.
  std::deque<TransferPtr> queued_;
  std::list<TransferPtr> running_;
};

}  // namespace thaw
