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

bool fetch_ahead(const AheadParts& parts, const ChunkRef& ref, const Fetch& fetch,
                 UniqueFunction<void(const Result<Fetched>&)> arrived) {
  if (!parts.budget.take(ref.stored_length)) return false;
  Fetch quiet = fetch;
  quiet.priority = Priority::kReadAhead;
  quiet.stop = {};
  // Captures what outlives the image.
  parts.source.get(ref, quiet,
                   [parts, length = ref.stored_length,
                    arrived = std::move(arrived)](const Result<Fetched>& result) mutable {
                     parts.budget.give_back(length);
                     if (result.ok() && result->tier != Tier::kMemory)
                       count_fetched(parts.counters, result.value());
                     if (arrived) arrived(result);
                   });
  return true;
}

void ReadAhead::observe(const Read& read, const Fetch& fetch) {
  if (read.length == 0 || parts_.budget.chunks() == 0) return;
  Ahead ahead;
  {
    MutexLock lock(mutex_);
    ahead = advance(read);
  }
  if (ahead.begin >= ahead.end) return;
  const uint64_t reached = ask(ahead, fetch);
  if (reached == ahead.end) return;
  // The reader comes to those first: they are the next to be asked for. Another reader that has the stream's
  // place by now may ask for some of its own again, which does no harm.
  MutexLock lock(mutex_);
  ahead.stream->asked_until = std::min(ahead.stream->asked_until, reached);
}

ReadAhead::Ahead ReadAhead::advance(const Read& read) {
  ++clock_;
  Stream* stream = stream_at(read);
  if (stream == nullptr) {
    start_stream(read);
    return {};
  }
  stream->used = clock_;
  // Only progress counts: a place that is read again and again is no stream.
  const uint64_t end = std::max(stream->next, read.offset + read.length);
  stream->in_order += end - stream->next;
  stream->next = end;
  stream->waited = stream->waited || read.served == Served::kWaited;
  if (stream->in_order < kTriggerBytes) return {};
  const uint64_t chunk = (stream->next - 1) / map_->chunk_size;
  if (stream->window > 0 && chunk == stream->chunk) return {};
  stream->chunk = chunk;
  const uint32_t wanted = stream->waited ? stream->window * 2 : stream->window;
  stream->window = std::clamp(wanted, 1U, std::max(1U, parts_.budget.chunks()));
  stream->waited = false;
  const Ahead ahead{stream, std::max(stream->asked_until, chunk + 1), chunk + 1 + stream->window};
  stream->asked_until = std::max(stream->asked_until, ahead.end);
  return ahead;
}

ReadAhead::Stream* ReadAhead::stream_at(const Read& read) {
  const uint64_t slack = kSlack * read.length;
  for (Stream& stream : streams_) {
    if (stream.used > 0 && read.offset + slack >= stream.next && read.offset <= stream.next + slack)
      return &stream;
  }
  return nullptr;
}

void ReadAhead::start_stream(const Read& read) {
  Stream& oldest = *std::min_element(streams_.begin(), streams_.end(),
                                     [](const Stream& a, const Stream& b) { return a.used < b.used; });
  oldest = Stream{};
  oldest.next = read.offset + read.length;
  oldest.in_order = read.length;
  oldest.used = clock_;
  oldest.waited = read.served == Served::kWaited;
}

uint64_t ReadAhead::ask(const Ahead& ahead, const Fetch& fetch) {
  for (size_t i = map_->first_at_or_after(ahead.begin); i < map_->entries.size(); ++i) {
    const ImageMap::Entry& entry = map_->entries[i];
    if (entry.index >= ahead.end) break;
    if (!fetch_ahead(parts_, entry.ref, fetch, {})) return entry.index;
  }
  return ahead.end;
}

}  // namespace thaw
