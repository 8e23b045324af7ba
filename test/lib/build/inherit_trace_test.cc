#include "lib/build/inherit_trace.h"

#include <catch2/catch.hpp>

#include "lib/manifest/trace.h"
#include "lib/store/paths.h"
#include "test/lib/build/memory_device.h"

namespace thaw::inherit_trace_test {
namespace {

struct InheritFixture : BuildFixture {
  // The trace of an image in the store; empty when it has none.
  std::vector<uint32_t> trace_of(const std::string& name) {
    const OpenedImage image = open(name).value();
    const auto object = catalog.read(trace_key(image.root, image.manifest.digest), kMaxTraceBytes);
    if (!object.ok()) return {};
    return open_trace(object->bytes.view(), image.manifest.digest, image.manifest.trace_key)->chunks;
  }
  void record(const std::string& name, const std::vector<uint32_t>& places) {
    const OpenedImage image = open(name).value();
    const Bytes sealed = seal_trace(Trace{places}, image.manifest.digest, image.manifest.trace_key);
    REQUIRE(catalog.write(trace_key(image.root, image.manifest.digest), sealed, {}).ok());
  }
};

}  // namespace

TEST_CASE("a new build of a name starts with its predecessor's trace", "[build]") {
  InheritFixture fixture;
  REQUIRE(fixture.build(MemoryDevice({1, 2, 3, 4, 0, 5}), "web:7").ok());
  fixture.record("web:7", {5, 3, 1, 0, 77});
  // 4 has moved, the chunk in place 1 is another one, the one in place 0 is gone; what never was is left out.
  const auto next = fixture.build(MemoryDevice({0, 9, 3, 0, 4, 5}), "web:7");
  REQUIRE(next.ok());
  CHECK(next->traced_chunks == 3);
  CHECK(fixture.trace_of("web:7") == std::vector<uint32_t>{5, 4, 1});
}

TEST_CASE("a name without a predecessor, or whose trace is damaged, starts without one", "[build]") {
  InheritFixture fixture;
  const MemoryDevice device({1, 2, 3});
  const auto first = fixture.build(device, "web:7");
  REQUIRE(first.ok());
  CHECK(first->traced_chunks == 0);
  CHECK(fixture.build(device, "web:7")->traced_chunks == 0);
  const std::string key = trace_key("1", fixture.open("web:7")->manifest.digest);
  REQUIRE(fixture.catalog.write(key, as_bytes("no trace at all"), {}).ok());
  const auto next = fixture.build(device, "web:7");
  REQUIRE(next.ok());
  CHECK(next->traced_chunks == 0);
  CHECK(fixture.trace_of("web:7").empty());
}

TEST_CASE("a trace is carried over in its order, each place once", "[build]") {
  Manifest previous;
  Manifest next;
  const auto chunk = [](uint32_t place, uint8_t content) {
    ManifestChunk made{place, 4096, {}};
    made.id.bytes[0] = content;
    return made;
  };
  previous.chunks = {chunk(1, 1), chunk(2, 2), chunk(3, 1), chunk(9, 9)};
  next.chunks = {chunk(1, 7), chunk(4, 1), chunk(9, 2)};
  CHECK(carried_over({9, 3, 2, 1, 1, 5}, previous, next) == std::vector<uint32_t>{9, 4});
  CHECK(carried_over({}, previous, next).empty());
}

}  // namespace thaw::inherit_trace_test
