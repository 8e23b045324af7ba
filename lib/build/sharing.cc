#include "lib/build/sharing.h"

#include <algorithm>
#include <set>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "lib/base/mutex.h"
#include "lib/build/in_flight.h"
#include "lib/manifest/manifest.h"
#include "lib/store/names.h"

namespace thaw {
namespace {

constexpr size_t kReadsInFlight = 32;

struct Distinct {
  uint32_t length = 0;
  uint32_t images = 0;
};

class Sharing {
 public:
  void add(ImageSharing image, const Manifest& manifest) EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    std::vector<uint32_t> used;
    std::unordered_set<uint32_t> marks;
    for (const ManifestChunk& chunk : manifest.chunks) {
      const auto [known, is_new] = numbers_.try_emplace(chunk.id, static_cast<uint32_t>(distinct_.size()));
      if (is_new) distinct_.push_back({chunk.stored_length, 0});
      if (marks.insert(known->second).second) used.push_back(known->second);
    }
    for (const uint32_t number : used) {
      ++distinct_[number].images;
      image.bytes += distinct_[number].length;
    }
    image.chunks = used.size();
    images_.push_back({std::move(image), std::move(used)});
  }

  SharingReport finish() EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    SharingReport report;
    for (auto& [image, used] : images_) {
      report.alone_bytes += image.bytes;
      for (const uint32_t number : used) {
        if (distinct_[number].images < 2) continue;
        ++image.shared_chunks;
        image.shared_bytes += distinct_[number].length;
      }
      report.images.push_back(std::move(image));
    }
    report.chunks = distinct_.size();
    for (const Distinct& chunk : distinct_) report.bytes += chunk.length;
    const auto place = [](const ImageSharing& image) {
      return std::tie(image.tenant, image.name, image.tag);
    };
    std::ranges::sort(report.images, {}, place);
    return report;
  }

 private:
  struct Image {
    ImageSharing told;
    std::vector<uint32_t> used;  // places in distinct_
  };

  Mutex mutex_;
  std::unordered_map<ChunkId, uint32_t, ChunkIdHash> numbers_ GUARDED_BY(mutex_);
  std::vector<Distinct> distinct_ GUARDED_BY(mutex_);
  std::vector<Image> images_ GUARDED_BY(mutex_);
};

bool is_unusable(const Error& error) {
  return error.code == Code::kNotFound || error.code == Code::kDamaged || error.code == Code::kRefused;
}

Result<Manifest> manifest_of(Catalog& catalog, Names& names, const ImageName& image) {
  THAW_ASSIGN(const NameRecord record, names.find(image));
  THAW_ASSIGN(const FoundObject found, catalog.find_manifest(record.manifest));
  return parse_manifest(found.bytes.view(), record.manifest);
}

Result<std::vector<ImageName>> names_of(Catalog& catalog, const std::string& tenant) {
  std::vector<ImageName> names;
  THAW_TRY(catalog.for_each(images_folder(tenant), [&](const ListedObject& object) -> Status {
    auto named = parse_name_key(tenant, object.key);
    if (named) names.push_back({std::move(named->name), std::move(named->tag), {}});
    return {};
  }));
  return names;
}

Status add_tenant(const SharingParts& parts, const std::string& tenant, Sharing& sharing,
                  const ProgressFn& progress) {
  Names names(parts.catalog, tenant, parts.trusted);
  THAW_ASSIGN(const std::vector<ImageName> images, names_of(parts.catalog, tenant));
  InFlight in_flight(kReadsInFlight);
  for (const ImageName& image : images) {
    Completion<void> done = in_flight.start();
    if (!done) break;
    parts.readers.post([&, done = std::move(done)]() mutable {
      const Result<Manifest> manifest = manifest_of(parts.catalog, names, image);
      if (!manifest.ok()) return done(is_unusable(manifest.error()) ? Status() : manifest.error());
      sharing.add({tenant, image.name, image.tag}, manifest.value());
      done({});
    });
    if (progress) progress({in_flight.finished(), images.size()});
  }
  return in_flight.drain();
}

}  // namespace

Result<SharingReport> find_sharing(const SharingParts& parts, const std::vector<std::string>& tenants,
                                   const ProgressFn& progress) {
  Sharing sharing;
  for (const std::string& tenant : tenants) THAW_TRY(add_tenant(parts, tenant, sharing, progress));
  return sharing.finish();
}

Result<std::vector<std::string>> tenants_of(Catalog& catalog) {
  std::set<std::string> tenants;
  THAW_TRY(catalog.for_each(std::string(kTenantsFolder), [&](const ListedObject& object) -> Status {
    std::string tenant = tenant_of_key(object.key);
    if (!tenant.empty() && parse_name_key(tenant, object.key)) tenants.insert(std::move(tenant));
    return {};
  }));
  return std::vector<std::string>(tenants.begin(), tenants.end());
}

}  // namespace thaw
