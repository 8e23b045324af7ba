// Source: the Docker image specification v1.2, "Combined Image JSON + Filesystem Changeset Format".
#include <algorithm>

#include "lib/crypto/hash.h"
#include "lib/oci/context.h"
#include "lib/oci/json.h"
#include "lib/oci/sources.h"
#include "lib/oci/tree_editor.h"

namespace thaw {
namespace {

// One image of manifest.json.
struct SavedImage {
  std::string config;  // path in the archive
  std::vector<std::string> tags;
  std::vector<std::string> layers;  // paths in the archive
};

Result<std::string> clean_name(const std::string& path, const Limits& limits) {
  THAW_ASSIGN(const PathParts parts, clean_path(path, limits));
  std::string name;
  for (const std::string& part : parts) name += (name.empty() ? "" : "/") + part;
  return name;
}

// Most writers name the config after its digest: "<hex>.json", "sha256:<hex>" or "blobs/sha256/<hex>".
std::optional<Digest> digest_in_name(const std::string& path) {
  constexpr std::string_view kAlgorithm = "sha256:";
  std::string name = path.substr(path.rfind('/') + 1);
  if (name.ends_with(".json")) name.resize(name.size() - 5);
  if (name.starts_with(kAlgorithm)) name.erase(0, kAlgorithm.size());
  return Digest::from_hex(name);
}

class DockerArchive final : public ImageSource {
 public:
  DockerArchive(std::unique_ptr<BlobFiles> files, std::string reference, const Limits& limits)
      : files_(std::move(files)), reference_(std::move(reference)), limits_(limits) {}

  Result<ImageParts> choose(const Platform& /*platform*/) override {
    auto text = read_small_file(*files_, "manifest.json", limits_);
    if (!text.ok() && text.error().code == Code::kNotFound) {
      return Error{
          Code::kNotFound,
          "the archive has no manifest.json: it is not from `docker save` (or from one before 1.10)"};
    }
    if (!text.ok()) return std::move(text).error();
    auto parts = choose_from(text.value());
    if (!parts.ok()) return about("manifest.json", std::move(parts).error());
    return parts;
  }

  Result<std::unique_ptr<ByteStream>> open(const Descriptor& blob) override {
    THAW_ASSIGN(BlobFile file, files_->open(blob.name));
    return std::move(file.bytes);
  }

  Result<uint64_t> stored_size(const Descriptor& blob) override {
    THAW_ASSIGN(const BlobFile file, files_->open(blob.name));
    return file.size;
  }

 private:
  Result<ImageParts> choose_from(const std::string& text) const {
    THAW_ASSIGN(const auto images, parse_images(text));
    THAW_ASSIGN(const SavedImage image, named_image(images));
    ImageParts parts;
    THAW_ASSIGN(parts.config.name, clean_name(image.config, limits_));
    parts.config.digest = digest_in_name(image.config);
    if (!parts.config.digest) {
      THAW_ASSIGN(const std::string config, read_small_file(*files_, parts.config.name, limits_));
      parts.config.digest = sha256(as_bytes(config));
    }
    parts.digest = "sha256:" + parts.config.digest->hex();
    if (image.layers.size() > limits_.max_layers) {
      return over_limit("the image's layers", "max_layers", limits_.max_layers);
    }
    for (const std::string& layer : image.layers) {
      Descriptor blob;
      THAW_ASSIGN(blob.name, clean_name(layer, limits_));
      parts.layers.push_back(std::move(blob));
    }
    return parts;
  }

  Result<std::vector<SavedImage>> parse_images(const std::string& text) const {
    THAW_ASSIGN(const Json document, parse_json(text, limits_));
    if (!document.is_array()) return damaged("not a list of images");
    std::vector<SavedImage> images;
    for (const Json& json : document) {
      SavedImage image;
      THAW_ASSIGN(image.config, text_member(json, "Config"));
      THAW_ASSIGN(image.tags, list_member(json, "RepoTags"));
      THAW_ASSIGN(image.layers, list_member(json, "Layers"));
      images.push_back(std::move(image));
    }
    return images;
  }

  Result<SavedImage> named_image(const std::vector<SavedImage>& images) const {
    if (images.empty()) return Error{Code::kNotFound, "the archive has no image"};
    if (reference_.empty() && images.size() == 1) return images.front();
    if (reference_.empty()) {
      return Error{Code::kUsage, "the archive has more than one image; name one of " + list_of(images)};
    }
    for (const SavedImage& image : images) {
      if (is_named(image)) return image;
    }
    return Error{Code::kNotFound,
                 "the archive has no image \"" + printable(reference_) + "\"; it has " + list_of(images)};
  }

  // As containers/image does, "web" means "web:latest".
  bool is_named(const SavedImage& image) const {
    const auto has = [&image](const std::string& tag) { return std::ranges::count(image.tags, tag) > 0; };
    return has(reference_) || has(reference_ + ":latest") || image.config == reference_;
  }

  static std::string list_of(const std::vector<SavedImage>& images) {
    std::string list;
    for (const SavedImage& image : images) {
      for (const std::string& tag : image.tags) list += (list.empty() ? "" : ", ") + printable(tag);
      if (image.tags.empty()) list += (list.empty() ? "" : ", ") + printable(image.config);
    }
    return list;
  }

  const std::unique_ptr<BlobFiles> files_;
  const std::string reference_;
  const Limits& limits_;
};

}  // namespace

std::unique_ptr<ImageSource> make_docker_archive(std::unique_ptr<BlobFiles> files, std::string reference,
                                                 const Limits& limits) {
  return std::make_unique<DockerArchive>(std::move(files), std::move(reference), limits);
}

}  // namespace thaw
