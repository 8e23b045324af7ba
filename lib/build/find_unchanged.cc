#include "lib/build/find_unchanged.h"

#include <chrono>
#include <filesystem>
#include <unordered_set>
#include <utility>
#include <vector>

#include "lib/base/await.h"
#include "lib/build/chunk_fetch.h"
#include "lib/build/in_flight.h"
#include "lib/crypto/seal.h"
#include "lib/ext4/device.h"
#include "lib/store/names.h"
#include "lib/store/open_image.h"
#include "lib/store/paths.h"

namespace thaw {
namespace {

Error changed(const std::string& what) { return {Code::kNotFound, what}; }

bool is_made_of(const OpenManifest& image, const ImageDetails& source, uint32_t chunk_size) {
  return image.details.source == source.source && image.details.reference == source.reference &&
         image.details.config == source.config && image.clear.layout_version == kLayoutVersion &&
         image.clear.chunk_size == chunk_size;
}

std::vector<ManifestChunk> distinct_chunks(const Manifest& manifest) {
  std::unordered_set<ChunkId, ChunkIdHash> seen;
  std::vector<ManifestChunk> distinct;
  for (const ManifestChunk& chunk : manifest.chunks) {
    if (seen.insert(chunk.id).second) distinct.push_back(chunk);
  }
  return distinct;
}

Status check_lengths(ObjectStore& store, const RootId& root, const std::vector<ManifestChunk>& chunks,
                     const UploadOptions& options) {
  InFlight in_flight(options.in_flight);
  for (const ManifestChunk& chunk : chunks) {
    Completion<void> done = in_flight.start();
    if (!done) break;
    store.size_of(chunk_key(root, chunk.id), [wanted = chunk.stored_length,
                                              done = std::move(done)](const Result<uint64_t>& size) mutable {
      if (!size.ok()) return done(size.error());
      done(size.value() == wanted ? Status() : changed("a chunk of another length"));
    });
    if (options.progress) options.progress({in_flight.finished(), chunks.size()});
  }
  THAW_TRY(in_flight.drain());
  if (options.progress) options.progress({chunks.size(), chunks.size()});
  return {};
}

// No manifest tells its salts; so one chunk is opened, and sealed with the salt of today. Popular chunks may
// have others, where a builder ever salted them apart.
Status check_salt(Workshop& shop, const BuildRequest& request, BuildPlace place, const OpenManifest& image) {
  // Makes none, also where a private one is wanted: the build may still fail.
  THAW_ASSIGN(const Salt salt, salt_for_tenant(shop.catalog, place, request.tenant, Isolation::kShared,
                                               shop.builder, shop.salts));
  if (request.isolation == Isolation::kPrivate && salt.id == place.salt.id) return changed("another salt");
  place.salt = salt;
  if (std::filesystem::exists(uses_file(place, request.apart))) return changed("salts apart");
  const ChunkRef ref = image.clear.chunks.front().ref();
  THAW_ASSIGN(const SealedChunk chunk, await<SealedChunk>([&](Completion<SealedChunk> done) {
                fetch_chunk(shop.catalog.store(), {place.root.id}, ref, std::move(done));
              }));
  Buffer plain(ref.stored_length);
  open_range(image.keys.key(0), 0, chunk.bytes(), plain.mutable_view());
  return seal(salt.secret, plain.view()).id == ref.id ? Status() : changed("another salt");
}

BuildReport report_of(const BuildRequest& request, const OpenedImage& found, uint64_t distinct) {
  const Manifest& clear = found.manifest.clear;
  BuildReport report;
  report.name = request.name.name + ":" + request.name.tag;
  report.manifest = found.manifest.digest;
  report.root = found.root;
  report.unchanged = true;
  report.device_bytes = clear.device_bytes;
  report.content_bytes = found.manifest.details.content_bytes;
  report.chunks = distinct;
  report.zero_chunks = (clear.device_bytes + clear.chunk_size - 1) / clear.chunk_size - clear.chunks.size();
  report.reused_chunks = distinct;
  return report;
}

Result<BuildReport> find(Workshop& shop, const BuildRequest& request, const ImageDetails& source) {
  Names names(shop.catalog, request.tenant, shop.trusted);
  THAW_ASSIGN(const NameRecord record, names.find(request.name));
  if (shop.sequences != nullptr) THAW_TRY(shop.sequences->check(record, Rollback::kRefuse));
  THAW_ASSIGN(const OpenedImage found, open_recorded(shop.catalog, shop.keys, shop.trusted, record));
  if (!is_made_of(found.manifest, source, request.chunk_size) || found.manifest.clear.chunks.empty())
    return changed("another image");
  // Who replaces a lost signing key builds anew to have it signed.
  THAW_ASSIGN(const Signed own, shop.builder.sign_message(as_bytes(kWhichKey)));
  if (own.signer != found.signer) return changed("another builder");
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  THAW_ASSIGN(const BuildPlace place,
              shop.catalog.prepare_build(
                  shop.builder,
                  static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(now).count())));
  if (place.root.id != found.root) return changed("another root");
  THAW_TRY(check_salt(shop, request, place, found.manifest));
  const std::vector<ManifestChunk> chunks = distinct_chunks(found.manifest.clear);
  THAW_TRY(check_lengths(shop.catalog.store(), found.root, chunks, request.upload));
  return report_of(request, found, chunks.size());
}

}  // namespace

std::optional<BuildReport> find_unchanged(Workshop& shop, const BuildRequest& request,
                                          const ImageDetails& source) {
  // Which chunks are popular, or which period it is, a single chunk does not tell.
  const bool salts_apart =
      request.apart.by_time.count() > 0 || !request.apart.by_zone.empty() || request.apart.popular > 0;
  if (salts_apart || request.upload.existing == Existing::kVerify) return std::nullopt;
  Result<BuildReport> found = find(shop, request, source);
  if (!found.ok()) return std::nullopt;
  return std::move(found).value();
}

}  // namespace thaw
