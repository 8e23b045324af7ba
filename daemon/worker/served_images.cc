#include "daemon/worker/served_images.h"

#include <algorithm>
#include <chrono>
#include <mutex>

namespace thaw {

void ServedImages::add(const std::string& name, const Digest& manifest, std::shared_ptr<const ImageMap> map,
                       ReadPolicy policy) {
  const ImageReader::Parts parts{chain_.source(), chain_.memory(), chain_.read_ahead(),
                                 counters_.image(manifest)};
  auto image = std::make_shared<Served>(std::move(map), parts, policy);
  image->name = name;
  image->manifest = manifest;
  const std::unique_lock lock(mutex_);
  images_.try_emplace(inode_of(name), std::move(image));
}

void ServedImages::remove(const std::string& name) {
  std::shared_ptr<Served> removed;
  const std::unique_lock lock(mutex_);
  const auto found = images_.find(inode_of(name));
  if (found == images_.end()) return;
  removed = std::move(found->second);
  images_.erase(found);
  counters_.forget_image(removed->manifest);
}

void ServedImages::set_policy(const std::string& name, ReadPolicy policy) {
  const auto image = served(inode_of(name));
  if (image) image->set(policy);
}

std::shared_ptr<ServedImages::Served> ServedImages::served(uint64_t inode) const {
  const std::shared_lock lock(mutex_);
  const auto found = images_.find(inode);
  return found == images_.end() ? nullptr : found->second;
}

std::optional<BlockFile> ServedImages::find(uint64_t inode) const {
  const auto image = served(inode);
  if (!image) return std::nullopt;
  return BlockFile{image->name, image->reader.map().device_size};
}

std::vector<BlockFile> ServedImages::list() const {
  std::vector<BlockFile> files;
  const std::shared_lock lock(mutex_);
  for (const auto& [inode, image] : images_) files.push_back({image->name, image->reader.map().device_size});
  return files;
}

void ServedImages::read(uint64_t inode, uint64_t offset, ReadReply reply) {
  // Held until read() returns: the completion may run inside it, and the image may be removed meanwhile.
  const auto image = served(inode);
  if (!image) return reply.fail({Code::kNotFound, "the image is not mounted any more"});
  const TimePoint start = clock_.now();
  Fetch fetch;
  fetch.deadline = image->wait ? TimePoint::max() : start + image->deadline.load();
  fetch.mount = inode;
  const uint32_t length = reply.length();
  image->reader.read(offset, length, fetch,
                     [this, start, image, reply = std::move(reply)](Result<ReadableRange> range) mutable {
                       answer(*image, start, std::move(reply), std::move(range));
                     });
}

void ServedImages::answer(Served& image, TimePoint start, ReadReply reply, Result<ReadableRange> range) {
  if (!range.ok()) return reply.fail(range.error());
  const uint32_t length = reply.length();
  reply.answer([&range](MutableBytes out) -> Status {
    range.value().copy_to(out);
    return {};
  });
  count(image.counters.bytes_read, length);
  const auto took = std::chrono::duration_cast<std::chrono::microseconds>(clock_.now() - start);
  counters_.latency.record(static_cast<uint64_t>(std::max<int64_t>(0, took.count())));
}

}  // namespace thaw
