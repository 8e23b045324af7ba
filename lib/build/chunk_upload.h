// ChunkUpload: reads a device's chunks, seals them, and puts those into a root that it lacks.
//
// One upload is one object: constructed and run() by one thread that may wait; its stages run on `workers`
// and on the store's threads, at most `in_flight` chunks at a time (each holds up to two chunks of memory).
// A chunk that occurs twice in the image is stored once. "Present" means that the length is right, or with
// Existing::kVerify the bytes; anything else is replaced. With Existing::kTrustMemory the store is asked
// about one known chunk in kKnownToAsked; if it lacks that, then about each. Chunks are durable when run()
// returns.
#pragma once

#include <atomic>
#include <memory>
#include <unordered_set>
#include <vector>

#include "lib/base/executor.h"
#include "lib/base/mutex.h"
#include "lib/build/chunk_salts.h"
#include "lib/build/device_source.h"
#include "lib/build/in_flight.h"
#include "lib/build/known_chunks.h"
#include "lib/build/progress.h"
#include "lib/crypto/seal.h"
#include "lib/manifest/manifest.h"
#include "lib/store/catalog.h"

namespace thaw {

enum class Existing : uint8_t {
  kTrustMemory,  // what KnownChunks knows is taken; another as with kTrustLength
  kTrustLength,  // a stored chunk of the right length is taken
  kVerify,       // it is read, and replaced when it is damaged
};

struct UploadOptions {
  Existing existing = Existing::kTrustLength;
  size_t in_flight = 32;
  ProgressFn progress;
};

inline constexpr uint64_t kKnownToAsked = 32;

struct UploadedChunks {
  std::vector<ManifestChunk> chunks;  // ascending by index
  KeyTable keys;
  uint64_t distinct = 0;
  uint64_t unasked = 0;     // taken for present without asking the store
  uint64_t new_chunks = 0;  // stored by this upload, replaced ones among them
  uint64_t new_bytes = 0;   // of ciphertext
};

class ChunkUpload {
 public:
  // `known` is asked with Existing::kTrustMemory. REQUIRES: all but `options` outlive it
  ChunkUpload(const DeviceSource& device, const BuildPlace& place, ChunkSalts& salts, Catalog& catalog,
              const KnownChunks& known, Executor& workers, UploadOptions options);

  // Blocks. The first error ends the upload; what was stored until then stays, unnamed.
  Result<UploadedChunks> run();

 private:
  // One of the device's chunks on its way.
  struct Chunk;
  using ChunkPtr = std::unique_ptr<Chunk>;
  // What became of the chunk at the same place in shape().chunks; a stored_length of 0 is a chunk of zeros.
  struct Outcome {
    ManifestChunk chunk;
    Secret key;
  };

  Status upload(const std::vector<size_t>& positions);
  Status ask_for_unasked() EXCLUDES(mutex_);
  void start(size_t position, Completion<void> done);
  // The stages, in their order; each hands the chunk to the next or completes it.
  void read_and_seal(ChunkPtr chunk);
  void look_up(ChunkPtr chunk);
  bool take_as_known(const Chunk& chunk) EXCLUDES(mutex_);
  void on_size(ChunkPtr chunk, Result<uint64_t> size);
  void on_existing(ChunkPtr chunk, Result<Object> existing);
  void store(ChunkPtr chunk, PutIf condition);
  void on_stored(ChunkPtr chunk, Result<PutOutcome> outcome);

  Buffer take_buffer() EXCLUDES(mutex_);
  void give_back(Buffer buffer) EXCLUDES(mutex_);
  bool first_of_its_kind(const ChunkId& id) EXCLUDES(mutex_);
  void report_progress();
  Result<UploadedChunks> collect() EXCLUDES(mutex_);

  const DeviceSource& device_;
  const BuildPlace& place_;
  ChunkSalts& salts_;
  Catalog& catalog_;
  const KnownChunks& known_;
  Executor& workers_;
  const UploadOptions options_;
  InFlight in_flight_;
  std::vector<Outcome> outcomes_;  // each written by one chunk's stages only, read after the drain
  std::atomic<uint64_t> known_seen_{0};
  std::atomic<bool> known_lies_{false};  // the store lacks what was known to be there
  std::atomic<uint64_t> new_chunks_{0};
  std::atomic<uint64_t> new_bytes_{0};

  Mutex mutex_;
  std::unordered_set<ChunkId, ChunkIdHash> seen_ GUARDED_BY(mutex_);
  std::vector<size_t> unasked_ GUARDED_BY(mutex_);  // positions
  // Of one chunk each, for plaintext; fresh memory costs as much as hashing it. At most one a worker thread.
  std::vector<Buffer> buffers_ GUARDED_BY(mutex_);
};

}  // namespace thaw
