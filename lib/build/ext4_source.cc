#include "lib/build/ext4_source.h"

namespace thaw {

Ext4Source::Ext4Source(Device device) : device_(std::move(device)) {
  shape_.device_bytes = device_.device_bytes();
  shape_.chunk_size = static_cast<uint32_t>(device_.chunk_bytes());
  shape_.layout_version = kLayoutVersion;
  shape_.chunks.reserve(device_.chunks().size());
  for (const uint64_t index : device_.chunks()) shape_.chunks.push_back(static_cast<uint32_t>(index));
  shape_.path_order = device_.path_order();
}

}  // namespace thaw
