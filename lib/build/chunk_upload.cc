#include "lib/build/chunk_upload.h"

#include <algorithm>
#include <cstring>
#include <numeric>
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
                         Catalog& catalog, const KnownChunks& known, Executor& workers, UploadOptions options)
    : device_(device),
      place_(place),
      salts_(salts),
      catalog_(catalog),
      known_(known),
      workers_(workers),
      options_(std::move(options)),
      in_flight_(options_.in_flight),
      outcomes_(device.shape().chunks.size()) {}

Result<UploadedChunks> ChunkUpload::run() {
  std::vector<size_t> all(outcomes_.size());
  std::iota(all.begin(), all.end(), size_t{0});
  THAW_TRY(upload(all));
  if (known_lies_) THAW_TRY(ask_for_unasked());
  // Nothing that names a chunk is written before this: also chunks that were found must outlive a power loss.
  THAW_TRY(catalog_.sync(chunk_folder(place_.root.id)));
  return collect();
}

Status ChunkUpload::upload(const std::vector<size_t>& positions) {
  for (const size_t position : positions) {
    Completion<void> done = in_flight_.start();
    if (!done) break;
    start(position, std::move(done));
    report_progress();
  }
  THAW_TRY(in_flight_.drain());
  report_progress();
  return {};
}

Status ChunkUpload::ask_for_unasked() {
  std::vector<size_t> unasked;
  {
    const MutexLock lock(mutex_);
    unasked = std::exchange(unasked_, {});
    for (const size_t position : unasked) seen_.erase(outcomes_[position].chunk.id);
  }
  return upload(unasked);
}

void ChunkUpload::report_progress() {
  if (!options_.progress) return;
  options_.progress({std::min<uint64_t>(in_flight_.finished(), outcomes_.size()), outcomes_.size()});
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

bool ChunkUpload::take_as_known(const Chunk& chunk) {
  if (options_.existing != Existing::kTrustMemory || known_lies_ || !known_.contains(chunk.ref.id))
    return false;
  if (known_seen_.fetch_add(1) % kKnownToAsked == 0) return false;
  const MutexLock lock(mutex_);
  unasked_.push_back(chunk.position);
  return true;
}

void ChunkUpload::look_up(ChunkPtr chunk) {
  if (take_as_known(*chunk)) return chunk->done({});
  const std::string key = chunk->key_in_store;
  catalog_.store().size_of(key, [this, chunk = std::move(chunk)](Result<uint64_t> size) mutable {
    on_size(std::move(chunk), std::move(size));
  });
}

void ChunkUpload::on_size(ChunkPtr chunk, Result<uint64_t> size) {
  const bool is_there = size.ok() && size.value() == chunk->ref.stored_length;
  if (!is_there && known_.contains(chunk->ref.id)) known_lies_ = true;
  if (!size.ok() && size.error().code == Code::kNotFound) return store(std::move(chunk), PutIf::kAbsent);
  if (!size.ok()) return chunk->done(std::move(size).error());
  // A torn chunk: its name allows one content only, so that replacing it can only mend it.
  if (!is_there) return store(std::move(chunk), PutIf::kAlways);
  if (options_.existing != Existing::kVerify) return chunk->done({});

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
  uploaded.unasked = unasked_.size();
  uploaded.new_chunks = new_chunks_.load();
  uploaded.new_bytes = new_bytes_.load();
  return uploaded;
}

}  // namespace thaw
