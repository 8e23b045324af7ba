#include "lib/build/chunk_fetch.h"

#include <memory>
#include <optional>
#include <utility>

namespace thaw {
namespace {

struct Attempt {
  ObjectReader& store;
  std::vector<RootId> roots;
  size_t next = 0;
  ChunkRef ref;
  std::optional<Error> damage;
  Completion<SealedChunk> done;
};

void ask_next(std::unique_ptr<Attempt> attempt);

void on_answer(std::unique_ptr<Attempt> attempt, Result<Object> answer) {
  Result<SealedChunk> chunk = answer.ok() ? SealedChunk::verify(attempt->ref, std::move(answer->bytes))
                                          : Result<SealedChunk>(std::move(answer).error());
  if (chunk.ok()) return attempt->done(std::move(chunk));
  if (chunk.error().code == Code::kDamaged) {
    attempt->damage = std::move(chunk).error();
  } else if (chunk.error().code != Code::kNotFound) {
    return attempt->done(std::move(chunk));
  }
  ask_next(std::move(attempt));
}

void ask_next(std::unique_ptr<Attempt> attempt) {
  if (attempt->next == attempt->roots.size()) {
    const Error absent{Code::kNotFound, "chunk " + attempt->ref.id.hex() + " is in no root of the store"};
    return attempt->done(attempt->damage.value_or(absent));
  }
  const std::string key = chunk_key(attempt->roots[attempt->next++], attempt->ref.id);
  GetOptions options;
  options.max_bytes = attempt->ref.stored_length;
  ObjectReader& store = attempt->store;
  store.get(key, options, [attempt = std::move(attempt)](Result<Object> answer) mutable {
    on_answer(std::move(attempt), std::move(answer));
  });
}

}  // namespace

void fetch_chunk(ObjectReader& store, std::vector<RootId> roots, const ChunkRef& ref,
                 Completion<SealedChunk> done) {
  ask_next(std::make_unique<Attempt>(Attempt{store, std::move(roots), 0, ref, {}, std::move(done)}));
}

}  // namespace thaw
