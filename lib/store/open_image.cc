#include "lib/store/open_image.h"

#include <algorithm>
#include <utility>

#include "lib/manifest/envelope.h"
#include "lib/store/names.h"

namespace thaw {
namespace {

// A root is deleted once in a while, not again and again under one mount.
constexpr int kMaxOpens = 3;

Error wrong_owner(const NameRecord& record) {
  return Error{Code::kRefused, "manifest " + record.manifest.hex() + " does not belong to tenant " +
                                   record.tenant + " in this store; name an image of this tenant"};
}

Result<std::vector<RootId>> roots_from(Catalog& catalog, const RootId& first) {
  THAW_ASSIGN(const std::vector<Root> readable, catalog.readable_roots());
  std::vector<RootId> roots{first};
  for (const Root& root : readable) {
    if (root.id != first) roots.push_back(root.id);
  }
  return roots;
}

struct OpenedEnvelope {
  OpenManifest manifest;
  std::string builder_version;
  PublicKey signer;
};

Result<Buffer> read_envelope_of(Catalog& catalog, const FoundObject& manifest, const Digest& digest) {
  Result<Buffer> envelope = catalog.read_envelope(manifest.root, digest);
  if (envelope.ok() || envelope.error().code != Code::kNotFound) return envelope;
  return Error{Code::kDamaged,
               "manifest " + digest.hex() + " has no envelope beside it; build the image again"};
}

// Rotation may replace the envelope, and retire its key, after it was read: what is refused is read again, as
// long as it changes.
Result<OpenedEnvelope> open_enveloped(Catalog& catalog, KeyService& keys, const TrustedBuilders& trusted,
                                      const FoundObject& found, const Digest& digest) {
  THAW_ASSIGN(Buffer envelope, read_envelope_of(catalog, found, digest));
  auto opened = open_signed_manifest(found.bytes.view(), digest, envelope.view(), trusted, keys);
  while (!opened.ok() && opened.error().code == Code::kRefused) {
    THAW_ASSIGN(Buffer now, read_envelope_of(catalog, found, digest));
    if (std::ranges::equal(now.view(), envelope.view())) break;
    envelope = std::move(now);
    opened = open_signed_manifest(found.bytes.view(), digest, envelope.view(), trusted, keys);
  }
  if (!opened.ok()) return std::move(opened).error();
  THAW_ASSIGN(const Envelope parsed, parse_envelope(envelope.view()));
  return OpenedEnvelope{std::move(opened).value(), parsed.builder_version, parsed.signature.signer};
}

}  // namespace

Result<OpenedImage> open_recorded(Catalog& catalog, KeyService& keys, const TrustedBuilders& trusted,
                                  const NameRecord& record) {
  const Digest& digest = record.manifest;
  THAW_ASSIGN(const FoundObject found, catalog.find_manifest(digest));
  THAW_ASSIGN(const Manifest clear, parse_manifest(found.bytes.view(), digest));
  if (clear.tenant != record.tenant || clear.store_id != record.store_id) return wrong_owner(record);

  THAW_ASSIGN(OpenedEnvelope enveloped, open_enveloped(catalog, keys, trusted, found, digest));
  OpenedImage opened;
  opened.root = found.root;
  opened.manifest = std::move(enveloped.manifest);
  opened.builder_version = std::move(enveloped.builder_version);
  opened.signer = enveloped.signer;
  THAW_ASSIGN(opened.roots, roots_from(catalog, found.root));
  return opened;
}

Result<OpenedImage> open_image(const ImageReaders& readers, const ImageRequest& request) {
  THAW_TRY(check_tenant(request.tenant));
  Names names(readers.catalog, request.tenant, readers.trusted);
  // A tombstone counts like a record, or one from before it would be taken again.
  THAW_ASSIGN(NameRecord record, names.find_any(request.name));
  THAW_TRY(readers.sequences.check(record, request.rollback));
  const bool reopened = request.removed == Removed::kAllow && request.name.digest;
  if (record.state == NameState::kRemoved && !reopened) return names.not_found(request.name);

  // A digest in the name wins over what the name means now: it is the only thing that may be opened.
  const Digest named = std::exchange(record.manifest, request.name.digest.value_or(record.manifest));
  auto opened = open_recorded(readers.catalog, readers.keys, readers.trusted, record);
  if (opened.ok() || opened.error().code != Code::kNotFound) return opened;
  const std::string means =
      request.name.digest ? "; the name means " + named.hex() + " now" : "; build it again";
  return Error{Code::kDamaged, request.name.text() + ": " + opened.error().message + means};
}

Result<OpenedImage> open_held(const ImageReaders& readers, const ImageRequest& request,
                              const HoldManifest& hold) {
  for (int attempt = 1;; ++attempt) {
    auto opened = open_image(readers, request);
    // Half of it may have been read when its root went.
    const bool damaged = !opened.ok() && opened.error().code == Code::kDamaged;
    if (damaged && attempt < kMaxOpens) continue;
    if (!opened.ok()) return opened;
    THAW_TRY(hold(opened->manifest.digest));
    THAW_ASSIGN(const Root root, readers.catalog.read_root(opened->root));
    if (root.state != RootState::kDeleted) return opened;
    if (attempt == kMaxOpens) {
      return Error{Code::kFailed, request.name.text() + ": its roots are being deleted; try again"};
    }
  }
}

}  // namespace thaw
