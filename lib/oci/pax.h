// Extended headers of pax archives (POSIX.1-2017 `pax`), with the extensions that container layers use:
// SCHILY.xattr.* (star, GNU tar, Go), LIBARCHIVE.xattr.* (bsdtar) and GNU.sparse.* (GNU tar).
#pragma once

#include <map>
#include <optional>
#include <string>

#include "lib/oci/limits.h"
#include "lib/oci/sparse_map.h"
#include "lib/oci/tar_entry.h"

namespace thaw {

struct PaxRecords {
  std::optional<std::string> path;
  std::optional<std::string> link;
  std::optional<uint64_t> size;
  std::optional<int64_t> uid;
  std::optional<int64_t> gid;
  std::optional<Timestamp> mtime;
  std::map<std::string, std::string> xattrs;
  PaxSparse sparse;
};

// Adds the records of one extended header to `records`. An empty value deletes, as POSIX says (and leaves
// what the header block has). Keys that mean nothing here are passed over.
Status parse_pax(std::string_view text, const Limits& limits, PaxRecords& records);

// "123", "-1.5", "1700000000.123456789"; more digits are cut.
Result<Timestamp> parse_pax_time(std::string_view text);

}  // namespace thaw
