// Source: OCI image specification, image-layout.md.
#include <algorithm>
#include <set>

#include "lib/oci/context.h"
#include "lib/oci/manifest.h"
#include "lib/oci/sources.h"

namespace thaw {
namespace {

class OciLayout final : public ImageSource {
 public:
  OciLayout(std::unique_ptr<BlobFiles> files, std::string reference, const Limits& limits)
      : files_(std::move(files)), reference_(std::move(reference)), limits_(limits) {}

  Result<ImageParts> choose(const Platform& platform) override {
    auto text = read_small_file(*files_, "index.json", limits_);
    if (!text.ok() && text.error().code == Code::kNotFound) {
      return Error{Code::kNotFound, text.error().message +
                                        ": it is no OCI layout; of an archive that `docker save` made use "
                                        "docker-archive:FILE"};
    }
    if (!text.ok()) return std::move(text).error();
    auto entries = read_index(text.value());
    if (!entries.ok()) return about("index.json", std::move(entries).error());
    THAW_ASSIGN(const auto named, named_entries(std::move(entries).value()));
    return choose_image(*this, named, platform, limits_);
  }

  Result<std::unique_ptr<ByteStream>> open(const Descriptor& blob) override {
    THAW_ASSIGN(BlobFile file, files_->open(path_of(blob)));
    return std::move(file.bytes);
  }

  Result<uint64_t> stored_size(const Descriptor& blob) override {
    THAW_ASSIGN(const BlobFile file, files_->open(path_of(blob)));
    return file.size;
  }

 private:
  static std::string path_of(const Descriptor& blob) { return "blobs/sha256/" + blob.digest->hex(); }

  Result<std::vector<IndexEntry>> read_index(const std::string& text) const {
    THAW_ASSIGN(const Json document, parse_json(text, limits_));
    return parse_index(document);
  }

  // The entries that the reference names; all, where they are one image (for several platforms, perhaps).
  Result<std::vector<IndexEntry>> named_entries(std::vector<IndexEntry> entries) const {
    std::set<std::string> names;
    for (const IndexEntry& entry : entries) names.insert(entry.ref_name);
    if (entries.empty()) return Error{Code::kNotFound, "the layout has no image"};
    if (reference_.empty()) {
      if (names.size() == 1) return entries;
      return Error{Code::kUsage, "the layout has more than one image; name one of " + list_of(entries)};
    }
    const std::string all = list_of(entries);
    std::erase_if(entries, [this](const IndexEntry& entry) {
      return entry.ref_name != reference_ && entry.blob.name != reference_;
    });
    if (!entries.empty()) return entries;
    return Error{Code::kNotFound, "the layout has no image \"" + printable(reference_) + "\"; it has " + all};
  }

  static std::string list_of(const std::vector<IndexEntry>& entries) {
    std::string list;
    for (const IndexEntry& entry : entries) {
      const std::string& name = entry.ref_name.empty() ? entry.blob.name : entry.ref_name;
      list += (list.empty() ? "" : ", ") + printable(name);
    }
    return list;
  }

  const std::unique_ptr<BlobFiles> files_;
  const std::string reference_;
  const Limits& limits_;
};

}  // namespace

std::unique_ptr<ImageSource> make_oci_layout(std::unique_ptr<BlobFiles> files, std::string reference,
                                             const Limits& limits) {
  return std::make_unique<OciLayout>(std::move(files), std::move(reference), limits);
}

}  // namespace thaw
