#include "test/lib/oci/image_builder.h"

#include <zlib.h>
#include <zstd.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include "lib/crypto/hash.h"

namespace thaw::test {

namespace fs = std::filesystem;

TemporaryFolder::TemporaryFolder() {
  std::string pattern = (fs::temp_directory_path() / "thaw-oci-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp");
  path_ = pattern;
}

TemporaryFolder::~TemporaryFolder() { fs::remove_all(path_); }

std::string gzip(std::string_view bytes) {
  z_stream stream{};
  if (deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK) throw std::bad_alloc();
  std::string out(deflateBound(&stream, static_cast<uLong>(bytes.size())) + 32, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  if (deflate(&stream, Z_FINISH) != Z_STREAM_END) throw std::runtime_error("deflate");
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::string zstd(std::string_view bytes) {
  std::string out(ZSTD_compressBound(bytes.size()), '\0');
  const size_t size = ZSTD_compress(out.data(), out.size(), bytes.data(), bytes.size(), 3);
  if (ZSTD_isError(size)) throw std::runtime_error("zstd");
  out.resize(size);
  return out;
}

std::string digest_of(std::string_view bytes) { return "sha256:" + sha256(as_bytes(bytes)).hex(); }

void write_file(const std::string& path, std::string_view bytes) {
  fs::create_directories(fs::path(path).parent_path());
  std::ofstream(path, std::ios::binary) << bytes;
}

std::string read_text(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

ImageBuilder::ImageBuilder(std::string folder) : folder_(std::move(folder)) {
  write_file(folder_ + "/oci-layout", R"({"imageLayoutVersion":"1.0.0"})");
}

std::string ImageBuilder::blob_path(const std::string& digest) const {
  return folder_ + "/blobs/sha256/" + digest.substr(7);
}

Json ImageBuilder::blob(std::string_view bytes, const std::string& media_type) {
  const std::string digest = digest_of(bytes);
  write_file(blob_path(digest), bytes);
  return {{"mediaType", media_type}, {"digest", digest}, {"size", bytes.size()}};
}

Json ImageBuilder::config_for(const std::vector<Layer>& layers) {
  Json ids = Json::array();
  for (const Layer& layer : layers) ids.push_back(layer.diff_id);
  const Platform platform = this_platform();
  return {{"os", platform.os},
          {"architecture", platform.architecture},
          {"config", {{"Cmd", {"/bin/sh"}}}},
          {"rootfs", {{"type", "layers"}, {"diff_ids", ids}}}};
}

Json ImageBuilder::manifest(const std::vector<Layer>& layers, const Json& config) {
  Json list = Json::array();
  // The media type is the same whatever the layer is: only its content tells.
  for (const Layer& layer : layers) {
    list.push_back(blob(layer.stored, "application/vnd.oci.image.layer.v1.tar+gzip"));
  }
  const Json document = {{"schemaVersion", 2},
                         {"mediaType", "application/vnd.oci.image.manifest.v1+json"},
                         {"config", blob(config.dump(), "application/vnd.oci.image.config.v1+json")},
                         {"layers", list}};
  return blob(document.dump(), "application/vnd.oci.image.manifest.v1+json");
}

void ImageBuilder::index(const std::vector<Json>& manifests) {
  write_file(folder_ + "/index.json", Json({{"schemaVersion", 2}, {"manifests", manifests}}).dump());
}

Result<Image> read_layers(const std::vector<std::string>& tars, ReadOptions options) {
  const TemporaryFolder folder;
  ImageBuilder builder(folder.path() + "/layout");
  std::vector<Layer> layers;
  for (const std::string& tar : tars) layers.push_back(Layer::plain(tar));
  builder.only(layers);
  options.spool_folder = folder.path();
  return read_image(builder.source(), options);
}

std::string tar_of_folder(const std::string& folder) {
  TarBuilder tar;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    tar.file("./" + fs::relative(entry.path(), folder).string(), read_text(entry.path().string()));
  }
  return tar.finish();
}

const Inode* at(const Tree& tree, std::string_view path) {
  InodeIndex index = Tree::kRoot;
  while (!path.empty()) {
    const std::string name(path.substr(0, path.find('/')));
    const auto& entries = tree.inode(index).entries;
    const auto found = entries.find(name);
    if (found == entries.end()) return nullptr;
    index = found->second;
    path.remove_prefix(std::min(name.size() + 1, path.size()));
  }
  return &tree.inode(index);
}

std::string content(const Inode& inode, const Spool& spool) {
  std::string bytes(inode.size, '\0');
  for (const Segment& segment : inode.segments) {
    const MutableBytes out(reinterpret_cast<uint8_t*>(bytes.data()) + segment.offset, segment.length);
    if (!spool.read(segment.spool_offset, out).ok()) throw std::runtime_error("spool");
  }
  return bytes;
}

std::string content(const Image& image, std::string_view path) {
  const Inode* inode = at(image.tree, path);
  if (inode == nullptr) throw std::runtime_error("no such file in the image");
  return content(*inode, image.spool);
}

}  // namespace thaw::test
