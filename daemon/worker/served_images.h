// ServedImages: the images that this worker serves, as the block files that the FUSE session shows.
//
// Owned by the worker. FUSE readers call the BlockFiles part, control threads add and remove; a read that is
// open keeps its image alive.
#pragma once

#include <atomic>
#include <memory>
#include <shared_mutex>
#include <string>
#include <unordered_map>

#include "daemon/counters_page.h"
#include "daemon/wiring.h"
#include "fuse/block_files.h"
#include "lib/image/image_reader.h"

namespace thaw {

enum class Outage : uint8_t { kError, kWait };

struct ReadPolicy {
  Duration deadline{};
  Outage outage = Outage::kError;
};

class ServedImages final : public BlockFiles {
 public:
  // `chain`, `counters` and `clock` outlive it.
  ServedImages(Chain& chain, CountersPage& counters, const Clock& clock)
      : chain_(chain), counters_(counters), clock_(clock) {}

  // Shows the image as block file `name`. Adding a name that is there changes nothing.
  void add(const std::string& name, const Digest& manifest, std::shared_ptr<const ImageMap> map,
           ReadPolicy policy);
  void remove(const std::string& name);
  // For reads that start from now on.
  void set_policy(const std::string& name, ReadPolicy policy);

  std::optional<BlockFile> find(uint64_t inode) const override;
  std::vector<BlockFile> list() const override;
  void read(uint64_t inode, uint64_t offset, ReadReply reply) override;

 private:
  struct Served {
    Served(std::shared_ptr<const ImageMap> map, ImageReader::Parts parts, ReadPolicy read_policy)
        : reader(std::move(map), parts), counters(parts.counters) {
      set(read_policy);
    }
    void set(ReadPolicy policy) {
      deadline = policy.deadline;
      wait = policy.outage == Outage::kWait;
    }

    std::string name;
    Digest manifest;
    ImageReader reader;
    ImageCounters& counters;
    std::atomic<Duration> deadline{};
    std::atomic<bool> wait = false;
  };

  std::shared_ptr<Served> served(uint64_t inode) const;
  void answer(Served& image, TimePoint start, ReadReply reply, Result<ReadableRange> range);

  Chain& chain_;
  CountersPage& counters_;
  const Clock& clock_;

  // A reader-writer lock: every read looks in, and images come and go rarely.
  mutable std::shared_mutex mutex_;
  std::unordered_map<uint64_t, std::shared_ptr<Served>> images_;  // by inode
};

}  // namespace thaw
