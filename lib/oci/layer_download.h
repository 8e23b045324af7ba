// LayerDownload: a layer that is downloaded on an Executor into an anonymous file of the spool folder, ahead
// of its reader, so that the next layers arrive while one is applied. What came of the registry itself is
// read at once; what a mirror had a part in is held back until its digest is right, and dropped when it is
// not.
//
// All but the download belongs to one thread, which must not be a thread of the executor; the destructor
// stops the download and waits for its end.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>

#include "lib/base/executor.h"
#include "lib/base/mutex.h"
#include "lib/oci/registry_blob.h"
#include "lib/tree/spool.h"

namespace thaw {

class LayerDownload final : public ByteStream {
 public:
  // Makes the bytes; the token stops them.
  using Begin = std::function<std::unique_ptr<RegistryBlob>(std::stop_token)>;

  LayerDownload(const Begin& begin, Spool spool);
  ~LayerDownload() override;
  LayerDownload(const LayerDownload&) = delete;
  LayerDownload& operator=(const LayerDownload&) = delete;

  // Once, before next(). Without it the first next() downloads everything on its own thread.
  void start(Executor& executor);

  Result<Buffer> next() override;

 private:
  class Downloader;

  void download();
  Status download_once();
  Status store(ByteView bytes);
  void end(Status status);

  std::stop_source stop_;
  bool started_ = false;
  const std::unique_ptr<RegistryBlob> bytes_;
  Spool spool_;            // the downloader appends, the reader reads what is counted in written_
  uint64_t position_ = 0;  // the reader's

  Mutex mutex_;
  CondVar changed_;
  uint64_t written_ GUARDED_BY(mutex_) = 0;
  std::optional<Status> ended_ GUARDED_BY(mutex_);
};

}  // namespace thaw
