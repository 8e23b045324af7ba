#include "lib/oci/manifest.h"

#include <algorithm>
#include <set>

#include "lib/oci/context.h"

namespace thaw {
namespace {

constexpr unsigned kMaxNesting = 4;  // indexes in indexes

Result<Descriptor> parse_descriptor(const Json& json) {
  Descriptor blob;
  THAW_ASSIGN(blob.name, text_member(json, "digest"));
  THAW_ASSIGN(blob.digest, parse_digest(blob.name));
  const Json& size = member(json, "size");
  if (!size.is_number_unsigned()) return damaged("blob " + blob.name + " has no size");
  blob.size = size.get<uint64_t>();
  return blob;
}

Result<ImageParts> parse_manifest(const Json& document, const Descriptor& self, const Limits& limits) {
  ImageParts parts;
  parts.digest = self.name;
  THAW_ASSIGN(parts.config, parse_descriptor(member(document, "config")));
  const Json& layers = member(document, "layers");
  if (!layers.is_array()) return damaged("\"layers\" is not a list");
  if (layers.size() > limits.max_layers)
    return over_limit("the image's layers", "max_layers", limits.max_layers);
  for (const Json& layer : layers) {
    THAW_ASSIGN(Descriptor blob, parse_descriptor(layer));
    parts.layers.push_back(std::move(blob));
  }
  return parts;
}

bool fits(const Platform& wanted, const Platform& offered) {
  if (offered.os.empty() && offered.architecture.empty()) return true;
  if (offered.os != wanted.os || offered.architecture != wanted.architecture) return false;
  return wanted.variant.empty() || offered.variant.empty() || offered.variant == wanted.variant;
}

// Walks an index and those in it, and gathers the manifests that fit.
class Chooser {
 public:
  Chooser(BlobSource& source, const Platform& wanted, const Limits& limits)
      : source_(source), wanted_(wanted), limits_(limits) {}

  Status visit(const std::vector<IndexEntry>& entries, unsigned nesting) {
    for (const IndexEntry& entry : entries) {
      if (!entry.platform.os.empty()) offered_.insert(entry.platform.text());
      if (!fits(wanted_, entry.platform)) continue;
      const Status visited = visit_entry(entry, nesting);
      if (!visited.ok()) return about(entry.blob.name, visited.error());
    }
    return {};
  }

  Result<ImageParts> chosen() && {
    if (found_.empty()) return not_found();
    // A manifest for exactly this machine before one that does not tell.
    const auto best = std::max_element(found_.begin(), found_.end(), by_rank);
    const auto rivals = std::count_if(found_.begin(), found_.end(), [&best](const Found& other) {
      return other.rank == best->rank && other.parts.digest != best->parts.digest;
    });
    if (rivals > 0) {
      return Error{Code::kUsage, "more than one image fits " + wanted_.text() +
                                     "; name one by its reference, or give a platform with its variant"};
    }
    return std::move(best->parts);
  }

 private:
  struct Found {
    int rank = 0;
    ImageParts parts;
  };

  static bool by_rank(const Found& a, const Found& b) { return a.rank < b.rank; }

  Error not_found() const {
    std::string list;
    for (const std::string& platform : offered_) list += (list.empty() ? "" : ", ") + printable(platform);
    return Error{Code::kNotFound, "no image for " + wanted_.text() + " in it" +
                                      (list.empty() ? "" : "; it has " + list + " (see --platform)")};
  }

  static Error no_manifest(const Json& document) {
    if (!document.is_object() || !document.contains("fsLayers"))
      return damaged("neither an image index nor an image manifest");
    return damaged(
        "its manifest is of Docker's schema 1, which is too old; push the image again with a current "
        "tool ('skopeo copy --format oci', say)");
  }

  int rank_of(const Platform& offered) const {
    if (offered.architecture.empty()) return 0;
    return offered.variant == wanted_.variant ? 2 : 1;
  }

  Status visit_entry(const IndexEntry& entry, unsigned nesting) {
    if (++documents_ > limits_.max_layers) {
      return over_limit("the index's manifests", "max_layers", limits_.max_layers);
    }
    THAW_ASSIGN(const std::string text, read_document(source_, entry.blob, limits_));
    THAW_ASSIGN(const Json document, parse_json(text, limits_));
    const bool index = document.is_object() && document.contains("manifests");
    const bool manifest = document.is_object() && document.contains("layers");
    if (index && manifest) return damaged("both an index and a manifest, so that it is ambiguous");
    if (index) {
      if (nesting >= kMaxNesting) return damaged("image indexes are nested too deeply");
      THAW_ASSIGN(const auto entries, parse_index(document));
      return visit(entries, nesting + 1);
    }
    if (!manifest) return no_manifest(document);
    THAW_ASSIGN(ImageParts parts, parse_manifest(document, entry.blob, limits_));
    found_.push_back({rank_of(entry.platform), std::move(parts)});
    return {};
  }

  BlobSource& source_;
  const Platform& wanted_;
  const Limits& limits_;
  std::set<std::string> offered_;
  std::vector<Found> found_;
  uint64_t documents_ = 0;
};

}  // namespace

Result<Digest> parse_digest(const std::string& text) {
  constexpr std::string_view kAlgorithm = "sha256:";
  if (text.starts_with(kAlgorithm)) {
    const auto digest = Digest::from_hex(std::string_view(text).substr(kAlgorithm.size()));
    if (digest) return *digest;
  }
  return damaged("\"" + printable(text) + "\" is not a sha256 digest");
}

Result<std::vector<IndexEntry>> parse_index(const Json& document) {
  const Json& manifests = member(document, "manifests");
  if (!manifests.is_array()) return damaged("not an image index: it has no list \"manifests\"");
  std::vector<IndexEntry> entries;
  for (const Json& json : manifests) {
    IndexEntry entry;
    THAW_ASSIGN(entry.blob, parse_descriptor(json));
    const Json& platform = member(json, "platform");
    THAW_ASSIGN(entry.platform.os, text_member(platform, "os"));
    THAW_ASSIGN(entry.platform.architecture, text_member(platform, "architecture"));
    THAW_ASSIGN(entry.platform.variant, text_member(platform, "variant"));
    THAW_ASSIGN(entry.ref_name,
                text_member(member(json, "annotations"), "org.opencontainers.image.ref.name"));
    entries.push_back(std::move(entry));
  }
  return entries;
}

Result<ImageParts> choose_image(BlobSource& source, const std::vector<IndexEntry>& entries,
                                const Platform& platform, const Limits& limits) {
  Chooser chooser(source, platform, limits);
  THAW_TRY(chooser.visit(entries, 1));
  return std::move(chooser).chosen();
}

}  // namespace thaw
