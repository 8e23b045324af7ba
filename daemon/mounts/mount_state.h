// MountState: one mount as the table has it and as the supervisor records it (JSON; it holds no secret).
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "lib/base/result.h"

namespace thaw {

enum class MountPhase : uint8_t {
  kBegun,  // the kernel may or may not have it: a worker that finds this undoes it, nobody was answered
  kDone,
};

struct MountState {
  std::string id;
  std::string key;       // of its image: the block file's name
  std::string manifest;  // digest
  std::string name;      // as the user wrote it
  std::string target;    // its directory; empty: the block file alone
  std::string reopen;    // opaque; what the next daemon needs to open the image again
  uint64_t mount_namespace = 0;
  pid_t pid = 0;  // who asked, in that namespace
  MountPhase phase = MountPhase::kBegun;
};

// The record key of a mount, and whether a key is one.
std::string mount_record_key(const std::string& id);
bool is_mount_record(const std::string& key);

std::string to_record(const MountState& state);
Result<MountState> mount_from_record(const std::string& value);

}  // namespace thaw
