#include "lib/oci/layer_download.h"

#include <algorithm>
#include <utility>

namespace thaw {

// The task. An executor that shuts down destroys it without running it: the reader must hear of that too.
class LayerDownload::Downloader {
 public:
  explicit Downloader(LayerDownload& owner) : owner_(&owner) {}
  Downloader(Downloader&& other) noexcept : owner_(std::exchange(other.owner_, nullptr)) {}
  Downloader& operator=(Downloader&&) = delete;
  ~Downloader() {
    if (owner_ != nullptr) owner_->end(Error{Code::kCancelled, "the program is shutting down"});
  }
  void operator()() { std::exchange(owner_, nullptr)->download(); }

 private:
  LayerDownload* owner_;
};

LayerDownload::LayerDownload(const Begin& begin, Spool spool)
    : bytes_(begin(stop_.get_token())), spool_(std::move(spool)) {}

void LayerDownload::start(Executor& executor) {
  started_ = true;
  executor.post(Task(Downloader(*this)));
}

LayerDownload::~LayerDownload() {
  stop_.request_stop();
  if (!started_) return;
  const MutexLock lock(mutex_);
  while (!ended_) changed_.wait(mutex_);
}

void LayerDownload::download() {
  Status all = download_once();
  while (!all.ok() && bytes_->start_over()) {
    all = spool_.clear();
    if (all.ok()) all = download_once();
  }
  end(std::move(all));
}

Status LayerDownload::download_once() {
  while (!stop_.stop_requested()) {
    THAW_ASSIGN(const Buffer piece, bytes_->next());
    if (piece.empty()) return {};
    THAW_TRY(store(piece.view()));
  }
  return Error{Code::kCancelled, "the download was stopped"};
}

Status LayerDownload::store(ByteView bytes) {
  const auto stored = spool_.append(bytes);
  if (!stored.ok()) return stored.error();
  if (!bytes_->is_settled()) return {};
  const MutexLock lock(mutex_);
  written_ = spool_.size();
  changed_.notify_all();
  return {};
}

void LayerDownload::end(Status status) {
  const MutexLock lock(mutex_);
  if (status.ok()) written_ = spool_.size();
  ended_ = std::move(status);
  changed_.notify_all();
}

Result<Buffer> LayerDownload::next() {
  if (!started_) {
    started_ = true;
    download();
  }
  uint64_t ready = 0;
  {
    const MutexLock lock(mutex_);
    while (written_ == position_ && !ended_) changed_.wait(mutex_);
    ready = written_ - position_;
    if (ready == 0 && !ended_->ok()) return ended_->error();
  }
  Buffer piece(static_cast<size_t>(std::min<uint64_t>(ready, kStreamBytes)));
  if (piece.empty()) return piece;
  THAW_TRY(spool_.read(position_, piece.mutable_view()));
  position_ += piece.size();
  return piece;
}

}  // namespace thaw
