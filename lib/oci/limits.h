// Limits: what an image may ask of the machine that reads it. Every one is checked before memory or disk is
// taken, and the error names it. The defaults hold every image that we have met; configuration changes them.
#pragma once

#include <cstdint>
#include <string>

#include "lib/base/error.h"
#include "lib/base/units.h"

namespace thaw {

struct Limits {
  uint64_t max_layers = 512;
  uint64_t max_json_bytes = 8 * kMiB;          // one index, manifest or config
  uint64_t max_json_depth = 64;                // nesting inside one of them
  uint64_t max_entries = 2'000'000;            // tar entries and implied directories, all layers
  uint64_t max_expanded_bytes = 256 * kGiB;    // uncompressed tar bytes, all layers
  uint64_t max_expansion_ratio = 500;          // uncompressed / compressed, one layer ...
  uint64_t expansion_floor_bytes = 1 * kGiB;   // ... that is larger than this uncompressed
  uint64_t max_file_bytes = 1024 * kGiB;       // one file's size, holes included
  uint64_t max_path_bytes = 4096;              // one path or link target
  uint64_t max_path_depth = 2048;              // components
  uint64_t max_xattr_bytes = 1 * kMiB;         // names and values, one entry
  uint64_t max_xattr_bytes_total = 64 * kMiB;  // the same, all entries of all layers
  uint64_t max_header_bytes = 2 * kMiB;        // pax and GNU headers of one entry
  uint64_t max_sparse_ranges = 1'000'000;      // data ranges of one sparse file
  uint64_t max_metadata_bytes = 512 * kMiB;  // names, targets, xattrs and segment lists in memory, all layers
};

// "NAME is 5, the limit max_x is 4": for a value that an image may not have.
Error over_limit(const std::string& what, const char* limit_name, uint64_t limit);

}  // namespace thaw
