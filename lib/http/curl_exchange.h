// What every exchange tells libcurl and hears from it: the request, the lines of the answer's head, what an
// error means. For this room alone.
//
// No state of their own: on the thread that owns the handle.
#pragma once

#include <curl/curl.h>

#include <memory>
#include <string>
#include <string_view>

#include "lib/base/result.h"
#include "lib/http/http_client.h"

namespace thaw {

struct FreeCurlList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using CurlList = std::unique_ptr<curl_slist, FreeCurlList>;

// Once a process, before anything else of libcurl. Throws std::runtime_error.
void start_libcurl();

// Sets URL, method, headers, body and the timeout for connecting. The list must live as long as the exchange.
CurlList set_request(CURL* handle, const HttpRequest& request, const HttpOptions& options);

// Collects the headers of an answer, line by line as libcurl hands them out.
class HeadReader {
 public:
  // False when there are more of them than anybody needs.
  bool take(std::string_view line);
  // Whether the line that was taken last ended a head.
  bool at_end() const { return at_end_; }
  HttpHeaders take_headers() { return std::move(headers_); }

 private:
  HttpHeaders headers_;
  size_t bytes_ = 0;
  bool at_end_ = false;
};

int status_of(CURL* handle);
// Bounded; zero when there is none.
std::chrono::seconds retry_after_of(CURL* handle);

// What `code` means for a request to `url`; `message`: what libcurl adds, may be empty.
Error transport_error(CURLcode code, const std::string& url, const char* message);

// "http://HOST:PORT" of an URL.
std::string server_of(const std::string& url);

}  // namespace thaw
