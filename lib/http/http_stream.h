// HttpStreams: HTTP/1.1 and HTTPS exchanges whose answers are taken piece by piece by a thread that waits for
// them: for bodies that are too large to hold. What is not taken stays with the server: an open stream holds
// a few hundred KiB and no more.
//
// Any thread may open; a stream belongs to one thread at a time, which does the work (it starts no thread).
// Connections are kept for later exchanges, one for each stream that was open at a time. No redirects.
//
// Errors as HttpClient's; kTimedOut also when nothing comes for HttpOptions::stall_timeout. A request's
// max_bytes is not looked at: who takes the pieces counts them.
#pragma once

#include <memory>
#include <vector>

#include "lib/base/mutex.h"
#include "lib/base/result.h"
#include "lib/http/http_client.h"

namespace thaw {

class HttpStream {
 public:
  virtual ~HttpStream() = default;

  // Status and headers; the body is empty.
  virtual const HttpResponse& head() const = 0;

  // The next bytes of the body; an empty buffer is its end. Blocks. Not called again after an error or the
  // end.
  virtual Result<Buffer> next() = 0;
};

class HttpStreams {
 public:
  // Throws std::runtime_error when libcurl cannot start.
  explicit HttpStreams(HttpOptions options);
  // REQUIRES: no stream of it is left
  ~HttpStreams();
  HttpStreams(const HttpStreams&) = delete;
  HttpStreams& operator=(const HttpStreams&) = delete;

  // Blocks until the head of the answer is there, whatever its status. The request's stop token ends the
  // stream too; its body must live as long.
  Result<std::unique_ptr<HttpStream>> open(HttpRequest request) EXCLUDES(mutex_);

 private:
  friend class CurlStream;
  struct Line;  // libcurl's handles, with the connection that they keep

  std::unique_ptr<Line> take() EXCLUDES(mutex_);
  void give_back(std::unique_ptr<Line> line) EXCLUDES(mutex_);

  const HttpOptions options_;
  Mutex mutex_;
  std::vector<std::unique_ptr<Line>> spare_ GUARDED_BY(mutex_);  // as many as were open at a time
};

}  // namespace thaw
