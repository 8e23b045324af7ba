#include "lib/collect/chunk_copy.h"

#include <memory>
#include <optional>
#include <utility>

#include "lib/build/chunk_fetch.h"

namespace thaw {
namespace {

bool is_lost(const Error& error) { return error.code == Code::kNotFound || error.code == Code::kDamaged; }

// One chunk on its way; each stage hands it to the next or completes it.
struct CopyInProgress {
  ObjectStore& store;
  const ChunkPlaces& places;
  const FindElsewhere& elsewhere;
  ChunkRef ref;
  Completion<ChunkCopied> done;
  std::optional<SealedChunk> chunk{};

  using Ptr = std::unique_ptr<CopyInProgress>;

  // What is there counts only when its bytes are right.
  static void look(Ptr self) {
    CopyInProgress& copy = *self;
    fetch_chunk(copy.store, {copy.places.target}, copy.ref,
                [self = std::move(self)](const Result<SealedChunk>& there) mutable {
                  if (there.ok()) return self->done(ChunkCopied::kWasRight);
                  if (!is_lost(there.error())) return self->done(there.error());
                  read(std::move(self));
                });
  }

  static void read(Ptr self) {
    CopyInProgress& copy = *self;
    fetch_chunk(copy.store, copy.places.sources, copy.ref,
                [self = std::move(self)](Result<SealedChunk> found) mutable {
                  const bool ask_on = !found.ok() && is_lost(found.error()) && self->elsewhere;
                  if (ask_on) return ask_elsewhere(std::move(self));
                  write(std::move(self), std::move(found));
                });
  }

  static void ask_elsewhere(Ptr self) {
    CopyInProgress& copy = *self;
    copy.elsewhere(copy.ref, [self = std::move(self)](Result<SealedChunk> found) mutable {
      write(std::move(self), std::move(found));
    });
  }

  static void write(Ptr self, Result<SealedChunk> found) {
    if (!found.ok()) {
      const Error& why = found.error();
      return self->done(Error{is_lost(why) ? Code::kDamaged : why.code, why.message});
    }
    CopyInProgress& copy = *self;
    copy.chunk = std::move(found).value();
    const PutOptions options{PutIf::kAlways, {}, Durability::kWithSync};
    copy.store.put(chunk_key(copy.places.target, copy.ref.id), copy.chunk->bytes(), options,
                   [self = std::move(self)](Result<PutOutcome> put) mutable {
                     if (!put.ok()) return self->done(std::move(put).error());
                     self->done(ChunkCopied::kWritten);
                   });
  }
};

}  // namespace

void copy_chunk(ObjectStore& store, const ChunkPlaces& places, const FindElsewhere& elsewhere,
                const ChunkRef& ref, Completion<ChunkCopied> done) {
  CopyInProgress::look(
      std::make_unique<CopyInProgress>(CopyInProgress{store, places, elsewhere, ref, std::move(done)}));
}

}  // namespace thaw
