#include "daemon/worker/image_fill.h"

#include <catch2/catch.hpp>
#include <map>

#include "test/cache/flash/flash_fixture.h"
#include "test/fakes/fake_source.h"
#include "test/fakes/manual_timers.h"

namespace thaw::image_fill_test {
namespace {

constexpr uint32_t kLength = 64 * 1024;

// Has every chunk in memory, but for those that it is told not to have; answers inside the call.
class MemorySource final : public ChunkSource {
 public:
  explicit MemorySource(uint32_t chunks) {
    for (uint32_t i = 0; i < chunks; ++i) {
      const SealedChunk chunk = sample_chunk(i, kLength);
      refs.push_back(chunk.ref());
      chunks_.emplace(chunk.id().hex(), chunk);
    }
  }
  void get(const ChunkRef& ref, const Fetch& fetch, Completion<Fetched> done) override {
    ++gets;
    CHECK(fetch.priority == Priority::kPrefetch);
    if (fails && ref == refs.at(2)) return done(Error{*fails, "it is not to be had"});
    done(Fetched{chunks_.at(ref.id.hex()), Tier::kMemory});
  }

  std::vector<ChunkRef> refs;
  std::optional<Code> fails;  // of the third chunk
  size_t gets = 0;

 private:
  std::map<std::string, SealedChunk> chunks_;
};

struct Filling {
  explicit Filling(uint32_t chunks, const FlashLimits& limits = Flash::quick())
      : source(chunks), flash(DiskKind::kThreads, folder / "log", limits) {
    flash.tier.wait_until_written();
  }

  void start() {
    fill = ImageFill::start({source, timers, &flash.tier, room}, {"web:1", source.refs, 7, {}});
  }
  uint64_t on_flash() const {
    return static_cast<uint64_t>(
        std::ranges::count_if(source.refs, [this](const ChunkRef& ref) { return flash.tier.holds(ref.id); }));
  }

  const TemporaryFolder folder;
  MemorySource source;
  ManualTimers timers;
  Flash flash;
  FillRoom room;
  std::shared_ptr<ImageFill> fill;
};

TEST_CASE("what is in memory and not on flash is written, however little flash takes at once") {
  FlashLimits limits = Flash::quick();
  limits.pending_bytes = 2 * kLength;
  limits.rule = FlashRule::kSecond;
  Filling filling(100, limits);
  filling.source.refs.push_back(filling.source.refs.front());  // in the image twice
  filling.start();
  while (filling.fill->report().kept < 100) filling.timers.run_next();
  CHECK(filling.on_flash() == 101);
  CHECK(filling.source.gets == 100);
  CHECK(filling.fill->report().tier == Tier::kFlash);
  CHECK(filling.fill->report().chunks == 100);
  CHECK(filling.fill->report().why.empty());
}

TEST_CASE("what flash has is not fetched, and what it gave up since is written again") {
  Filling filling(20);
  for (const ChunkRef& ref : filling.source.refs)
    filling.source.get(ref, {{}, Priority::kPrefetch, 0, {}},
                       [&](Result<Fetched> got) { filling.flash.tier.put(got.value().chunk); });
  filling.flash.tier.wait_until_written();
  filling.source.gets = 0;
  filling.start();
  filling.timers.run_next();
  CHECK(filling.fill->report().kept == 20);
  CHECK(filling.source.gets == 0);
  filling.flash.tier.drop(sample_chunk(5, kLength));
  filling.timers.advance(ImageFill::kLookAgain);
  while (filling.on_flash() < 20) filling.timers.run_next();
  CHECK(filling.source.gets == 1);
}

TEST_CASE("a chunk that cannot be had is told, and tried again less and less often") {
  const Code code = GENERATE(Code::kDamaged, Code::kTimedOut);
  Filling filling(20);
  filling.source.fails = code;
  filling.start();
  while (filling.fill->report().not_fetched == 0) filling.timers.run_next();
  const FillReport report = filling.fill->report();
  CHECK(report.kept + report.not_fetched == 20);
  if (code == Code::kDamaged) CHECK(report.kept == 19);
  CHECK(report.why == "it is not to be had");
  const TimePoint start = filling.timers.now();
  const size_t gets = filling.source.gets;
  while (filling.timers.now() < start + std::chrono::minutes(30)) {
    filling.timers.run_next();
    filling.flash.tier.wait_until_written();
  }
  CHECK(filling.source.gets > gets + 25);
  CHECK(filling.source.gets < gets + 60);
  filling.source.fails.reset();
  while (filling.on_flash() < 20 || filling.fill->report().kept < 20) filling.timers.run_next();
  while (!filling.fill->report().why.empty()) filling.timers.run_next();
  CHECK(filling.fill->report().not_fetched == 0);
}

TEST_CASE("a spent budget ends the pass and is told, and more of it is used at once") {
  FlashLimits limits = Flash::quick();
  limits.daily_rewrites = 0;
  Filling filling(100, limits);
  filling.start();
  while (filling.fill->report().not_written == 0) filling.timers.run_next();
  CHECK(filling.fill->report().not_written == 100);
  CHECK(filling.fill->report().why.find("daily budget") != std::string::npos);
  CHECK(filling.source.gets <= ImageFill::kWindow);
  filling.flash.tier.set_admission(FlashRule::kAll, 10);
  while (filling.on_flash() < 100) filling.timers.run_next();
}

TEST_CASE("a write that fails is made again") {
  Filling filling(50);
  filling.flash.faulty.fail_writes = true;
  filling.start();
  while (filling.flash.counters.errors == 0) filling.timers.run_next();
  filling.flash.faulty.fail_writes = false;
  while (filling.on_flash() < 50) filling.timers.run_next();
}

TEST_CASE("an image that flash is too small for is filled as far as it stays there") {
  Filling filling(900);  // of 68 KiB each on flash
  filling.start();
  FillReport report;
  while (report.kept + report.left_out < 900) {
    filling.timers.run_next();
    report = filling.fill->report();
  }
  CHECK(report.left_out > 80);
  CHECK(report.why.find("too small") != std::string::npos);
  CHECK(filling.on_flash() == report.kept);
}

TEST_CASE("images that are filled share what flash has for that") {
  Filling filling(1000);
  const auto part = [&filling](ptrdiff_t from) {
    const auto& refs = filling.source.refs;
    return ImageFill::start({filling.source, filling.timers, &filling.flash.tier, filling.room},
                            {"web:1", {refs.begin() + from, refs.begin() + from + 500}, 7, {}});
  };
  const auto until = [&filling](const ImageFill& fill, uint64_t kept) {
    while (fill.report().kept < kept) filling.timers.run_next();
  };
  auto first = part(0);
  filling.timers.run_next();
  const auto second = part(500);
  until(*first, 500);
  while (second->report().left_out == 0) filling.timers.run_next();
  until(*second, 500 - second->report().left_out);
  CHECK(second->report().left_out > 200);
  first.reset();
  until(*second, 500);
  CHECK(second->report().left_out == 0);
}

TEST_CASE("what two filled images have in common takes its room once") {
  Filling filling(700);
  const auto part = [&filling](ptrdiff_t from) {
    const auto& refs = filling.source.refs;
    return ImageFill::start({filling.source, filling.timers, &filling.flash.tier, filling.room},
                            {"web:1", {refs.begin() + from, refs.begin() + from + 600}, 7, {}});
  };
  auto first = part(0);
  const auto second = part(100);
  while (filling.on_flash() < 700) REQUIRE(filling.timers.run_next());
  while (second->report().kept < 600) REQUIRE(filling.timers.run_next());
  CHECK(second->report().left_out == 0);
  first.reset();
  filling.timers.advance(ImageFill::kLookAgain);
  while (filling.timers.run_next() && second->report().kept < 600) {
  }
  CHECK(second->report().kept == 600);
}

TEST_CASE("a fill that is stopped, or that nobody holds, asks for nothing more") {
  Filling filling(100);
  FakeSource source;
  auto fill = ImageFill::start({source, filling.timers, &filling.flash.tier, filling.room},
                               {"web:1", filling.source.refs, 7, {}});
  filling.timers.run_next();
  CHECK(source.gets == ImageFill::kWindow);
  CHECK(source.pending.front().fetch.mount == 7);
  const bool holds = GENERATE(true, false);
  if (holds) {
    fill->stop();
  } else {
    fill.reset();
  }
  while (!source.pending.empty()) source.answer(Error{Code::kTimedOut, "late"});
  while (filling.timers.run_next()) {
  }
  CHECK(source.gets == ImageFill::kWindow);
}

TEST_CASE("without a flash tier all is fetched once") {
  Filling filling(50);
  filling.source.fails = Code::kDamaged;
  const auto fill = ImageFill::start({filling.source, filling.timers, nullptr, filling.room},
                                     {"web:1", filling.source.refs, 7, {}});
  while (fill->report().not_fetched == 0) filling.timers.run_next();
  CHECK(fill->report().kept == 49);
  filling.source.fails.reset();
  while (filling.timers.run_next()) {
  }
  CHECK(fill->report().kept == 50);
  CHECK(fill->report().tier == Tier::kMemory);
  CHECK(filling.source.gets == 51);
}

}  // namespace
}  // namespace thaw::image_fill_test
