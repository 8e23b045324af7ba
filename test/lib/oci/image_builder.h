// ImageBuilder: writes OCI layouts and docker-archives from layers that a test made, and packs them.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "lib/oci/image.h"
#include "test/lib/oci/tar_builder.h"

namespace thaw::test {

using Json = nlohmann::json;

// A folder that goes with the object.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

inline Result<Image> read_image(const std::string& source, const ReadOptions& options) {
  THAW_ASSIGN(SourceImage image, SourceImage::open(source, options));
  return image.read();
}

std::string gzip(std::string_view bytes);
std::string zstd(std::string_view bytes);
std::string digest_of(std::string_view bytes);  // "sha256:…"
void write_file(const std::string& path, std::string_view bytes);
std::string read_text(const std::string& path);

// A stream that hands out `bytes` in pieces.
class TextStream final : public ByteStream {
 public:
  explicit TextStream(std::string bytes, size_t piece = 1000) : bytes_(std::move(bytes)), piece_(piece) {}
  Result<Buffer> next() override {
    const std::string_view rest = std::string_view(bytes_).substr(used_, piece_);
    used_ += rest.size();
    return Buffer::copy_of(as_bytes(rest));
  }

 private:
  std::string bytes_;
  size_t piece_;
  size_t used_ = 0;
};

struct Layer {
  std::string stored;
  std::string diff_id;

  static Layer plain(const std::string& tar) { return {tar, digest_of(tar)}; }
  static Layer gzipped(const std::string& tar) { return {gzip(tar), digest_of(tar)}; }
  static Layer zstandard(const std::string& tar) { return {zstd(tar), digest_of(tar)}; }
};

class ImageBuilder {
 public:
  explicit ImageBuilder(std::string folder);

  // Writes a blob; a descriptor of it.
  Json blob(std::string_view bytes, const std::string& media_type);
  static Json config_for(const std::vector<Layer>& layers);
  // Writes config, layers and manifest; the manifest's descriptor.
  Json manifest(const std::vector<Layer>& layers, const Json& config);
  Json image(const std::vector<Layer>& layers) { return manifest(layers, config_for(layers)); }
  void index(const std::vector<Json>& manifests);
  // A layout with one image.
  void only(const std::vector<Layer>& layers) { index({image(layers)}); }

  std::string blob_path(const std::string& digest) const;
  std::string source() const { return "oci:" + folder_; }
  const std::string& folder() const { return folder_; }

 private:
  std::string folder_;
};

// An image of these tars as plain layers, written to a layout and read from it.
Result<Image> read_layers(const std::vector<std::string>& tars, ReadOptions options = {});

// All files of a folder as a tar, named as they are below it.
std::string tar_of_folder(const std::string& folder);

// For messages: the error's message, or "" for a success.
template <class T>
std::string message(const Result<T>& result) {
  return result.ok() ? std::string() : result.error().message;
}
template <class T>
Code code(const Result<T>& result) {
  return result.error().code;
}

// The inode at "a/b/c", symlinks not followed; nullptr when there is none.
const Inode* at(const Tree& tree, std::string_view path);
// A regular file's bytes, holes as zeros.
std::string content(const Image& image, std::string_view path);
std::string content(const Inode& inode, const Spool& spool);

}  // namespace thaw::test
