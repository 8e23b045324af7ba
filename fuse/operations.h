// The FUSE operations of a flat, read-only folder of block files, for libfuse's lowlevel API. The session's
// userdata is a FolderContext.
#pragma once

#include <fuse_lowlevel.h>

#include <atomic>

#include "fuse/block_files.h"
#include "fuse/read_reply.h"

namespace thaw {

struct FolderContext {
  BlockFiles& files;
  ReadCounters& counters;
  ReadSink& sink;
  std::atomic<uint64_t>& open_reads;  // counted up for each ReadReply; the sink counts down
};

fuse_lowlevel_ops folder_operations();

}  // namespace thaw
