#include "lib/store/open_image.h"

#include <algorithm>

#include "lib/manifest/envelope.h"
#include "lib/store/names.h"

namespace thaw {
namespace {

Error wrong_owner(const Digest& digest, const ImageRequest& request) {
  return Error{Code::kRefused, "manifest " + digest.hex() + " does not belong to tenant " + request.tenant +
                                   " in this store; name an image of this tenant"};
}

// A digest in the name wins over what the name means now: it is the only thing that may be opened.
Result<FoundObject> find_wanted(const ImageReaders& readers, const ImageRequest& request,
                                const Digest& named) {
  const Digest wanted = request.name.digest.value_or(named);
  Result<FoundObject> found = readers.catalog.find_manifest(wanted);
  if (found.ok() || found.error().code != Code::kNotFound) return found;
  const std::string means =
      request.name.digest ? "; the name means " + named.hex() + " now" : "; build it again";
  return Error{Code::kDamaged, request.name.text() + ": " + found.error().message + means};
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

Result<OpenedImage> open_image(const ImageReaders& readers, const ImageRequest& request) {
  THAW_TRY(check_tenant(request.tenant));
  Names names(readers.catalog, request.tenant, readers.trusted);
  THAW_ASSIGN(const NameRecord record, names.find(request.name));
  THAW_TRY(readers.sequences.check(record, request.rollback));

  THAW_ASSIGN(const FoundObject found, find_wanted(readers, request, record.manifest));
  const Digest digest = request.name.digest.value_or(record.manifest);
  THAW_ASSIGN(const Manifest clear, parse_manifest(found.bytes.view(), digest));
  if (clear.tenant != request.tenant || clear.store_id != record.store_id)
    return wrong_owner(digest, request);

  Result<Buffer> envelope = readers.catalog.read_envelope(found.root, digest);
  if (!envelope.ok() && envelope.error().code == Code::kNotFound) {
    return Error{Code::kDamaged,
                 "manifest " + digest.hex() + " has no envelope beside it; build the image again"};
  }
  if (!envelope.ok()) return std::move(envelope).error();

  OpenedImage opened;
  opened.root = found.root;
  THAW_ASSIGN(opened.manifest, open_signed_manifest(found.bytes.view(), digest, envelope->view(),
                                                    readers.trusted, readers.keys));
  THAW_ASSIGN(const Envelope parsed, parse_envelope(envelope->view()));
  opened.builder_version = parsed.builder_version;
  THAW_ASSIGN(opened.roots, roots_from(readers.catalog, found.root));
  return opened;
}

}  // namespace thaw
