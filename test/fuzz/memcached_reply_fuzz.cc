#include "cache/zone/memcached_reply.h"

#include "lib/base/buffer.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto line = thaw::parse_reply_line(thaw::as_text({data, size}));
  if (line.kind != thaw::ReplyLine::Kind::kValue && line.value_bytes != 0) __builtin_trap();
  return 0;
}
