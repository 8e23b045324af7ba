// BlobFiles: the files of a layout, in a directory or inside a tar archive that is not extracted.
//
// An archive is indexed once, by offset; a compressed one is first decompressed into an anonymous file in the
// spool folder. Belongs to one thread; streams that it opened may be read on another.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "lib/oci/file_stream.h"
#include "lib/oci/limits.h"

namespace thaw {

struct BlobFile {
  std::unique_ptr<ByteStream> bytes;
  uint64_t size = 0;  // bytes
};

class BlobFiles {
 public:
  virtual ~BlobFiles() = default;

  // `path` is relative, cleaned: "blobs/sha256/…". kNotFound when there is none. The stream must not outlive
  // this.
  virtual Result<BlobFile> open(const std::string& path) = 0;
};

Result<std::unique_ptr<BlobFiles>> open_directory_files(const std::string& folder);
Result<std::unique_ptr<BlobFiles>> open_archive_files(const std::string& file,
                                                      const std::string& spool_folder, const Limits& limits);

// A whole small file; kFailed when it is larger than max_json_bytes.
Result<std::string> read_small_file(BlobFiles& files, const std::string& path, const Limits& limits);

// A stream's bytes; kFailed beyond max_json_bytes.
Result<std::string> read_small(ByteStream& stream, const Limits& limits);

}  // namespace thaw
