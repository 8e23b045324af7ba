#include "lib/collect/root_contents.h"

#include <atomic>
#include <utility>

#include "lib/build/in_flight.h"
#include "lib/collect/store_time.h"
#include "lib/collect/update_root.h"

namespace thaw {
namespace {

constexpr unsigned kPrefixes = 256;
constexpr size_t kPrefixesInFlight = 16;

std::string prefix_folder(const RootId& root, unsigned prefix) {
  const uint8_t byte = static_cast<uint8_t>(prefix);
  return chunk_folder(root) + to_hex(ByteView(&byte, 1)) + "/";
}

}  // namespace

Result<std::vector<RootManifests>> list_manifests(CollectRoom& room) {
  std::vector<RootManifests> all;
  THAW_ASSIGN(const std::vector<Root> roots, room.catalog.roots_with_objects());
  for (const Root& root : roots) {
    RootManifests listed{root, {}};
    const std::string folder = manifest_folder(root.id);
    THAW_TRY(room.catalog.for_each(folder, [&](const ListedObject& object) -> Status {
      const auto digest = Digest::from_hex(std::string_view(object.key).substr(folder.size()));
      if (digest) listed.manifests.insert(*digest);
      return {};
    }));
    all.push_back(std::move(listed));
  }
  return all;
}

Status for_each_prefix(CollectRoom& room, const RootId& root,
                       const std::function<Status(const std::string& folder)>& work,
                       const ProgressFn& progress) {
  InFlight in_flight(kPrefixesInFlight);
  for (unsigned prefix = 0; prefix < kPrefixes; ++prefix) {
    Completion<void> done = in_flight.start();
    if (!done) break;
    room.workers.post([&work, folder = prefix_folder(root, prefix), done = std::move(done)]() mutable {
      done(work(folder));
    });
    if (progress) progress({in_flight.finished(), kPrefixes});
  }
  THAW_TRY(in_flight.drain());
  if (progress) progress({kPrefixes, kPrefixes});
  return {};
}

Status for_each_chunk(CollectRoom& room, const RootId& root,
                      const std::function<Status(const ListedObject&)>& visit, const ProgressFn& progress) {
  const auto list = [&](const std::string& folder) { return room.catalog.for_each(folder, visit); };
  return for_each_prefix(room, root, list, progress);
}

Result<Root::Count> count_root(CollectRoom& room, const RootId& root, const ProgressFn& progress) {
  std::atomic<uint64_t> chunks{0};
  std::atomic<uint64_t> bytes{0};
  const auto count = [&](const ListedObject& object) -> Status {
    ++chunks;
    bytes += object.size;
    return {};
  };
  THAW_TRY(for_each_chunk(room, root, count, progress));
  return Root::Count{chunks, bytes, 0};
}

Result<Root> recount_root(CollectRoom& room, const RootId& root, const ProgressFn& progress) {
  THAW_ASSIGN(Root::Count count, count_root(room, root, progress));
  THAW_ASSIGN(count.at, store_time(room.catalog));
  return update_root(room, root, [&](Root& kept) { kept.counted = count; });
}

}  // namespace thaw
