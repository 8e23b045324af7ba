// A device in memory, and a workshop with a store and a keyring to build it into.
#pragma once

#include <atomic>
#include <random>

#include "lib/build/store_image.h"
#include "lib/store/open_image.h"
#include "test/lib/store/store_fixture.h"

namespace thaw {

inline constexpr uint32_t kTestChunk = 64 * 1024;

// Chunks are given by a number: equal numbers have equal bytes; 0 is zeros; odd numbers end in zeros.
class MemoryDevice final : public DeviceSource {
 public:
  explicit MemoryDevice(const std::vector<unsigned>& contents) {
    shape_.chunk_size = kTestChunk;
    shape_.device_bytes = contents.size() * uint64_t{kTestChunk};
    shape_.layout_version = 1;
    bytes_.resize(shape_.device_bytes);
    for (uint32_t i = 0; i < contents.size(); ++i) {
      shape_.chunks.push_back(i);
      fill(i, contents[i]);
    }
    shape_.path_order.assign(shape_.chunks.rbegin(), shape_.chunks.rend());
  }

  const DeviceShape& shape() const override { return shape_; }
  Status read_chunk(uint32_t index, MutableBytes out) const override {
    if (index == fail_at) return Error{Code::kFailed, "the spool is broken"};
    const ByteView chunk = ByteView(bytes_).subspan(size_t{index} * kTestChunk, kTestChunk);
    std::copy(chunk.begin(), chunk.end(), out.begin());
    return {};
  }
  // Leaves a chunk out that is zeros, as a layout does.
  void leave_out(uint32_t index) { std::erase(shape_.chunks, index); }
  ByteView bytes() const { return bytes_; }

  uint32_t fail_at = UINT32_MAX;

 private:
  void fill(uint32_t index, unsigned content) {
    if (content == 0) return;
    std::mt19937 random(content);
    const size_t length = content % 2 == 1 ? kTestChunk / 2 - 100 : kTestChunk;
    for (size_t i = 0; i < length; ++i) {
      bytes_[size_t{index} * kTestChunk + i] = static_cast<uint8_t>(random() % 255 + 1);
    }
  }

  DeviceShape shape_;
  Bytes bytes_;
};

struct BuildFixture : CatalogFixture {
  ThreadPool workers{2};
  SequenceMemory sequences{folder / "sequences"};  // of who opens
  SequenceMemory built{folder / "built"};          // of who builds
  ImageDetails details{{}, "test", "{}", 4711, 5};

  Workshop workshop() {
    return {catalog,
            keys,
            keys,
            workers,
            trusted(),
            "0.1.0",
            SaltMemory(folder / "salts"),
            &built,
            folder / "known" + "/s3"};
  }
  Result<BuildReport> build(const DeviceSource& device, const std::string& name,
                            const UploadOptions& options = {}) {
    REQUIRE(keys.prepare_builder().ok());
    Workshop shop = workshop();
    return store_image(shop, {device, details, "acme", ImageName::parse(name).value()}, options);
  }
  Result<BuildReport> build_for(const std::string& tenant, const DeviceSource& device, Isolation isolation) {
    REQUIRE(keys.prepare_builder().ok());
    Workshop shop = workshop();
    return store_image(shop, {device, details, tenant, ImageName::parse("web").value(), isolation}, {});
  }
  Result<BuildReport> build_apart(const DeviceSource& device, const std::string& name, SaltApart apart) {
    REQUIRE(keys.prepare_builder().ok());
    Workshop shop = workshop();
    apart.uses_folder = folder / "uses";
    return store_image(
        shop, {device, details, "acme", ImageName::parse(name).value(), Isolation::kShared, apart}, {});
  }
  Result<OpenedImage> open(const std::string& name) {
    return open_image({catalog, keys, sequences, trusted()}, {"acme", ImageName::parse(name).value()});
  }
  std::vector<ListedObject> stored_chunks() {
    ListOptions options;
    options.prefix = "roots/1/chunks/";
    return list(options).value();
  }
};

}  // namespace thaw
