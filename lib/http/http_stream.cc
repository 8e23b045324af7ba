#include "lib/http/http_stream.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <functional>
#include <new>
#include <optional>
#include <stdexcept>

#include "lib/http/curl_exchange.h"

namespace thaw {
namespace {

// The most that libcurl hands out at once, and what a stream holds.
constexpr size_t kPieceBytes = 256 * 1024;

}  // namespace

struct HttpStreams::Line {
  Line() : multi(curl_multi_init()), easy(curl_easy_init()) {
    if (multi == nullptr || easy == nullptr) throw std::bad_alloc();
  }
  ~Line() {
    curl_easy_cleanup(easy);
    curl_multi_cleanup(multi);
  }
  Line(const Line&) = delete;
  Line& operator=(const Line&) = delete;

  CURLM* multi;
  CURL* easy;
};

class CurlStream final : public HttpStream {
 public:
  CurlStream(HttpStreams& owner, HttpRequest request);
  ~CurlStream() override;
  CurlStream(const CurlStream&) = delete;
  CurlStream& operator=(const CurlStream&) = delete;

  // Waits for the head.
  Status begin();
  const HttpResponse& head() const override { return response_; }
  Result<Buffer> next() override;

 private:
  static size_t on_header(char* data, size_t size, size_t count, void* self);
  static size_t on_body(char* data, size_t size, size_t count, void* self);
  bool take_body(ByteView bytes);
  // Lets libcurl work until `enough` or the end of the exchange.
  void work_until(bool (CurlStream::*enough)() const);
  void look_for_end();
  void end_with(std::optional<Error> error);
  Duration quiet_for() const { return steady_clock().now() - heard_; }

  bool has_head() const { return head_done_; }
  bool has_piece() const { return filled_ > 0; }

  HttpStreams& owner_;
  const HttpRequest request_;
  std::unique_ptr<HttpStreams::Line> line_;
  std::array<char, CURL_ERROR_SIZE> curl_message_{};
  CurlList header_lines_;

  HeadReader head_;
  HttpResponse response_;
  bool head_done_ = false;
  Buffer piece_;
  size_t filled_ = 0;  // bytes of piece_
  bool paused_ = false;
  bool ended_ = false;
  std::optional<Error> error_;
  TimePoint heard_;  // when the server last said something, or the reader began to wait
  std::optional<std::stop_callback<std::function<void()>>> on_stop_;
};

CurlStream::CurlStream(HttpStreams& owner, HttpRequest request)
    : owner_(owner), request_(std::move(request)), line_(owner.take()) {
  CURL* easy = line_->easy;
  header_lines_ = set_request(easy, request_, owner.options_);
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, curl_message_.data());
  curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, static_cast<long>(kPieceBytes));
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, &CurlStream::on_header);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, this);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &CurlStream::on_body);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, this);
  curl_multi_add_handle(line_->multi, easy);
  if (request_.stop.stop_possible())
    on_stop_.emplace(request_.stop, [multi = line_->multi] { curl_multi_wakeup(multi); });
}

CurlStream::~CurlStream() {
  on_stop_.reset();
  // A body that was not taken to its end takes its connection with it.
  curl_multi_remove_handle(line_->multi, line_->easy);
  // It points into this stream.
  curl_easy_reset(line_->easy);
  owner_.give_back(std::move(line_));
}

Status CurlStream::begin() {
  work_until(&CurlStream::has_head);
  if (!head_done_ && error_) return *error_;
  response_.status = status_of(line_->easy);
  response_.headers = head_.take_headers();
  response_.retry_after = retry_after_of(line_->easy);
  return {};
}

Result<Buffer> CurlStream::next() {
  if (paused_) {
    paused_ = false;
    curl_easy_pause(line_->easy, CURLPAUSE_CONT);
  }
  work_until(&CurlStream::has_piece);
  if (filled_ == 0 && error_) return *error_;
  Buffer piece = std::move(piece_);
  piece.truncate(std::exchange(filled_, 0));
  piece_ = Buffer();
  return piece;
}

void CurlStream::work_until(bool (CurlStream::*enough)() const) {
  constexpr std::chrono::milliseconds kLongestPoll{1000};
  heard_ = steady_clock().now();
  while (!ended_ && !(this->*enough)()) {
    int running = 0;
    curl_multi_perform(line_->multi, &running);
    look_for_end();
    if (ended_ || (this->*enough)()) return;
    const std::string server = server_of(request_.url);
    if (request_.stop.stop_requested()) {
      return end_with(Error{Code::kCancelled, server + ": nobody waits for the answer any more"});
    }
    const Duration left = owner_.options_.stall_timeout - quiet_for();
    const Duration time = std::min(left, request_.deadline - steady_clock().now());
    if (time <= Duration::zero()) {
      return end_with(Error{Code::kTimedOut, server + " does not answer in time"});
    }
    const auto wait = std::min<Duration>(time, kLongestPoll);
    curl_multi_poll(line_->multi, nullptr, 0,
                    static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(wait).count()), nullptr);
  }
}

void CurlStream::look_for_end() {
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(line_->multi, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    const CURLcode code = message->data.result;
    if (code == CURLE_OK) return end_with(std::nullopt);
    return end_with(transport_error(code, request_.url, curl_message_.data()));
  }
}

void CurlStream::end_with(std::optional<Error> error) {
  ended_ = true;
  error_ = std::move(error);
}

size_t CurlStream::on_header(char* data, size_t size, size_t count, void* self) {
  auto& stream = *static_cast<CurlStream*>(self);
  stream.heard_ = steady_clock().now();
  if (!stream.head_.take({data, size * count})) return 0;
  if (stream.head_.at_end() && status_of(stream.line_->easy) >= 200) stream.head_done_ = true;
  return size * count;
}

size_t CurlStream::on_body(char* data, size_t size, size_t count, void* self) {
  auto& stream = *static_cast<CurlStream*>(self);
  stream.heard_ = steady_clock().now();
  return stream.take_body(as_bytes({data, size * count})) ? size * count : CURL_WRITEFUNC_PAUSE;
}

bool CurlStream::take_body(ByteView bytes) {
  if (piece_.empty()) piece_ = Buffer(kPieceBytes);
  if (bytes.size() > piece_.size() - filled_) {
    paused_ = true;
    return false;
  }
  std::memcpy(piece_.data() + filled_, bytes.data(), bytes.size());
  filled_ += bytes.size();
  return true;
}

HttpStreams::HttpStreams(HttpOptions options) : options_(std::move(options)) { start_libcurl(); }

HttpStreams::~HttpStreams() = default;

Result<std::unique_ptr<HttpStream>> HttpStreams::open(HttpRequest request) {
  auto stream = std::make_unique<CurlStream>(*this, std::move(request));
  THAW_TRY(stream->begin());
  return std::unique_ptr<HttpStream>(std::move(stream));
}

std::unique_ptr<HttpStreams::Line> HttpStreams::take() {
  const MutexLock lock(mutex_);
  if (spare_.empty()) return std::make_unique<Line>();
  auto line = std::move(spare_.back());
  spare_.pop_back();
  return line;
}

void HttpStreams::give_back(std::unique_ptr<Line> line) {
  const MutexLock lock(mutex_);
  spare_.push_back(std::move(line));
}

}  // namespace thaw
