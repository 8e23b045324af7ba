#include "lib/build/chunk_upload.h"

#include <cstring>
#include <utility>

#include "lib/crypto/hash.h"
#include "lib/store/paths.h"

namespace thaw {

struct ChunkUpload::Chunk {
  size_t position = 0;  // in shape().chunks
  ChunkRef ref;
  std::string key_in_store;
  Buffer ciphertext;
  Completion<void> done;
};

ChunkUpload::ChunkUpload(const DeviceSource& device, const BuildPlace& place, ChunkSalts& salts,
                         Catalog& catalog, Executor& workers, UploadOptions options)
    : device_(device),
      place_(place),
      salts_(salts),
      catalog_(catalog),
      workers_(workers),
      options_(std::move(options)),
      in_flight_(options_.in_flight),
      outcomes_(device.shape().chunks.size()) {}

Result<UploadedChunks> ChunkUpload::run() {
  for (size_t position = 0; position < outcomes_.size(); ++position) {
    Completion<void> done = in_flight_.start();
    if (!done) break;
    start(position, std::move(done));
    report_progress();
  }
  THAW_TRY(in_flight_.drain());
  report_progress();
  // Nothing that names a chunk is written before this: also chunks that were found must outlive a power loss.
  THAW_TRY(catalog_.sync(chunk_folder(place_.root.id)));
  return collect();
}

void ChunkUpload::report_progress() {
  if (options_.progress) options_.progress({in_flight_.finished(), outcomes_.size()});
}

void ChunkUpload::start(size_t position, Completion<void> done) {
  auto chunk = std::make_unique<Chunk>();
  chunk->position = position;
  chunk->done = std::move(done);
  workers_.post([this, chunk = std::move(chunk)]() mutable { read_and_seal(std::move(chunk)); });
}

void ChunkUpload::read_and_seal(ChunkPtr chunk) {
  const DeviceShape& shape = device_.shape();
  const uint32_t index = shape.chunks[chunk->position];
  Buffer plaintext = take_buffer();
  Status read = device_.read_chunk(index, plaintext.mutable_view());
  if (!read.ok() || sealed_length(plaintext.view()) == 0) {
    give_back(std::move(plaintext));
    return chunk->done(std::move(read));
  }
  const Digest content = sealed_content(plaintext.view());
  Sealed sealed = seal(salts_.salt_of(content), plaintext.view(), content);
  give_back(std::move(plaintext));
  chunk->ref = {sealed.id, static_cast<uint32_t>(sealed.ciphertext.size())};
  chunk->key_in_store = chunk_key(place_.root.id, sealed.id);
  chunk->ciphertext = std::move(sealed.ciphertext);
  Outcome& outcome = outcomes_[chunk->position];
  outcome.chunk = {index, chunk->ref.stored_length, sealed.id};
  outcome.key = sealed.key;
  if (!first_of_its_kind(sealed.id)) return chunk->done({});
  look_up(std::move(chunk));
}

Buffer ChunkUpload::take_buffer() {
  {
    const MutexLock lock(mutex_);
    if (!buffers_.empty()) {
      Buffer buffer = std::move(buffers_.back());
      buffers_.pop_back();
      return buffer;
    }
  }
  return Buffer(device_.shape().chunk_size);
}

void ChunkUpload::give_back(Buffer buffer) {
  const MutexLock lock(mutex_);
  buffers_.push_back(std::move(buffer));
}

bool ChunkUpload::first_of_its_kind(const ChunkId& id) {
  const MutexLock lock(mutex_);
  return seen_.insert(id).second;
}

void ChunkUpload::look_up(ChunkPtr chunk) {
  const std::string key = chunk->key_in_store;
  catalog_.store().size_of(key, [this, chunk = std::move(chunk)](Result<uint64_t> size) mutable {
    on_size(std::move(chunk), std::move(size));
  });
}

void ChunkUpload::on_size(ChunkPtr chunk, Result<uint64_t> size) {
  if (!size.ok() && size.error().code == Code::kNotFound) return store(std::move(chunk), PutIf::kAbsent);
  if (!size.ok()) return chunk->done(std::move(size).error());
  // A torn chunk: its name allows one content only, so that replacing it can only mend it.
  if (size.value() != chunk->ref.stored_length) return store(std::move(chunk), PutIf::kAlways);
  if (options_.existing == Existing::kTrustLength) return chunk->done({});

  GetOptions options;
  options.max_bytes = chunk->ref.stored_length;
  const std::string key = chunk->key_in_store;
  catalog_.store().get(key, options, [this, chunk = std::move(chunk)](Result<Object> existing) mutable {
    on_existing(std::move(chunk), std::move(existing));
  });
}

void ChunkUpload::on_existing(ChunkPtr chunk, Result<Object> existing) {
  const bool unusable =
      existing.ok() || existing.error().code == Code::kDamaged || existing.error().code == Code::kNotFound;
  if (!unusable) return chunk->done(std::move(existing).error());
  if (existing.ok() && sha256(existing->bytes.view()) == chunk->ref.id) return chunk->done({});
  store(std::move(chunk), PutIf::kAlways);
}

void ChunkUpload::store(ChunkPtr chunk, PutIf condition) {
  PutOptions options;
  options.condition = condition;
  options.durability = Durability::kWithSync;
  const std::string key = chunk->key_in_store;
  const ByteView bytes = chunk->ciphertext.view();
  catalog_.store().put(key, bytes, options,
                       [this, chunk = std::move(chunk)](Result<PutOutcome> outcome) mutable {
                         on_stored(std::move(chunk), std::move(outcome));
                       });
}

void ChunkUpload::on_stored(ChunkPtr chunk, Result<PutOutcome> outcome) {
  if (!outcome.ok()) return chunk->done(std::move(outcome).error());
  if (outcome.value() == PutOutcome::kStored) {
    new_chunks_.fetch_add(1);
    new_bytes_.fetch_add(chunk->ref.stored_length);
  }
  chunk->done({});
}

Result<UploadedChunks> ChunkUpload::collect() {
  UploadedChunks uploaded;
  for (const Outcome& outcome : outcomes_) {
    if (outcome.chunk.stored_length > 0) uploaded.chunks.push_back(outcome.chunk);
  }
  THAW_ASSIGN(uploaded.keys, KeyTable::create(uploaded.chunks.size()));
  uint8_t* key = uploaded.keys.bytes().data();
  for (const Outcome& outcome : outcomes_) {
    if (outcome.chunk.stored_length == 0) continue;
    std::memcpy(key, outcome.key.view().data(), kKeyBytes);
    key += kKeyBytes;
  }
  const MutexLock lock(mutex_);
  uploaded.distinct = seen_.size();
  uploaded.new_chunks = new_chunks_.load();
  uploaded.new_bytes = new_bytes_.load();
  return uploaded;
}

}  // namespace thaw
