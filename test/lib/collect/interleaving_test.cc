// Builder, worker and collector on one store, each stopped before any of its steps while another goes on, and
// killed there: never a name without its chunks, never a chunk of a mount that is gone.
#include <functional>

#include "lib/collect/root_course.h"
#include "test/fakes/memory_object_store.h"
#include "test/lib/collect/collect_fixture.h"

namespace thaw::interleaving_test {
namespace {

// Runs a task inside post(): whoever uses it has one thread.
class InlineExecutor final : public Executor {
 public:
  void post(Task task) override { task(); }
};

// One actor's way to the store: before each operation it waits until the test lets it go on; once it is
// killed, every operation fails.
class SteppedStore final : public ObjectStore {
 public:
  explicit SteppedStore(ObjectStore& below) : below_(below) {}

  void get(const std::string& key, const GetOptions& options, Completion<Object> done) override {
    if (!step()) return done(gone());
    below_.get(key, options, std::move(done));
  }
  void size_of(const std::string& key, Completion<uint64_t> done) override {
    if (!step()) return done(gone());
    below_.size_of(key, std::move(done));
  }
  void list(const ListOptions& options, Completion<std::vector<ListedObject>> done) override {
    if (!step()) return done(gone());
    below_.list(options, std::move(done));
  }
  void put(const std::string& key, ByteView bytes, const PutOptions& options,
           Completion<PutOutcome> done) override {
    if (!step()) return done(gone());
    below_.put(key, bytes, options, std::move(done));
  }
  void remove(const std::string& key, Completion<bool> done) override {
    if (!step()) return done(gone());
    below_.remove(key, std::move(done));
  }
  void sync(const std::string& prefix, Completion<bool> done) override {
    below_.sync(prefix, std::move(done));
  }

  void copy(const std::string& from, const std::string& version, const std::string& to,
            Completion<PutOutcome> done) override {
    if (!step()) return done(gone());
    below_.copy(from, version, to, std::move(done));
  }
  void remove_all(std::vector<std::string> keys, Completion<bool> done) override {
    if (!step()) return done(gone());
    below_.remove_all(std::move(keys), std::move(done));
  }

  // Runs `before` instead of waiting at the operation of that number; the actor is killed there when it
  // returns false.
  void at(size_t step, std::function<bool()> before) {
    step_ = step;
    before_ = std::move(before);
  }
  size_t steps() const { return steps_; }

 private:
  static Error gone() { return {Code::kUnreachable, "killed"}; }

  bool step() {
    if (killed_) return false;
    if (steps_++ != step_) return true;
    // It may set another one.
    const std::function<bool()> before = before_;
    killed_ = !before();
    return !killed_;
  }

  ObjectStore& below_;
  size_t steps_ = 0;
  size_t step_ = SIZE_MAX;
  std::function<bool()> before_;
  bool killed_ = false;
};

// A store with image "web" in root 1, "gone" that is no longer named, and an empty root 2.
struct World {
  TemporaryFolder folder;
  MemoryObjectStore objects;
  KeyringDirectory keys{folder / "keys", KeyringUse::kBuild};
  InlineExecutor inline_tasks;
  TrustedBuilders trusted;

  World() {
    REQUIRE(keys.prepare_builder().ok());
    trusted = keys.trusted().value();
    REQUIRE(build(objects, "web", {2, 4}).ok());
    REQUIRE(build(objects, "gone", {4, 6}).ok());
    Catalog catalog(objects);
    Names names(catalog, "acme", trusted);
    REQUIRE(names.remove({"gone", "latest", {}}, keys, 1).ok());
    CollectRoom room = room_of(catalog);
    REQUIRE(create_root(room, 100, {}).ok());
  }

  CollectRoom room_of(Catalog& catalog) { return {catalog, trusted, inline_tasks}; }

  Result<BuildReport> build(ObjectStore& store, const std::string& name,
                            const std::vector<unsigned>& contents) {
    Catalog catalog(store);
    Workshop shop{catalog, keys, keys, inline_tasks, trusted, "0.1.0", SaltMemory(folder / "salts")};
    const MemoryDevice device(contents);
    const ImageDetails details{{}, "test", "{}", 4711, 5};
    return store_image(shop, {device, details, "acme", {name, "latest", {}}}, {});
  }

  Status end_root(ObjectStore& store, const RootId& root) {
    Catalog catalog(store);
    CollectRoom room = room_of(catalog);
    THAW_ASSIGN(const Root now, catalog.read_root(root));
    const RootState state = now.state;
    if (state == RootState::kActive || state == RootState::kRetired) {
      THAW_TRY(retire_root(room, root, {}));
      THAW_TRY(expire_root(room, root, {}));
    }
    THAW_TRY(delete_root(room, root, {}));
    return {};
  }

  // What a worker has of a mount.
  struct Mounted {
    Digest digest;
    std::vector<ManifestChunk> chunks;
  };
  Result<Mounted> mount(ObjectStore& store, const std::string& name, const Identifier& worker) {
    Catalog catalog(store);
    SequenceMemory sequences(folder / ("sequences-" + worker.hex()));
    const HoldManifest hold = [&](const Digest& manifest) -> Status {
      const std::string lease = write_lease({worker, {manifest}});
      const auto put = catalog.write(lease_key(worker), as_bytes(lease), {});
      return put.ok() ? Status() : Status(put.error());
    };
    THAW_ASSIGN(const OpenedImage opened,
                open_held({catalog, keys, sequences, trusted}, {"acme", {name, "latest", {}}}, hold));
    return Mounted{opened.manifest.digest, opened.manifest.clear.chunks};
  }

  // Every chunk of it is in a root that is not deleted, and the manifest beside it.
  bool is_readable(const Digest& digest, const std::vector<ManifestChunk>& chunks) {
    Catalog catalog(objects);
    const auto roots = catalog.readable_roots();
    for (const Root& root : roots.value()) {
      if (!catalog.read(manifest_key(root.id, digest), kMaxManifestBytes).ok()) continue;
      for (const ManifestChunk& chunk : chunks) {
        if (!catalog.read(chunk_key(root.id, chunk.id), kTestChunk).ok()) return false;
      }
      return true;
    }
    return false;
  }

  // Of every name.
  bool names_are_whole() {
    Catalog catalog(objects);
    SequenceMemory sequences(folder / "sequences");
    Names names(catalog, "acme", trusted);
    const auto images = names.list();
    for (const ListedImage& listed : images.value()) {
      if (!listed.record.ok()) return false;
      const auto opened = open_recorded(catalog, keys, trusted, listed.record.value());
      if (!opened.ok()) return false;
      const auto report = verify_image(opened.value(), objects, {});
      if (!report.ok() || !report->bad.empty()) return false;
    }
    return true;
  }
};

// Calls `run(step)` for every step until it says that the actor has fewer.
size_t for_every_step(const std::function<bool(size_t)>& run) {
  size_t step = 0;
  while (run(step)) ++step;
  return step;
}

}  // namespace

TEST_CASE("a builder that is stopped anywhere while its root is deleted ends with a whole image",
          "[collect]") {
  const size_t steps = for_every_step([](size_t step) {
    World world;
    SteppedStore builder(world.objects);
    // The root that the build has chosen: the newest.
    builder.at(step, [&world] {
      Catalog catalog(world.objects);
      CollectRoom room = world.room_of(catalog);
      CHECK(create_root(room, 100, {}).ok());
      CHECK(world.end_root(world.objects, "2").ok());
      CHECK(world.end_root(world.objects, "1").ok());
      return true;
    });
    const auto built = world.build(builder, "new", {6, 8, 10});
    INFO("stopped before step " << step);
    CHECK(built.ok());
    // The last step takes the lease away.
    CHECK(built->root == (step + 1 < builder.steps() ? "3" : "2"));
    CHECK(world.names_are_whole());
    return step < builder.steps();
  });
  CHECK(steps > 15);
}

TEST_CASE("a builder that is killed anywhere leaves no name without its chunks", "[collect]") {
  for_every_step([](size_t step) {
    size_t kills = 0;
    // Stopped at `step`, and killed at any later one.
    for (size_t later = step;; ++later) {
      World world;
      SteppedStore builder(world.objects);
      const auto collect = [&world] {
        Catalog catalog(world.objects);
        CollectRoom room = world.room_of(catalog);
        CHECK(create_root(room, 100, {}).ok());
        CHECK(world.end_root(world.objects, "2").ok());
      };
      builder.at(step, [&] {
        collect();
        builder.at(later, [] { return false; });
        return later != step;
      });
      const auto built = world.build(builder, "new", {6, 8});
      INFO("stopped before step " << step << ", killed before " << later);
      CHECK(world.names_are_whole());
      ++kills;
      if (later >= builder.steps()) break;
    }
    return kills > 1;
  });
}

TEST_CASE("a collector that is stopped anywhere while others build and mount deletes nothing live",
          "[collect]") {
  for_every_step([](size_t step) {
    World world;
    SteppedStore collector(world.objects);
    std::optional<World::Mounted> mounted;
    collector.at(step, [&world, &mounted] {
      auto mount = world.mount(world.objects, "web", Identifier::random());
      if (mount.ok()) mounted = std::move(mount).value();
      Catalog catalog(world.objects);
      Names names(catalog, "acme", world.trusted);
      CHECK(names.remove({"web", "latest", {}}, world.keys, 1).ok());
      CHECK(world.build(world.objects, "new", {2, 6}).ok());
      return true;
    });
    CHECK(world.end_root(collector, "1").ok());
    INFO("stopped before step " << step);
    CHECK(world.names_are_whole());
    CHECK((!mounted || world.is_readable(mounted->digest, mounted->chunks)));
    return step < collector.steps();
  });
}

TEST_CASE("a collector that is killed anywhere is simply run again", "[collect]") {
  for_every_step([](size_t step) {
    World world;
    SteppedStore collector(world.objects);
    collector.at(step, [] { return false; });
    const bool whole = world.end_root(collector, "1").ok();
    INFO("killed before step " << step);
    CHECK(whole == (step >= collector.steps()));
    CHECK(world.names_are_whole());
    CHECK(world.end_root(world.objects, "1").ok());
    CHECK(world.names_are_whole());
    Catalog catalog(world.objects);
    CHECK(catalog.list({"roots/1/", "", 10})->size() == 1);
    return step < collector.steps();
  });
}

TEST_CASE("a worker that is stopped anywhere in a mount reads all of it, or does not mount", "[collect]") {
  const size_t steps = for_every_step([](size_t step) {
    World world;
    SteppedStore worker(world.objects);
    worker.at(step, [&world] {
      Catalog catalog(world.objects);
      Names names(catalog, "acme", world.trusted);
      CHECK(names.remove({"web", "latest", {}}, world.keys, 1).ok());
      CHECK(world.end_root(world.objects, "1").ok());
      return true;
    });
    const auto mounted = world.mount(worker, "web", Identifier::random());
    INFO("stopped before step " << step);
    if (mounted.ok()) {
      CHECK((step >= worker.steps() || world.is_readable(mounted->digest, mounted->chunks)));
    } else {
      CHECK((mounted.error().code == Code::kNotFound || mounted.error().code == Code::kDamaged));
    }
    return step < worker.steps();
  });
  CHECK(steps > 8);
}

TEST_CASE("two collectors that delete two roots at once keep what is live in one that stays", "[collect]") {
  for_every_step([](size_t step) {
    World world;
    Catalog catalog(world.objects);
    CollectRoom room = world.room_of(catalog);
    // "web" lies in roots 1 and 2, and root 3 is the one that stays.
    REQUIRE(retire_root(room, "1", {}).ok());
    REQUIRE(create_root(room, 100, {}).ok());
    SteppedStore first(world.objects);
    first.at(step, [&world] {
      CHECK(world.end_root(world.objects, "2").ok());
      return true;
    });
    CHECK(world.end_root(first, "1").ok());
    INFO("stopped before step " << step);
    CHECK(world.names_are_whole());
    const bool stopped = step < first.steps();
    const auto mounted = world.mount(world.objects, "web", Identifier::random());
    CHECK(catalog.find_manifest(mounted->digest)->root == (stopped ? "3" : "2"));
    return stopped;
  });
}

}  // namespace thaw::interleaving_test
