// Ext4Source: an ext4 device (lib/ext4) as the build pipeline reads it. Holds the device.
#pragma once

#include "lib/build/device_source.h"
#include "lib/ext4/device.h"

namespace thaw {

class Ext4Source final : public DeviceSource {
 public:
  explicit Ext4Source(Device device);

  const DeviceShape& shape() const override { return shape_; }
  Status read_chunk(uint32_t index, MutableBytes out) const override {
    return device_.read_chunk(index, out);
  }

 private:
  Device device_;
  DeviceShape shape_;
};

}  // namespace thaw
