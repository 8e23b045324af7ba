// ImageReader: range → chunks → plaintext, for one image.
//
// Owned by the mount that serves the image; source, memory, counters and the budgets belong to the daemon
// and outlive it and the reads that it started. Any thread may call. It may be destroyed while reads are open
// (they finish), but not while a call to read() runs.
#pragma once

#include <cstdint>
#include <memory>

#include "lib/chunk/chunk_source.h"
#include "lib/chunk/chunk_store.h"
#include "lib/image/first_reads.h"
#include "lib/image/held_chunks.h"
#include "lib/image/image_map.h"
#include "lib/image/nearby_reads.h"
#include "lib/image/read_ahead.h"
#include "lib/image/readable_range.h"
#include "lib/metrics/tier_counters.h"

namespace thaw {

class ImageReader {
 public:
  struct Parts {
    ChunkSource& source;
    ChunkStore& memory;  // told of chunks whose bytes changed while they lay there
    ReadAheadBudget& budget;
    HeldChunks& held;
    ImageCounters& counters;
    FirstReads* first_reads = nullptr;  // told of what readers ask for; nobody wants to know it otherwise
    NearbyReads* nearby = nullptr;      // the same, and what was not in memory; nothing is guessed otherwise
  };

  // REQUIRES: check(*map) is good
  ImageReader(std::shared_ptr<const ImageMap> map, Parts parts);

  // Gathers device[offset, offset + length), less what lies beyond the device's end. `done` runs inside the
  // call when all is in memory. Errors: those of ChunkSource::get.
  void read(uint64_t offset, uint32_t length, const Fetch& fetch, Completion<ReadableRange> done);

  // For a range whose copy_to() found damage: drops the chunks that changed from memory, and gathers it once
  // more. kDamaged when that happens again and again.
  void read_again(ReadableRange range, const Fetch& fetch, Completion<ReadableRange> done);

  const ImageMap& map() const { return *map_; }

 private:
  std::shared_ptr<const ImageMap> map_;
  Parts parts_;
  ReadAhead read_ahead_;
};

}  // namespace thaw
