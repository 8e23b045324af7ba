#include "cache/read_through.h"

#include <utility>

namespace thaw {

void ReadThrough::get(const ChunkRef& ref, const Fetch& fetch, Completion<Fetched> done) {
  store_.find(ref, fetch, [this, ref, fetch, done = std::move(done)](auto found) mutable {
    looked_up(ref, fetch, std::move(found), std::move(done));
  });
}

void ReadThrough::looked_up(const ChunkRef& ref, const Fetch& fetch, Result<std::optional<SealedChunk>> found,
                            Completion<Fetched> done) {
  if (found.ok() && found.value().has_value()) {
    count(counters_.hits);
    count(counters_.bytes, ref.stored_length);
    done(Fetched{*std::move(found).value(), tier_});
    return;
  }
  count(counters_.misses);
  next_.get(ref, fetch, [this, done = std::move(done)](Result<Fetched> result) mutable {
    fetched(std::move(result), std::move(done));
  });
}

void ReadThrough::fetched(Result<Fetched> result, Completion<Fetched> done) {
  // Before the answer, so that who reads again at once finds it; a put never waits.
  if (result.ok()) store_.put(result->chunk);
  done(std::move(result));
}

}  // namespace thaw
