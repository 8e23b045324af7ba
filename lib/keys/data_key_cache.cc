#include "lib/keys/data_key_cache.h"

#include <algorithm>
#include <array>

#include "lib/crypto/hash.h"

namespace thaw {
namespace {

// Lengths keep one field's end from being taken for another's beginning.
Digest question_of(const WrappedKey& wrapped, ByteView context) {
  Sha256 hash;
  for (const ByteView field : {as_bytes(wrapped.key_id), ByteView(wrapped.wrapped), context}) {
    const uint64_t size = field.size();
    std::array<uint8_t, sizeof size> length{};
    for (size_t i = 0; i < length.size(); ++i) length.at(i) = static_cast<uint8_t>(size >> (8 * i));
    hash.update(length);
    hash.update(field);
  }
  return hash.finish();
}

}  // namespace

// Without memory for it nothing is remembered.
DataKeyCache::DataKeyCache(KeyService& service, const Clock& clock, const DataKeyLimits& limits)
    : service_(service), clock_(clock), limits_(limits) {
  if (limits.age == Duration::zero()) return;
  Result<KeyTable> table = KeyTable::create(limits.keys);
  if (!table.ok()) return;
  table_ = std::move(table).value();
  for (size_t i = 0; i < table_.size(); ++i) free_.push_back(i);
}

MutableBytes DataKeyCache::slot(size_t index) { return table_.bytes().subspan(index * kKeyBytes, kKeyBytes); }

void DataKeyCache::forget_oldest() {
  wipe(slot(oldest_first_.front().slot));
  free_.push_back(oldest_first_.front().slot);
  oldest_first_.pop_front();
}

void DataKeyCache::forget_late_ones() {
  const TimePoint now = clock_.now();
  while (!oldest_first_.empty() && oldest_first_.front().until <= now) forget_oldest();
}

void DataKeyCache::remember(const Digest& question, const Secret& secret) {
  const MutexLock lock(mutex_);
  if (table_.size() == 0) return;
  if (std::ranges::find(oldest_first_, question, &Remembered::question) != oldest_first_.end()) return;
  if (free_.empty()) forget_oldest();
  const size_t index = free_.back();
  free_.pop_back();
  std::ranges::copy(secret.view(), slot(index).begin());
  oldest_first_.push_back({question, index, clock_.now() + limits_.age});
}

Result<Secret> DataKeyCache::unwrap(const WrappedKey& wrapped, ByteView context) {
  const Digest question = question_of(wrapped, context);
  {
    const MutexLock lock(mutex_);
    forget_late_ones();
    const auto found = std::ranges::find(oldest_first_, question, &Remembered::question);
    if (found != oldest_first_.end()) return Secret::from(slot(found->slot));
  }
  THAW_ASSIGN(Secret secret, service_.unwrap(wrapped, context));
  remember(question, secret);
  return secret;
}

Result<DataKey> DataKeyCache::generate_data_key(const std::string& tenant, ByteView context) {
  return service_.generate_data_key(tenant, context);
}

Result<WrappedKey> DataKeyCache::rewrap(const WrappedKey& wrapped, const std::string& tenant,
                                        ByteView context) {
  return service_.rewrap(wrapped, tenant, context);
}

}  // namespace thaw
