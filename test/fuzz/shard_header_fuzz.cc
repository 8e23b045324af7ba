#include <algorithm>

#include "lib/erasure/shard_format.h"

// The only header that fits is the one that was made for this shard and these bytes.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < thaw::kShardHeaderBytes) return 0;
  const thaw::ByteView payload(data + thaw::kShardHeaderBytes, size - thaw::kShardHeaderBytes);
  thaw::ShardHeader header{};
  std::copy_n(data, header.size(), header.begin());
  thaw::ShardName name;
  name.chunk.stored_length = 4096;
  name.data_shards = 4;
  name.parity_shards = 1;
  if (!thaw::check_shard_header(header, name).ok()) return 0;
  (void)thaw::payload_fits(header, payload);
  return 0;
}
