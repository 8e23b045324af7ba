#include "lib/store/open_image.h"

#include <utility>

#include "lib/manifest/envelope.h"
#include "lib/store/names.h"

namespace thaw {
namespace {

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

}  // namespace

Result<OpenedImage> open_recorded(Catalog& catalog, KeyService& keys, const TrustedBuilders& trusted,
                                  const NameRecord& record) {
  const Digest& digest = record.manifest;
  THAW_ASSIGN(const FoundObject found, catalog.find_manifest(digest));
  THAW_ASSIGN(const Manifest clear, parse_manifest(found.bytes.view(), digest));
  if (clear.tenant != record.tenant || clear.store_id != record.store_id) return wrong_owner(record);

  Result<Buffer> envelope = catalog.read_envelope(found.root, digest);
  if (!envelope.ok() && envelope.error().code == Code::kNotFound) {
    return Error{Code::kDamaged,
                 "manifest " + digest.hex() + " has no envelope beside it; build the image again"};
  }
  if (!envelope.ok()) return std::move(envelope).error();

  OpenedImage opened;
  opened.root = found.root;
  THAW_ASSIGN(opened.manifest,
              open_signed_manifest(found.bytes.view(), digest, envelope->view(), trusted, keys));
  THAW_ASSIGN(const Envelope parsed, parse_envelope(envelope->view()));
  opened.builder_version = parsed.builder_version;
  THAW_ASSIGN(opened.roots, roots_from(catalog, found.root));
  return opened;
}

Result<OpenedImage> open_image(const ImageReaders& readers, const ImageRequest& request) {
  THAW_TRY(check_tenant(request.tenant));
  Names names(readers.catalog, request.tenant, readers.trusted);
  THAW_ASSIGN(NameRecord record, names.find(request.name));
  THAW_TRY(readers.sequences.check(record, request.rollback));

  // A digest in the name wins over what the name means now: it is the only thing that may be opened.
  const Digest named = std::exchange(record.manifest, request.name.digest.value_or(record.manifest));
  auto opened = open_recorded(readers.catalog, readers.keys, readers.trusted, record);
  if (opened.ok() || opened.error().code != Code::kNotFound) return opened;
  const std::string means =
      request.name.digest ? "; the name means " + named.hex() + " now" : "; build it again";
  return Error{Code::kDamaged, request.name.text() + ": " + opened.error().message + means};
}

}  // namespace thaw
