#include "lib/collect/chunk_copy.h"

#include <memory>
#include <optional>
#include <utility>

#include "lib/build/chunk_fetch.h"

namespace thaw {
namespace {

// One chunk on its way; each stage hands it to the next or completes it.
struct CopyInProgress {
  ObjectStore& store;
  const ChunkPlaces& places;
  const FindElsewhere& elsewhere;
  ChunkRef ref;
  Completion<ChunkCopied> done;
  std::optional<SealedChunk> chunk{};
  size_t asked = 0;      // of the sources
  std::string source{};  // that was asked last
  Error worst{};         // of the answers: wrong bytes rather than none

  using Ptr = std::unique_ptr<CopyInProgress>;

  // What is there counts only when its bytes are right.
  static void look(Ptr self) {
    CopyInProgress& copy = *self;
    fetch_chunk(copy.store, {copy.places.target}, copy.ref,
                [self = std::move(self)](const Result<SealedChunk>& there) mutable {
                  if (there.ok()) return self->done(ChunkCopied::kWasRight);
                  if (!is_lost(there.error())) return self->done(there.error());
                  self->worst = there.error();
                  read(std::move(self));
                });
  }

  static void read(Ptr self) {
    CopyInProgress& copy = *self;
    if (copy.asked == copy.places.sources.size()) return ask_elsewhere(std::move(self));
    copy.source = chunk_key(copy.places.sources[copy.asked++], copy.ref.id);
    GetOptions options;
    options.max_bytes = copy.ref.stored_length;
    copy.store.get(copy.source, options, [self = std::move(self)](Result<Object> found) mutable {
      on_read(std::move(self), std::move(found));
    });
  }

  // Verified here, and copied there only as the version that was verified.
  static void on_read(Ptr self, Result<Object> found) {
    Result<SealedChunk> chunk = found.ok() ? SealedChunk::verify(self->ref, std::move(found->bytes))
                                           : Result<SealedChunk>(found.error());
    if (!chunk.ok()) {
      if (!is_lost(chunk.error())) return self->done(chunk.error());
      if (chunk.error().code == Code::kDamaged) self->worst = chunk.error();
      return read(std::move(self));
    }
    CopyInProgress& copy = *self;
    copy.chunk = std::move(chunk).value();
    copy.store.copy(copy.source, found->version, chunk_key(copy.places.target, copy.ref.id),
                    [self = std::move(self)](const Result<PutOutcome>& copied) mutable {
                      if (!copied.ok()) return self->done(copied.error());
                      if (copied.value() == PutOutcome::kStored) return self->done(ChunkCopied::kWritten);
                      write(std::move(self));
                    });
  }

  static void ask_elsewhere(Ptr self) {
    CopyInProgress& copy = *self;
    if (!copy.elsewhere) return self->done(Error{Code::kDamaged, self->worst.message});
    copy.elsewhere(copy.ref, [self = std::move(self)](Result<SealedChunk> found) mutable {
      if (!found.ok()) return self->done(Error{Code::kDamaged, self->worst.message});
      self->chunk = std::move(found).value();
      write(std::move(self));
    });
  }

  static void write(Ptr self) {
    CopyInProgress& copy = *self;
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
