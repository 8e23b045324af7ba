#include "lib/ext4/block_map_io.h"

#include <cstring>
#include <memory>

namespace thaw {
namespace {

// libext2fs hands a name to open() and nothing else, so the map travels beside it.
thread_local BlockMap* opening = nullptr;

BlockMap& map_of(io_channel channel) { return *static_cast<BlockMap*>(channel->private_data); }

// A negative count is one of bytes.
uint64_t length_of(io_channel channel, int count) {
  if (count < 0) return static_cast<uint64_t>(-static_cast<int64_t>(count));
  return static_cast<uint64_t>(count) * static_cast<uint64_t>(channel->block_size);
}

uint64_t offset_of(io_channel channel, unsigned long long block) {
  return block * static_cast<uint64_t>(channel->block_size);
}

errcode_t open_channel(const char*, int, io_channel* channel);

errcode_t close_channel(io_channel channel) {
  if (--channel->refcount > 0) return 0;
  delete channel;
  return 0;
}

errcode_t set_block_size(io_channel channel, int size) {
  channel->block_size = size;
  return 0;
}

errcode_t read_blocks64(io_channel channel, unsigned long long block, int count, void* data) {
  const MutableBytes out{static_cast<uint8_t*>(data), length_of(channel, count)};
  return map_of(channel).read(offset_of(channel, block), out).ok() ? 0 : EXT2_ET_SHORT_READ;
}

errcode_t write_blocks64(io_channel channel, unsigned long long block, int count, const void* data) {
  const ByteView bytes{static_cast<const uint8_t*>(data), length_of(channel, count)};
  return map_of(channel).write(offset_of(channel, block), bytes).ok() ? 0 : EXT2_ET_SHORT_WRITE;
}

errcode_t read_blocks(io_channel channel, unsigned long block, int count, void* data) {
  return read_blocks64(channel, block, count, data);
}

errcode_t write_blocks(io_channel channel, unsigned long block, int count, const void* data) {
  return write_blocks64(channel, block, count, data);
}

errcode_t flush(io_channel) { return 0; }

struct_io_manager make_manager() {
  struct_io_manager manager{};
  manager.magic = EXT2_ET_MAGIC_IO_MANAGER;
  manager.name = "thaw block map";
  manager.open = open_channel;
  manager.close = close_channel;
  manager.set_blksize = set_block_size;
  manager.read_blk = read_blocks;
  manager.write_blk = write_blocks;
  manager.flush = flush;
  manager.read_blk64 = read_blocks64;
  manager.write_blk64 = write_blocks64;
  return manager;
}

errcode_t open_channel(const char*, int, io_channel* channel) {
  if (!opening) return EXT2_ET_BAD_DEVICE_NAME;
  auto made = std::make_unique<struct_io_channel>();
  std::memset(made.get(), 0, sizeof *made);
  made->magic = EXT2_ET_MAGIC_IO_CHANNEL;
  made->manager = block_map_io_manager();
  made->block_size = static_cast<int>(kBlockSize);
  made->refcount = 1;
  made->private_data = opening;
  *channel = made.release();
  return 0;
}

}  // namespace

BlockMapChannel::BlockMapChannel(BlockMap& map) { opening = &map; }
BlockMapChannel::~BlockMapChannel() { opening = nullptr; }

io_manager block_map_io_manager() {
  static struct_io_manager manager = make_manager();
  return &manager;
}

}  // namespace thaw
