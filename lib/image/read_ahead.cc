#include "lib/image/read_ahead.h"

#include <algorithm>
#include <utility>

#include "lib/image/fetch_counts.h"

namespace thaw {
namespace {

// How far from where it is expected a read still belongs to a stream, in lengths of the read.
constexpr uint64_t kSlack = 4;

}  // namespace

bool ReadAheadBudget::take(uint64_t bytes) {
  uint64_t used = used_.load(std::memory_order_relaxed);
  do {
    if (used + bytes > limit_.load(std::memory_order_relaxed)) return false;
  } while (!used_.compare_exchange_weak(used, used + bytes, std::memory_order_relaxed));
  return true;
}

void ReadAhead::observe(uint64_t offset, uint32_t length, const Fetch& fetch) {
  if (length == 0 || parts_.budget.chunks() == 0) return;
  Ahead ahead;
  {
    MutexLock lock(mutex_);
    ahead = advance(offset, length);
  }
  if (ahead.begin < ahead.end) ask(ahead, fetch);
}

ReadAhead::Ahead ReadAhead::advance(uint64_t offset, uint32_t length) {
  ++clock_;
  Stream* stream = stream_at(offset, length);
  if (stream == nullptr) {
    start_stream(offset, length);
    return {};
  }
  stream->used = clock_;
  // Only progress counts: a place that is read again and again is no stream.
  const uint64_t end = std::max(stream->next, offset + length);
  stream->in_order += end - stream->next;
  stream->next = end;
  if (stream->in_order < kTriggerBytes) return {};
  const uint64_t chunk = (stream->next - 1) / map_->chunk_size;
  if (stream->window > 0 && chunk == stream->chunk) return {};
  stream->chunk = chunk;
  stream->window = std::clamp(stream->window * 2, 1U, std::max(1U, parts_.budget.chunks()));
  const Ahead ahead{std::max(stream->asked_until, chunk + 1), chunk + 1 + stream->window};
  stream->asked_until = std::max(stream->asked_until, ahead.end);
  return ahead;
}

ReadAhead::Stream* ReadAhead::stream_at(uint64_t offset, uint32_t length) {
  const uint64_t slack = kSlack * length;
  for (Stream& stream : streams_) {
    if (stream.used > 0 && offset + slack >= stream.next && offset <= stream.next + slack) return &stream;
  }
  return nullptr;
}

void ReadAhead::start_stream(uint64_t offset, uint32_t length) {
  Stream& oldest = *std::min_element(streams_.begin(), streams_.end(),
                                     [](const Stream& a, const Stream& b) { return a.used < b.used; });
  oldest = Stream{};
  oldest.next = offset + length;
  oldest.in_order = length;
  oldest.used = clock_;
}

void ReadAhead::ask(const Ahead& ahead, const Fetch& fetch) {
  Fetch quiet = fetch;
  quiet.priority = Priority::kReadAhead;
  quiet.stop = {};
  for (size_t i = map_->first_at_or_after(ahead.begin); i < map_->entries.size(); ++i) {
    const ImageMap::Entry& entry = map_->entries[i];
    const uint32_t length = entry.ref.stored_length;
    if (entry.index >= ahead.end || !parts_.budget.take(length)) return;
    // Captures what outlives this image, and not `this`.
    parts_.source.get(entry.ref, quiet, [length, parts = parts_](const Result<Fetched>& result) {
      parts.budget.give_back(length);
      if (result.ok() && result->tier != Tier::kMemory) {
        count_fetched(parts.counters, result.value());
      }
    });
  }
}

}  // namespace thaw
