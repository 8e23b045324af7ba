#include "lib/ext4/placement.h"

#include <algorithm>
#include <numeric>

#include "lib/ext4/demand.h"

namespace thaw {
namespace {

// A class is taken while at most one slot in so many is used: the emptier the device, the rarer an address
// that had to give way to another image's neighbour. Empty slots cost nothing. The largest class is filled
// further.
constexpr uint64_t kSpareFactor = 3;
constexpr uint64_t kLargestSpareFactor = 2;
constexpr uint64_t kInodeSpareFactor = 2;

// Links up to this length stand in the inode.
constexpr size_t kMaxInlineTarget = 59;

constexpr uint64_t kPartSalt = 0x9e3779b97f4a7c15U;

struct SlotRequest {
  uint64_t hash = 0;
  uint64_t slots = 0;
  const Pack* pack = nullptr;       // of files or directories
  const LargePart* part = nullptr;  // or a part of a large one
};

// Gives the nodes of one tree their places on a device of one size class.
class Placer {
 public:
  Placer(const FlatTree& flat, const Demand& demand, const Geometry& geometry)
      : flat_(flat), demand_(demand), placement_{geometry, SlotMap(geometry.data_slots()), {}, {}, {}} {
    placement_.numbers.resize(flat.nodes.size());
    placement_.extents.resize(flat.nodes.size());
  }

  // False when the class is too small.
  bool place() {
    if (!number_inodes()) return false;
    for (const SlotRequest& request : requests()) {
      const bool placed = request.pack ? place_pack(request) : place_part(*request.part);
      if (!placed) return false;
    }
    for (auto& extents : placement_.extents) {
      std::sort(extents.begin(), extents.end(),
                [](const Extent& a, const Extent& b) { return a.file_block < b.file_block; });
    }
    return true;
  }

  Placement finish() { return std::move(placement_); }

 private:
  bool number_inodes() {
    SlotMap slots(placement_.geometry.inode_slots());
    const uint64_t per_slot = demand_.inodes_per_chunk;
    for (const Pack& pack : demand_.groups) {
      const uint64_t count = round_up(pack.units, per_slot) / per_slot;
      const bool holds_root = pack.items.front().id == 0;
      const auto slot = slots.take(holds_root ? 0 : pack.place_hash, count);
      if (!slot) return false;
      number_pack(pack, static_cast<uint32_t>(*slot * per_slot + 1));
    }
    placement_.order.resize(flat_.nodes.size());
    std::iota(placement_.order.begin(), placement_.order.end(), Node{0});
    const auto& numbers = placement_.numbers;
    std::sort(placement_.order.begin(), placement_.order.end(),
              [&numbers](Node a, Node b) { return numbers[a] < numbers[b]; });
    return true;
  }

  // Directories first, so that a file that comes or goes does not renumber them: other packs' blocks name
  // them.
  void number_pack(const Pack& pack, uint32_t next) {
    if (pack.items.front().id == 0) next = kFirstFreeInode;
    for (const PackItem& item : pack.items) placement_.numbers[item.id] = item.id == 0 ? 2 : next++;
    for (const PackItem& item : pack.items) {
      for (const Node file : demand_.files[item.id]) placement_.numbers[file] = next++;
    }
  }

  // Long runs first: they find no place among many short ones.
  std::vector<SlotRequest> requests() const {
    std::vector<SlotRequest> all;
    for (const LargePart& part : demand_.large_parts) all.push_back({0, part.chunks, nullptr, &part});
    for (const Pack& pack : demand_.data_packs) all.push_back({pack.place_hash, 1, &pack, nullptr});
    for (const Pack& pack : demand_.directory_packs) all.push_back({pack.place_hash, 1, &pack, nullptr});
    std::stable_sort(all.begin(), all.end(),
                     [](const SlotRequest& a, const SlotRequest& b) { return a.slots > b.slots; });
    return all;
  }

  bool place_pack(const SlotRequest& request) {
    const auto slot = placement_.data_slots.take(request.hash, 1);
    if (!slot) return false;
    uint64_t block = placement_.geometry.data_slot_block(*slot);
    for (const PackItem& item : request.pack->items) {
      for (const BlockRun& run : demand_.runs[item.id]) {
        placement_.extents[item.id].push_back({run.first, block, run.count});
        block += run.count;
      }
    }
    return true;
  }

  // Halves what finds no free run.
  bool place_part(const LargePart& part) {
    const uint64_t hash = mix(flat_.nodes[part.node].path_hash + part.first_chunk * kPartSalt);
    const auto slot = placement_.data_slots.take(hash, part.chunks);
    if (!slot) {
      if (part.chunks == 1) return false;
      const uint64_t half = part.chunks / 2;
      return place_part({part.node, part.first_chunk, half}) &&
             place_part({part.node, part.first_chunk + half, part.chunks - half});
    }
    add_extents(part, placement_.geometry.data_slot_block(*slot));
    return true;
  }

  // A block lies as far into its slot as into its chunk of the file, so that holes keep what follows in
  // place.
  void add_extents(const LargePart& part, uint64_t device_block) {
    const uint64_t first = part.first_chunk * demand_.chunk_blocks;
    const uint64_t end = first + part.chunks * demand_.chunk_blocks;
    const auto& runs = demand_.runs[part.node];
    auto run = std::upper_bound(runs.begin(), runs.end(), first,
                                [](uint64_t block, const BlockRun& r) { return block < r.first + r.count; });
    for (; run != runs.end() && run->first < end; ++run) {
      const uint64_t from = std::max(first, run->first);
      const uint64_t to = std::min(end, run->first + run->count);
      placement_.extents[part.node].push_back({from, device_block + (from - first), to - from});
    }
  }

  const FlatTree& flat_;
  const Demand& demand_;
  Placement placement_;
};

}  // namespace

bool target_takes_block(const Inode& link) { return link.target.size() > kMaxInlineTarget; }

Result<Placement> place(const FlatTree& flat, uint64_t chunk_bytes) {
  const Demand demand(flat, chunk_bytes / kBlockSize);
  for (const uint64_t device_bytes : size_classes()) {
    const Geometry geometry(device_bytes, chunk_bytes);
    const uint64_t spare = device_bytes == size_classes().back() ? kLargestSpareFactor : kSpareFactor;
    if (demand.data_slots() > geometry.data_slots() / spare) continue;
    if (demand.inode_slots() > geometry.inode_slots() / kInodeSpareFactor) continue;
    Placer placer(flat, demand, geometry);
    if (placer.place()) return placer.finish();
  }
  return Error{Code::kFailed, "the image needs " + format_size(demand.data_slots() * chunk_bytes) +
                                  " for data and " + std::to_string(flat.nodes.size()) +
                                  " inodes, more than the largest device holds; make the image smaller"};
}

}  // namespace thaw
