// A store with images, and what collection works with.
#pragma once

#include "lib/build/verify_image.h"
#include "lib/collect/root_course.h"
#include "lib/store/names.h"
#include "test/lib/build/memory_device.h"

namespace thaw {

struct CollectFixture : BuildFixture {
  ThreadPool lists{2};
  TrustedBuilders builders;
  std::chrono::seconds lease_lapse = std::chrono::hours(24);

  CollectFixture() {
    REQUIRE(keys.prepare_builder().ok());
    builders = trusted();
  }

  CollectRoom room() { return {catalog, builders, lists, lease_lapse}; }

  Status remove_name(const std::string& name) {
    Names names(catalog, "acme", trusted());
    const auto removed = names.remove(ImageName::parse(name).value(), keys, 1);
    return removed.ok() ? Status() : Status(removed.error());
  }
  Digest manifest_of(const std::string& name) { return open(name)->manifest.digest; }

  void hold(const Identifier& holder, const std::vector<Digest>& manifests) {
    REQUIRE(put(lease_key(holder), write_lease({holder, manifests})).ok());
  }

  // Every chunk of the image is in the store, and right.
  bool is_whole(const std::string& name) {
    const auto opened = open(name);
    if (!opened.ok()) return false;
    const auto report = verify_image(opened.value(), catalog.store(), {});
    return report.ok() && report->bad.empty();
  }
  RootState state_of(const RootId& root) { return catalog.read_root(root)->state; }
  std::vector<std::string> keys_in(const std::string& prefix) {
    std::vector<std::string> found;
    REQUIRE(catalog
                .for_each(prefix,
                          [&](const ListedObject& object) -> Status {
                            found.push_back(object.key);
                            return {};
                          })
                .ok());
    return found;
  }

  // Root 1 goes the whole way, as a person would have it.
  Status end_first_root() {
    CollectRoom with = room();
    THAW_TRY(retire_root(with, "1", {}));
    THAW_TRY(expire_root(with, "1", {}));
    THAW_TRY(delete_root(with, "1", {}));
    return {};
  }
};

}  // namespace thaw
