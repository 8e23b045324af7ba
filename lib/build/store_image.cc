#include "lib/build/store_image.h"

#include <chrono>
#include <optional>
#include <utility>

#include "lib/build/build_lease.h"
#include "lib/build/inherit_trace.h"
#include "lib/build/known_chunks.h"
#include "lib/crypto/hash.h"
#include "lib/manifest/envelope.h"
#include "lib/manifest/trace.h"
#include "lib/store/names.h"
#include "lib/store/open_image.h"

namespace thaw {
namespace {

// A root or key is retired once in a while, not again and again under one build.
constexpr int kMaxAttempts = 3;

std::chrono::milliseconds now_since_1970() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::system_clock::now().time_since_epoch());
}

uint64_t now_seconds() { return static_cast<uint64_t>(now_since_1970().count() / 1000); }

// What the name means until now. Nothing also when it cannot be opened: the build does not need it.
using Previous = std::optional<OpenedImage>;

Previous open_previous(Workshop& shop, Names& names, const ImageName& name) {
  const auto record = names.find(name);
  if (!record.ok()) return std::nullopt;
  Result<OpenedImage> image = open_recorded(shop.catalog, shop.keys, shop.trusted, record.value());
  if (!image.ok()) return std::nullopt;
  return std::move(image).value();
}

// What an image is opened with once it is stored.
struct StoredKey {
  WrappedKey data_key;
  Bytes context;
};

// Sets what `report` says of them.
Result<StoredKey> write_manifest(Workshop& shop, const ImageToStore& image, const BuildPlace& place,
                                 const Previous& previous, UploadedChunks& uploaded, BuildReport& report) {
  const DeviceShape& shape = image.device.shape();
  Manifest clear;
  clear.id = Identifier::random();
  clear.store_id = place.store_id;
  clear.tenant = image.tenant;
  clear.chunk_size = shape.chunk_size;
  clear.device_bytes = shape.device_bytes;
  clear.layout_version = shape.layout_version;
  clear.chunks = std::move(uploaded.chunks);

  // A data key of its own: it seals this manifest and nothing else, ever.
  const Bytes context = data_key_context(clear.store_id, clear.tenant, clear.id);
  THAW_ASSIGN(const DataKey data_key, shop.keys.generate_data_key(clear.tenant, context));
  THAW_ASSIGN(const Bytes bytes, seal_manifest(clear, image.details, uploaded.keys, data_key.plain));
  const Digest digest = sha256(bytes);
  THAW_ASSIGN(const Envelope envelope,
              make_envelope(clear, digest, data_key.wrapped, shop.builder_version, shop.builder));
  THAW_TRY(shop.catalog.put_manifest(place.root.id, digest, bytes));
  THAW_TRY(shop.catalog.put_envelope(place.root.id, digest, write_envelope(envelope)));
  const Secret trace_key = trace_key_of(data_key.plain);
  THAW_TRY(shop.catalog.put_path_order(place.root.id, digest,
                                       seal_path_order(PathOrder{shape.path_order}, digest, trace_key)));
  if (previous) {
    report.traced_chunks = inherit_trace(shop, *previous, {place.root.id, digest, clear, trace_key});
  }
  report.manifest = digest;
  return StoredKey{data_key.wrapped, context};
}

Result<bool> still_opens(KeyService& keys, const StoredKey& stored) {
  const Result<Secret> opened = keys.unwrap(stored.data_key, stored.context);
  if (!opened.ok() && opened.error().code != Code::kRefused) return opened.error();
  return opened.ok();
}

struct StoredImage {
  BuildReport report;
  StoredKey key;
};

// Only what lies in an active root is safe from collection; and its key may have been retired before the
// envelope was there to be counted (retire_key).
Result<bool> is_safe(Workshop& shop, const StoredImage& stored) {
  THAW_ASSIGN(const Root root, shop.catalog.read_root(stored.report.root));
  if (root.state != RootState::kActive) return false;
  return still_opens(shop.keys, stored.key);
}

std::string known_file(const Workshop& shop, const BuildPlace& place) {
  return shop.known_files + "." + place.store_id.hex() + "." + place.root.id;
}

KnownChunks known_chunks(const Workshop& shop, const UploadOptions& options, const BuildPlace& place,
                         const Previous& previous) {
  if (options.existing != Existing::kTrustMemory) return {};
  KnownChunks known = KnownChunks::read(known_file(shop, place));
  if (previous && previous->root == place.root.id) known.add(previous->manifest.clear.chunks);
  return known;
}

// Who builds the same image again may do so because something in the store is missing.
UploadOptions options_for(const ImageToStore& image, const Previous& previous, UploadOptions options) {
  const bool same = previous && previous->manifest.details.source == image.details.source;
  if (same && options.existing == Existing::kTrustMemory) options.existing = Existing::kTrustLength;
  return options;
}

// All but the name.
Result<StoredImage> store_into(Workshop& shop, const ImageToStore& image, const UploadOptions& options,
                               const BuildPlace& place, const Previous& previous, ChunkSalts& salts) {
  const KnownChunks known = known_chunks(shop, options, place, previous);
  ChunkUpload upload(image.device, place, salts, shop.catalog, known, shop.workers, options);
  THAW_ASSIGN(UploadedChunks uploaded, upload.run());
  BuildReport report;
  if (options.existing == Existing::kTrustMemory) {
    const Status kept = KnownChunks::remember(known_file(shop, place), uploaded.chunks);
    // The next build asks for more, that is all.
    if (!kept.ok()) report.warning = "which chunks the store has is not remembered: " + kept.error().message;
  }

  const DeviceShape& shape = image.device.shape();
  report.name = image.name.name + ":" + image.name.tag;
  report.root = place.root.id;
  report.device_bytes = shape.device_bytes;
  report.content_bytes = image.details.content_bytes;
  report.chunks = uploaded.distinct;
  report.zero_chunks =
      (shape.device_bytes + shape.chunk_size - 1) / shape.chunk_size - uploaded.chunks.size();
  report.new_chunks = uploaded.new_chunks;
  report.new_bytes = uploaded.new_bytes;
  report.reused_chunks = uploaded.distinct - uploaded.new_chunks;
  report.unasked_chunks = uploaded.unasked;
  report.salt_period = salts.period();
  report.popular_chunks = salts.popular_chunks();
  THAW_ASSIGN(StoredKey key, write_manifest(shop, image, place, previous, uploaded, report));
  return StoredImage{std::move(report), std::move(key)};
}

}  // namespace

Result<BuildReport> store_image(Workshop& shop, const ImageToStore& image, const UploadOptions& options) {
  const auto begin = std::chrono::steady_clock::now();
  const std::chrono::milliseconds began_at = now_since_1970();
  THAW_TRY(check_tenant(image.tenant));
  THAW_TRY(check_name(image.name.name));
  THAW_TRY(check_tag(image.name.tag));
  if (image.name.digest)
    return Error{Code::kUsage, image.name.text() + ": a build chooses the digest; leave it out"};
  Names names(shop.catalog, image.tenant, shop.trusted, shop.sequences);
  const Previous previous = open_previous(shop, names, image.name);
  const UploadOptions upload = options_for(image, previous, options);
  for (int attempt = 0; attempt < kMaxAttempts; ++attempt) {
    THAW_ASSIGN(BuildPlace place, shop.catalog.prepare_build(shop.builder, now_seconds()));
    THAW_ASSIGN(place.salt, salt_for_tenant(shop.catalog, place, image.tenant, image.isolation, shop.builder,
                                            shop.salts));
    THAW_ASSIGN(const auto salts,
                ChunkSalts::create(place, image.apart, {image.tenant, image.name.name}, began_at));
    THAW_ASSIGN(StoredImage stored, store_into(shop, image, upload, place, previous, *salts));
    // A root may be deleted at any time. Whoever deletes it after the lease was written finds that, and keeps
    // the image; if it was deleted before, no name must point there.
    BuildLease lease(shop.catalog);
    THAW_TRY(lease.hold(stored.report.manifest));
    THAW_ASSIGN(bool safe, is_safe(shop, stored));
    if (!safe) continue;
    THAW_TRY(salts->remember());
    THAW_ASSIGN(const NameRecord record,
                names.point(image.name, stored.report.manifest, shop.builder, now_seconds()));
    (void)record;
    THAW_ASSIGN(safe, is_safe(shop, stored));
    if (!safe) continue;
    const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - begin;
    stored.report.seconds = spent.count();
    return stored.report;
  }
  return Error{Code::kFailed, image.name.text() +
                                  ": roots of the store or keys of the tenant were retired under the build, "
                                  "again and again; try again"};
}

}  // namespace thaw
