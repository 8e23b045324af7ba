// ChunkSalts: with which salt each chunk of one image is sealed. The root's (or tenant's), or salts that are
// derived from it, so that a chunk which many images share is several objects, and one that is bad, or hot,
// concerns fewer of them: those of one period, of one zone, and, of a chunk that many images use, those of
// one group (docs/formats/salt.md, "Salts apart").
//
// Readers know nothing of it: a manifest has the key of each chunk.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <unordered_set>

#include "lib/base/digest.h"
#include "lib/base/mutex.h"
#include "lib/build/chunk_uses.h"
#include "lib/crypto/secret.h"
#include "lib/store/catalog.h"

namespace thaw {

struct SaltApart {
  std::chrono::milliseconds by_time{0};  // how long a period is; 0: not by time
  std::string by_zone;                   // where the builder builds for; empty: not by zone
  uint64_t popular = 0;                  // chunks that more images use; 0: not by popularity
  uint64_t groups = 16;                  // of images, each with a salt of its own for popular chunks
  std::string uses_folder;               // where the builder remembers which images use a chunk
};

// Where a builder remembers the uses of chunks under the place's salt; there is no such file unless it has
// built with SaltApart::popular.
std::string uses_file(const BuildPlace& place, const SaltApart& apart);

class ChunkSalts {
 public:
  struct Image {
    std::string tenant;
    std::string name;  // without a tag: the versions of an image are one
  };

  // `now` counts from 1970. kDamaged when what was remembered is not right. Blocks.
  static Result<std::unique_ptr<ChunkSalts>> create(const BuildPlace& place, const SaltApart& apart,
                                                    const Image& image, std::chrono::milliseconds now);

  // For a chunk with that sealed_content(). Any thread.
  const Secret& salt_of(const Digest& content) EXCLUDES(mutex_);

  // Remembers that the image uses what salt_of() was asked for. Once, when the image is stored. Blocks.
  Status remember() EXCLUDES(mutex_);

  // The period's number; 0 without periods.
  uint64_t period() const { return period_; }
  // Different chunks of the image that were taken for popular.
  uint64_t popular_chunks() EXCLUDES(mutex_);

 private:
  ChunkSalts() = default;
  Status know_uses(const BuildPlace& place, const SaltApart& apart, const Image& image);

  uint64_t period_ = 0;
  Secret salt_;  // of the period and zone
  uint64_t popular_ = 0;
  Secret popular_salt_;  // the same, of the image's group
  Secret tag_key_;
  ChunkUses::Bits image_bit_ = 0;
  ChunkUses uses_;  // before this image
  std::string uses_file_;

  Mutex mutex_;
  std::unordered_set<ChunkUses::Tag> used_ GUARDED_BY(mutex_);
  uint64_t popular_chunks_ GUARDED_BY(mutex_) = 0;
};

}  // namespace thaw
