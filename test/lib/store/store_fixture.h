// A directory store on real threads in a folder of its own, with blocking forms of its calls.
#pragma once

#include <catch2/catch.hpp>
#include <fstream>

#include "lib/base/await.h"
#include "lib/keys/keyring_directory.h"
#include "lib/store/catalog.h"
#include "lib/store/directory_store.h"
#include "test/fakes/executors.h"
#include "test/temporary_folder.h"

namespace thaw {

struct StoreFixture {
  TemporaryFolder folder;
  ThreadPool threads{4};
  std::string path = folder / "store";
  DirectoryStore store{path, threads};

  StoreFixture() { std::filesystem::create_directory(path); }

  Result<Object> get(const std::string& key, uint64_t max_bytes = 1 << 20) {
    GetOptions options;
    options.max_bytes = max_bytes;
    return await<Object>([&](Completion<Object> done) { store.get(key, options, std::move(done)); });
  }
  Result<PutOutcome> put(const std::string& key, const std::string& text, const PutOptions& options = {}) {
    return await<PutOutcome>(
        [&](Completion<PutOutcome> done) { store.put(key, as_bytes(text), options, std::move(done)); });
  }
  Result<std::vector<ListedObject>> list(const ListOptions& options) {
    using Listed = std::vector<ListedObject>;
    return await<Listed>([&](Completion<Listed> done) { store.list(options, std::move(done)); });
  }
  Result<uint64_t> size_of(const std::string& key) {
    return await<uint64_t>([&](Completion<uint64_t> done) { store.size_of(key, std::move(done)); });
  }
  Result<bool> remove(const std::string& key) {
    return await<bool>([&](Completion<bool> done) { store.remove(key, std::move(done)); });
  }
  std::string text_of(const std::string& key) {
    const auto object = get(key);
    REQUIRE(object.ok());
    return std::string(as_text(object->bytes.view()));
  }
  size_t temporary_files() const {
    const std::string place = path + "/.tmp";
    if (!std::filesystem::exists(place)) return 0;
    return static_cast<size_t>(std::distance(std::filesystem::directory_iterator(place), {}));
  }
};

// A store with a keyring, as builders and readers see it.
struct CatalogFixture : StoreFixture {
  KeyringDirectory keys{folder / "keys", KeyringUse::kBuild};
  Catalog catalog{store};

  TrustedBuilders trusted() const { return keys.trusted().value(); }
};

}  // namespace thaw
