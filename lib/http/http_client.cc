#include "lib/http/http_client.h"

#include <algorithm>
#include <new>
#include <stdexcept>

#include "lib/http/http_transfer.h"

namespace thaw {
namespace {

// Nothing needs the loop to look sooner: libcurl knows its own timers, and who submits or cancels wakes it.
constexpr std::chrono::milliseconds kLongestWait{1000};

Error shutting_down() { return {Code::kCancelled, "the HTTP client is shutting down"}; }

}  // namespace

struct HttpClient::Handles {
  Handles() {
    start_libcurl();
    multi = curl_multi_init();
    if (multi == nullptr) throw std::runtime_error("libcurl cannot make a multi handle");
  }
  ~Handles() {
    for (CURL* handle : spare) curl_easy_cleanup(handle);
    curl_multi_cleanup(multi);
  }
  Handles(const Handles&) = delete;
  Handles& operator=(const Handles&) = delete;

  CURL* take() {
    if (!spare.empty()) {
      CURL* handle = spare.back();
      spare.pop_back();
      return handle;
    }
    CURL* handle = curl_easy_init();
    if (handle == nullptr) throw std::bad_alloc();
    return handle;
  }

  SocketTable sockets;
  CURLM* multi = nullptr;
  std::vector<CURL*> spare;  // at most as many as there were exchanges at a time
};

HttpClient::HttpClient(HttpOptions options)
    : options_(std::move(options)),
      connections_(options_.connections),
      handles_(std::make_unique<Handles>()) {}

HttpClient::~HttpClient() = default;

void HttpClient::wake() { curl_multi_wakeup(handles_->multi); }

void HttpClient::submit(HttpRequest request, Completion<HttpResponse> done) {
  auto transfer = std::make_unique<HttpTransfer>(std::move(request), std::move(done), [this] { wake(); });
  bool accepted = false;
  {
    const MutexLock lock(mutex_);
    accepted = !stopping_;
    if (accepted) submitted_.push_back(std::move(transfer));
  }
  // NOLINTNEXTLINE(bugprone-use-after-move): moved only when it was accepted
  if (!accepted) return transfer->complete(shutting_down());
  wake();
}

void HttpClient::set_connections(uint32_t connections) {
  connections_ = connections;
  wake();
}

void HttpClient::stop() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
  }
  wake();
}

void HttpClient::run() {
  while (take_submitted()) {
    drop_unwanted();
    start_queued();
    int running = 0;
    curl_multi_perform(handles_->multi, &running);
    finish_ended();
    wait_for_more();
  }
  while (!running_.empty()) finish(*running_.front(), shutting_down());
  while (!queued_.empty()) {
    const TransferPtr transfer = std::move(queued_.front());
    queued_.pop_front();
    transfer->complete(shutting_down());
  }
}

// False when the loop is to end.
bool HttpClient::take_submitted() {
  const MutexLock lock(mutex_);
  for (TransferPtr& transfer : submitted_) queued_.push_back(std::move(transfer));
  submitted_.clear();
  return !stopping_;
}

void HttpClient::start_queued() {
  const uint32_t connections = connections_;
  curl_multi_setopt(handles_->multi, CURLMOPT_MAXCONNECTS, static_cast<long>(connections));
  while (!queued_.empty() && running_.size() < connections) {
    TransferPtr transfer = std::move(queued_.front());
    queued_.pop_front();
    CURL* handle = handles_->take();
    transfer->attach(handle, options_, handles_->sockets);
    running_.push_back(std::move(transfer));
    curl_multi_add_handle(handles_->multi, handle);
  }
}

// Ends what nobody waits for, and what has waited in the queue for too long; libcurl ends what is late.
void HttpClient::drop_unwanted() {
  for (auto next = running_.begin(); next != running_.end();) {
    HttpTransfer& transfer = **next++;
    if (transfer.is_cancelled()) finish(transfer, transfer.cancelled_error());
  }
  const TimePoint now = steady_clock().now();
  std::vector<TransferPtr> dropped;
  for (TransferPtr& transfer : queued_) {
    if (transfer->is_cancelled() || transfer->deadline() <= now) dropped.push_back(std::move(transfer));
  }
  std::erase_if(queued_, [](const TransferPtr& transfer) { return transfer == nullptr; });
  for (const TransferPtr& transfer : dropped) {
    transfer->complete(transfer->is_cancelled() ? transfer->cancelled_error() : transfer->expired_error());
  }
}

void HttpClient::finish_ended() {
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(handles_->multi, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    HttpTransfer* transfer = nullptr;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
    finish(*transfer, transfer->result(message->data.result));
  }
}

void HttpClient::finish(HttpTransfer& transfer, Result<HttpResponse> result) {
  curl_multi_remove_handle(handles_->multi, transfer.handle());
  // It points into the transfer, which ends here.
  curl_easy_reset(transfer.handle());
  handles_->spare.push_back(transfer.handle());
  const auto place = std::ranges::find(running_, &transfer, &TransferPtr::get);
  const TransferPtr owned = std::move(*place);
  running_.erase(place);
  owned->complete(std::move(result));
}

void HttpClient::wait_for_more() {
  Duration wait = kLongestWait;
  const TimePoint now = steady_clock().now();
  for (const TransferPtr& transfer : queued_) wait = std::min(wait, transfer->deadline() - now);
  const bool more = !queued_.empty() && running_.size() < connections_;
  const auto ms = std::chrono::ceil<std::chrono::milliseconds>(wait).count();
  curl_multi_poll(handles_->multi, nullptr, 0, more ? 0 : static_cast<int>(std::max<int64_t>(ms, 0)),
                  nullptr);
}

}  // namespace thaw
