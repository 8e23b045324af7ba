// sharing: how much several images share in one store, measured on the layout alone.
//
// usage: sharing ROOTFS.tar...
// Prints for each image what it takes in a store of its own (distinct chunks, trailing zeros trimmed to 4
// KiB) and what it adds to a store that has those before it, then the sum, what all take in one store, and
// the ratio; each of them also by what the chunks hold.
#include <algorithm>
#include <clocale>
#include <cstdio>
#include <map>
#include <unordered_map>

#include "lib/base/units.h"
#include "lib/crypto/hash.h"
#include "lib/ext4/device.h"
#include "test/bench/tar_tree.h"

namespace thaw {
namespace {

constexpr uint64_t kTrimUnit = 4 * kKiB;

enum class Holds { kData, kDirectories, kTables };

struct Totals {
  uint64_t chunks = 0;
  std::map<Holds, uint64_t> bytes;

  void add(Holds holds, uint64_t length) {
    ++chunks;
    bytes[holds] += length;
  }
  uint64_t sum() const {
    uint64_t all = 0;
    for (const auto& [holds, length] : bytes) all += length;
    return all;
  }
};

// Distinct sealed chunks by what names them.
class Store {
 public:
  // Whether it was new.
  bool put(const Digest& id) { return ids_.emplace(id, true).second; }

 private:
  std::unordered_map<Digest, bool, DigestHash> ids_;
};

ByteView trimmed(const Buffer& chunk) {
  size_t length = chunk.size();
  while (length > 0 && chunk.data()[length - 1] == 0) --length;
  return chunk.view().first(round_up(length, kTrimUnit));
}

Holds what(const Device& device, uint64_t first_data_block, uint64_t chunk) {
  const uint64_t block = chunk * device.chunk_bytes() / kTrimUnit;
  if (block < first_data_block) return Holds::kTables;
  const auto found = device.metadata().blocks().lower_bound(block);
  const bool here =
      found != device.metadata().blocks().end() && found->first < block + device.chunk_bytes() / kTrimUnit;
  return here ? Holds::kDirectories : Holds::kData;
}

void print(const char* name, const Totals& totals) {
  const auto mib = [&totals](Holds holds) {
    const auto found = totals.bytes.find(holds);
    return found == totals.bytes.end() ? 0.0 : static_cast<double>(found->second) / static_cast<double>(kMiB);
  };
  std::printf("%-24s %8.1f MiB in %6llu chunks: data %8.1f, directories and links %6.1f, tables %6.1f\n",
              name, static_cast<double>(totals.sum()) / static_cast<double>(kMiB),
              static_cast<unsigned long long>(totals.chunks), mib(Holds::kData), mib(Holds::kDirectories),
              mib(Holds::kTables));
}

Status add_image(const std::string& path, Store& shared, Totals& sum, Totals& together) {
  THAW_ASSIGN(Spool spool, Spool::create("/var/tmp"));
  THAW_ASSIGN(const Tree tree, read_tar(path, spool));
  THAW_ASSIGN(const Device device, lay_out(tree, spool, LayoutOptions{}));
  const Geometry geometry(device.device_bytes(), device.chunk_bytes());
  Store alone;
  Totals totals;
  Totals added;
  Buffer chunk(device.chunk_bytes());
  for (const uint64_t index : device.chunks()) {
    THAW_TRY(device.read_chunk(index, chunk.mutable_view()));
    const ByteView bytes = trimmed(chunk);
    if (bytes.empty()) continue;
    const Digest id = sha256(bytes);
    const Holds holds = what(device, geometry.data_slot_block(0), index);
    if (alone.put(id)) {
      totals.add(holds, bytes.size());
      sum.add(holds, bytes.size());
    }
    if (!shared.put(id)) continue;
    together.add(holds, bytes.size());
    added.add(holds, bytes.size());
  }
  const std::string name = path.substr(path.rfind('/') + 1) + " " + format_size(device.device_bytes());
  print(name.c_str(), totals);
  print("  new", added);
  return {};
}

int run(int count, char** paths) {
  Store shared;
  Totals sum;
  Totals together;
  for (int i = 1; i < count; ++i) {
    const Status status = add_image(paths[i], shared, sum, together);
    if (!status.ok()) {
      std::fprintf(stderr, "sharing: %s: %s\n", paths[i], status.error().message.c_str());
      return 1;
    }
  }
  print("each alone, sum", sum);
  print("all in one store", together);
  std::printf("ratio %.2f %%\n",
              100.0 * static_cast<double>(together.sum()) / static_cast<double>(sum.sum()));
  return 0;
}

}  // namespace
}  // namespace thaw

int main(int count, char** arguments) {
  if (count < 2) {
    std::fprintf(stderr, "usage: sharing ROOTFS.tar...\n");
    return 2;
  }
  std::setlocale(LC_CTYPE, "C.UTF-8");  // libarchive converts names
  return thaw::run(count, arguments);
}
