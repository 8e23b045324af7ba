#include "lib/build/verify_image.h"

#include <algorithm>
#include <unordered_set>

#include "lib/base/mutex.h"
#include "lib/build/chunk_fetch.h"
#include "lib/build/in_flight.h"

namespace thaw {
namespace {

constexpr size_t kInFlight = 16;

class Verification {
 public:
  explicit Verification(const std::vector<ManifestChunk>& chunks) {
    std::unordered_set<ChunkId, ChunkIdHash> seen;
    for (const ManifestChunk& chunk : chunks) {
      if (seen.insert(chunk.id).second) distinct_.push_back(chunk);
    }
  }

  Result<VerifyReport> run(const OpenedImage& image, ObjectReader& store, const ProgressFn& progress) {
    InFlight in_flight(kInFlight);
    for (const ManifestChunk& chunk : distinct_) {
      Completion<void> done = in_flight.start();
      if (!done) break;
      fetch_chunk(store, image.roots, chunk.ref(),
                  [this, &chunk, done = std::move(done)](const Result<SealedChunk>& fetched) mutable {
                    done(judge(chunk, fetched));
                  });
      if (progress) progress({in_flight.finished(), distinct_.size()});
    }
    THAW_TRY(in_flight.drain());
    if (progress) progress({distinct_.size(), distinct_.size()});
    return report();
  }

 private:
  Status judge(const ManifestChunk& chunk, const Result<SealedChunk>& fetched) EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    if (fetched.ok()) {
      bytes_ += chunk.stored_length;
    } else if (fetched.error().code == Code::kDamaged || fetched.error().code == Code::kNotFound) {
      bad_.push_back({chunk.id, chunk.index, fetched.error().message});
    } else {
      return fetched.error();
    }
    return {};
  }

  VerifyReport report() EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    std::sort(bad_.begin(), bad_.end(), by_index);
    return {distinct_.size(), bytes_, bad_};
  }

  static bool by_index(const BadChunk& a, const BadChunk& b) { return a.index < b.index; }

  std::vector<ManifestChunk> distinct_;  // constant after construction
  Mutex mutex_;
  uint64_t bytes_ GUARDED_BY(mutex_) = 0;
  std::vector<BadChunk> bad_ GUARDED_BY(mutex_);
};

}  // namespace

Result<VerifyReport> verify_image(const OpenedImage& image, ObjectReader& store, const ProgressFn& progress) {
  return Verification(image.manifest.clear.chunks).run(image, store, progress);
}

}  // namespace thaw
