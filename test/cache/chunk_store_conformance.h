// What every ChunkStore keeps, whatever it is made of. A store's test calls this with an empty store that has
// room for at least sixteen chunks of 8 KiB.
#pragma once

#include <catch2/catch.hpp>

#include "lib/base/await.h"
#include "lib/chunk/chunk_store.h"
#include "test/fakes/sample_chunks.h"

namespace thaw {

inline std::optional<SealedChunk> find_in(ChunkStore& store, const ChunkRef& ref) {
  const Fetch fetch{steady_clock().now() + std::chrono::seconds(30), Priority::kDemand, 0, {}};
  auto found = await<std::optional<SealedChunk>>([&](auto done) { store.find(ref, fetch, std::move(done)); });
  REQUIRE(found.ok());
  return std::move(found).value();
}

// `settle` returns once the puts so far have taken effect.
template <class Settle>
void check_chunk_store(ChunkStore& store, Settle settle) {
  CHECK_FALSE(find_in(store, sample_ref(1)).has_value());

  for (uint32_t i = 1; i <= 4; ++i) store.put(sample_chunk(i));
  settle();
  for (uint32_t i = 1; i <= 4; ++i) {
    const auto found = find_in(store, sample_ref(i));
    REQUIRE(found.has_value());
    CHECK(found->ref() == sample_ref(i));
    const Bytes expected = sample_bytes(i, 8192);
    CHECK(std::equal(found->bytes().begin(), found->bytes().end(), expected.begin(), expected.end()));
  }
  CHECK_FALSE(find_in(store, sample_ref(5)).has_value());

  // The same id with another length is another question.
  ChunkRef wrong_length = sample_ref(1);
  wrong_length.stored_length = 4096;
  CHECK_FALSE(find_in(store, wrong_length).has_value());
  CHECK(find_in(store, sample_ref(1)).has_value());

  // Putting twice is putting once.
  store.put(sample_chunk(2));
  settle();
  CHECK(find_in(store, sample_ref(2)).has_value());

  store.drop(*find_in(store, sample_ref(3)));
  settle();
  CHECK_FALSE(find_in(store, sample_ref(3)).has_value());
  CHECK(find_in(store, sample_ref(4)).has_value());
  store.put(sample_chunk(3));
  settle();
  CHECK(find_in(store, sample_ref(3)).has_value());
}

}  // namespace thaw
