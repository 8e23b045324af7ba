// All orders of the steps of a builder, a worker, a collector and a person, each killed anywhere: a model of
// the store's objects, searched through completely. Every rule of the order of writes is left out once, to
// see that it is needed, and that this test can fail (docs/formats/store.md, "Order of writes").
#include <catch2/catch.hpp>
#include <cstring>
#include <deque>
#include <unordered_set>

namespace thaw::model_test {
namespace {

struct Rules {
  bool builder_holds_lease = true;    // before its name is put
  bool builder_looks_first = true;    // at its root, before its name is put
  bool worker_holds_lease = true;     // before it looks at the root
  bool worker_looks_again = true;     // at the root, once its lease is put
  bool collector_looks_again = true;  // for what is live, once the root is deleted
  bool collector_reads_leases = true;
};

enum State : uint8_t { kActive, kRetired, kExpired, kDeleted };
constexpr uint8_t kNone = 0;

// Image 1 is built into root 0, image 2 into root 1. The collector ends root 0.
struct World {
  uint8_t state[2] = {kActive, kActive};
  uint8_t chunks[2] = {0, 0};     // bit d: root holds those of image d
  uint8_t manifests[2] = {0, 0};  // the same
  uint8_t name = kNone;
  uint8_t builder_lease = kNone;
  uint8_t worker_lease = kNone;
  uint8_t removals = 1;  // of the name, that are left
  uint8_t kills = 1;     // of anybody, that are left

  uint8_t builder = 0;  // its next step
  uint8_t built_root = 0;
  uint8_t attempts = 2;
  uint8_t acknowledged = kNone;

  uint8_t worker = 0;
  uint8_t wanted = kNone;
  uint8_t found_root = 0;
  uint8_t mounted = kNone;

  uint8_t collector = 0;
  uint8_t live = 0;     // bit d
  uint8_t missing = 0;  // bit d: to be copied
};

constexpr uint8_t kDone = 100;
constexpr uint8_t bit(uint8_t image) { return static_cast<uint8_t>(1U << image); }
uint8_t image_of(const World& world) { return static_cast<uint8_t>(world.built_root + 1); }

bool is_stored(const World& world, uint8_t image, bool readable) {
  for (int root = 0; root < 2; ++root) {
    const bool whole = (world.chunks[root] & bit(image)) != 0 && (world.manifests[root] & bit(image)) != 0;
    if (whole && !(readable && world.state[root] == kDeleted)) return true;
  }
  return false;
}

class Search {
 public:
  explicit Search(const Rules& rules) : rules_(rules) {}

  // How many worlds there are; 0 when one is wrong.
  size_t run() {
    reach(World{});
    while (!open_.empty()) {
      const World world = open_.front();
      open_.pop_front();
      if (is_wrong(world)) return 0;
      builder(world);
      worker(world);
      collector(world);
      person(world);
    }
    return seen_.size();
  }

 private:
  static bool is_wrong(const World& world) {
    const bool ended = world.collector == kDone;
    for (const uint8_t image : {world.name, world.mounted}) {
      if (image != kNone && !is_stored(world, image, ended)) return true;
    }
    return false;
  }

  void reach(const World& world) {
    if (seen_.insert(std::string(reinterpret_cast<const char*>(&world), sizeof world)).second)
      open_.push_back(world);
  }

  template <class Change>
  void next(World world, Change change) {
    change(world);
    reach(world);
  }

  void builder(const World& world) {
    if (world.builder == kDone) return;
    if (world.kills > 0) next(world, [](World& to) { --to.kills, to.builder = kDone; });
    const bool active = world.state[world.built_root] == kActive;
    const auto image = image_of(world);
    switch (world.builder) {
      case 0:  // reads which roots are active
        for (uint8_t root = 0; root < 2; ++root) {
          if (world.state[root] == kActive)
            next(world, [root](World& to) { to.built_root = root, to.builder = 1; });
        }
        break;
      case 1:
        next(world, [image](World& to) { to.chunks[to.built_root] |= bit(image), to.builder = 2; });
        break;
      case 2:
        next(world, [image](World& to) { to.manifests[to.built_root] |= bit(image), to.builder = 3; });
        break;
      case 3:
        next(world, [&](World& to) {
          if (rules_.builder_holds_lease) to.builder_lease = image;
          to.builder = 4;
        });
        break;
      case 4:
        next(world, [&](World& to) { to.builder = active || !rules_.builder_looks_first ? 5 : 8; });
        break;
      case 5:
        next(world, [image](World& to) { to.name = image, to.builder = 6; });
        break;
      case 6:
        next(world, [&](World& to) { to.builder = active ? 7 : 8; });
        break;
      case 7:
        next(world,
             [image](World& to) { to.builder_lease = kNone, to.acknowledged = image, to.builder = kDone; });
        break;
      default:  // once more, into another root
        next(world, [](World& to) {
          to.builder_lease = kNone;
          to.builder = --to.attempts > 0 ? 0 : kDone;
        });
    }
  }

  void worker(const World& world) {
    if (world.worker == kDone) return;
    if (world.kills > 0) next(world, [](World& to) { --to.kills, to.worker = kDone; });
    switch (world.worker) {
      case 0:
        if (world.name != kNone) next(world, [](World& to) { to.wanted = to.name, to.worker = 1; });
        break;
      case 1: {  // looks for the manifest, newest root first
        uint8_t then = kDone;
        uint8_t found = 0;
        for (uint8_t root = 0; root < 2; ++root) {
          const bool there = (world.manifests[root] & bit(world.wanted)) != 0;
          if (there && world.state[root] != kDeleted) then = 2, found = root;
        }
        next(world, [&](World& to) { to.worker = then, to.found_root = found; });
        break;
      }
      case 2:
        next(world, [&](World& to) {
          if (rules_.worker_holds_lease) to.worker_lease = to.wanted;
          to.worker = 3;
        });
        break;
      default: {
        const bool gone = world.state[world.found_root] == kDeleted && rules_.worker_looks_again;
        next(world, [&](World& to) {
          to.worker = gone ? 1 : kDone;
          if (!gone) to.mounted = to.wanted;
        });
      }
    }
  }

  // Retires, expires and deletes root 0; before each of the last two, and after the deletion, it copies what
  // is live and in no active root. Steps of
  // round n, from 10n on: state, leases, name, manifests, copies.
  void collector(const World& world) {
    if (world.collector == kDone) return;
    if (world.kills > 0)
      next(world, [](World& to) { --to.kills, to.collector = restarted(to), to.live = to.missing = 0; });
    const uint8_t round = world.collector / 10;
    const auto first = static_cast<uint8_t>(round * 10);
    switch (world.collector % 10) {
      case 0:  // the state that this round follows; 0: retired
        if (round == 0) {
          if (world.state[1] == kActive)
            next(world, [](World& to) { to.state[0] = kRetired, to.collector = 1; });
        } else {
          next(world, [&](World& to) {
            to.state[0] = round == 1 ? kExpired : kDeleted;
            to.collector = round == 2 && !rules_.collector_looks_again ? 26 : first + 1;
          });
        }
        break;
      case 1:
      case 2:
        next(world, [&](World& to) {
          if (to.collector % 10 == 1) to.live = 0;
          read(to, to.collector % 10 == 1);
          ++to.collector;
        });
        break;
      case 3:
        next(world, [&](World& to) {
          to.missing = static_cast<uint8_t>(to.live & to.manifests[0] & ~to.manifests[1]);
          to.collector = to.missing != 0 ? first + 5 : (round == 2 ? 26 : first + 10);
        });
        break;
      case 5:
        next(world, [&](World& to) {
          to.chunks[1] |= to.missing & to.chunks[0];
          to.collector = first + 9;
        });
        break;
      case 9:
        next(world,
             [&](World& to) { to.manifests[1] |= to.missing, to.missing = 0, to.collector = first + 1; });
        break;
      case 6:
        next(world, [](World& to) { to.manifests[0] = 0, to.collector = 27; });
        break;
      default:
        next(world, [](World& to) { to.chunks[0] = 0, to.collector = kDone; });
    }
  }

  // Both leases, or the name.
  void read(World& to, bool leases) const {
    if (!leases) {
      if (to.name != kNone) to.live |= bit(to.name);
    } else if (rules_.collector_reads_leases) {
      if (to.builder_lease != kNone) to.live |= bit(to.builder_lease);
      if (to.worker_lease != kNone) to.live |= bit(to.worker_lease);
    }
  }

  static uint8_t restarted(const World& world) {
    switch (world.state[0]) {
      case kActive:
        return 0;
      case kRetired:
        return 1;
      case kExpired:
        return 11;
      default:
        return 21;
    }
  }

  void person(const World& world) {
    if (world.removals > 0 && world.name != kNone)
      next(world, [](World& to) { --to.removals, to.name = kNone; });
  }

  const Rules rules_;
  std::deque<World> open_;
  std::unordered_set<std::string> seen_;
};

bool is_needed(bool Rules::*rule) {
  Rules rules;
  rules.*rule = false;
  return Search(rules).run() == 0;
}

}  // namespace

TEST_CASE("in all orders no name and no mount loses its image", "[collect]") {
  const size_t worlds = Search(Rules()).run();
  CHECK(worlds > 10'000);
}

TEST_CASE("without any one of its rules, an order of steps loses an image", "[collect]") {
  CHECK(is_needed(&Rules::builder_holds_lease));
  CHECK(is_needed(&Rules::builder_looks_first));
  CHECK(is_needed(&Rules::worker_holds_lease));
  CHECK(is_needed(&Rules::worker_looks_again));
  CHECK(is_needed(&Rules::collector_looks_again));
  CHECK(is_needed(&Rules::collector_reads_leases));
}

}  // namespace thaw::model_test
