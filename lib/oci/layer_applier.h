// LayerApplier: applies an image's layers, in order, to a Tree, as the OCI image specification ("Image Layer
// Filesystem Changeset") says and `umoci unpack` does.
//
// Belongs to one thread. After an error the tree is of no use.
#pragma once

#include "lib/oci/content_writer.h"
#include "lib/oci/tar_reader.h"
#include "lib/oci/tree_editor.h"

namespace thaw {

class LayerApplier {
 public:
  // REQUIRES: all outlive the applier, and nobody else changes them meanwhile.
  LayerApplier(Tree& tree, Spool& spool, const Limits& limits)
      : tree_(tree), limits_(limits), editor_(tree, limits), contents_(spool) {}

  // One layer's tar, uncompressed. Reads the stream to its end, also behind the archive.
  Status apply(ByteStream& layer);

  // Writes what is still in memory to the spool. Call it once, behind the last layer.
  Status finish() { return contents_.flush(); }

 private:
  Status apply_entry(TarReader& reader, TarEntry& entry);
  Status apply_to_root(TarEntry& entry);
  Status apply_whiteout(const PathParts& folder, const std::string& name);
  Status apply_directory(InodeIndex folder, const std::string& name, TarEntry& entry);
  Status apply_hard_link(InodeIndex folder, const std::string& name, const TarEntry& entry);
  Result<Inode> make_inode(TarReader& reader, TarEntry& entry);
  Status read_content(TarReader& reader, const TarEntry& entry, Inode& inode);
  Status check_xattrs(TarEntry& entry);

  Tree& tree_;
  const Limits& limits_;
  TreeEditor editor_;
  ContentWriter contents_;
  uint64_t xattr_bytes_ = 0;
};

}  // namespace thaw
