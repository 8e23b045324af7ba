// TarEntry: one entry of a tar archive with its extended headers merged in.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "lib/tree/tree.h"

namespace thaw {

enum class TarType : uint8_t {
  kFile,
  kHardLink,
  kSymlink,
  kCharDevice,
  kBlockDevice,
  kDirectory,
  kFifo,
};

// A part of a sparse file that has bytes in the archive.
struct SparseRange {
  uint64_t offset = 0;  // in the file, bytes
  uint64_t length = 0;  // bytes
};

struct TarEntry {
  std::string path;  // as the archive has it, not cleaned; without NULs
  std::string link;  // hard link: path in the archive; symlink: target
  TarType type = TarType::kFile;
  uint16_t permissions = 0;  // 07777
  uint32_t uid = 0;
  uint32_t gid = 0;
  Timestamp mtime;
  uint32_t device_major = 0;
  uint32_t device_minor = 0;
  uint64_t size = 0;                          // files: logical bytes
  std::map<std::string, std::string> xattrs;  // full names, raw values
  bool sparse = false;                        // files: the archive leaves holes out
};

}  // namespace thaw
