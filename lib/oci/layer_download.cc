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

LayerDownload::LayerDownload(const Begin& begin, Spool spool, Executor& executor)
    : bytes_(begin(stop_.get_token())), spool_(std::move(spool)) {
  executor.post(Task(Downloader(*this)));
}

LayerDownload::~LayerDownload() {
  stop_.request_stop();
  const MutexLock lock(mutex_);
  while (!ended_) changed_.wait(mutex_);
}

void LayerDownload::download() {
  while (!stop_.stop_requested()) {
    auto piece = bytes_->next();
    if (!piece.ok()) return end(std::move(piece).error());
    if (piece->empty()) return end({});
    if (Status stored = store(piece->view()); !stored.ok()) return end(std::move(stored));
  }
  end(Error{Code::kCancelled, "the download was stopped"});
}

Status LayerDownload::store(ByteView bytes) {
  const auto stored = spool_.append(bytes);
  if (!stored.ok()) return stored.error();
  const MutexLock lock(mutex_);
  written_ += bytes.size();
  changed_.notify_all();
  return {};
}

void LayerDownload::end(Status status) {
  const MutexLock lock(mutex_);
  ended_ = std::move(status);
  changed_.notify_all();
}

Result<Buffer> LayerDownload::next() {
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
