#include "cache/zone/zone_store.h"

#include <algorithm>
#include <utility>

#include "lib/base/units.h"

namespace thaw {
namespace {

// Larger chunks are not for the zone.
constexpr uint64_t kMaxStoredLength = 16 * kMiB;

}  // namespace

Result<std::unique_ptr<ZoneStore>> ZoneStore::create(const Parts& parts, unsigned data_shards,
                                                     unsigned parity_shards, std::vector<ZoneNode> nodes,
                                                     const ZoneLimits& limits) {
  THAW_ASSIGN(ErasureCode code, ErasureCode::create(data_shards, parity_shards));
  std::unique_ptr<ZoneStore> store(new ZoneStore(parts, std::move(code), limits));
  THAW_TRY(store->set_nodes(std::move(nodes)));
  return store;
}

ZoneStore::ZoneStore(const Parts& parts, ErasureCode code, const ZoneLimits& limits)
    : parts_(parts),
      code_(std::move(code)),
      limits_(limits),
      members_({parts.loop, parts.counters, parts.jitter_seed, parts.refused, parts.names}, limits_,
               code_.parity_shards()),
      writer_({parts.loop, parts.cpu, code_, members_, parts.counters, activity_}, limits_),
      read_parts_{parts.loop, parts.cpu, code_, limits_,      parts.tier, parts.counters,
                  members_,   writer_,   *this, kept_chunks_, activity_},
      read_caps_(limits.reads) {}

ZoneStore::~ZoneStore() {
  closed_ = true;
  // The loop is gone: requests that are still open end here, and their reads with them.
  pumping_ = true;
  members_.clear();
}

Status ZoneStore::set_nodes(std::vector<ZoneNode> nodes) {
  if (nodes.size() < code_.shards()) {
    return Error{Code::kUsage, "zone: " + std::to_string(code_.data_shards()) + " data and " +
                                   std::to_string(code_.parity_shards()) + " parity shards need at least " +
                                   std::to_string(code_.shards()) + " nodes, and " +
                                   std::to_string(nodes.size()) + " are given"};
  }
  auto placement = std::make_shared<const ZonePlacement>(nodes, code_.shards());
  parts_.loop.post([this, nodes = std::move(nodes), placement = std::move(placement)]() mutable {
    if (!closed_) members_.replace(std::move(nodes), std::move(placement));
  });
  return {};
}

void ZoneStore::set_limits(const ZoneLimits& limits) {
  writer_.set_write_bytes(limits.write_bytes);
  parts_.loop.post([this, reads = limits.reads, rate = limits.node_write_rate] {
    read_caps_ = reads;
    members_.set_write_rate(rate);
    pump();
  });
}

void ZoneStore::find(const ChunkRef& ref, const Fetch& fetch, Completion<std::optional<SealedChunk>> done) {
  const bool possible = ref.stored_length > 0 && ref.stored_length <= kMaxStoredLength;
  if (closed_ || !possible || activity_.count() >= limits_.open_reads) {
    return done(std::optional<SealedChunk>());
  }
  const TimePoint deadline = std::min(fetch.deadline, parts_.loop.now() + limits_.turn);
  auto read = std::make_unique<ZoneRead>(read_parts_, ref, fetch, deadline, std::move(done),
                                         Activity::Token(activity_));
  parts_.loop.post([this, read = std::move(read)]() mutable { enqueue(std::move(read)); });
}

void ZoneStore::put(const SealedChunk& chunk) {
  if (!closed_) writer_.fill(chunk);
}

void ZoneStore::drop(const SealedChunk& chunk) {
  count(parts_.tier.errors);
  parts_.loop.post([this, ref = chunk.ref(), token = Activity::Token(activity_)] {
    writer_.remove(ref, std::vector<bool>(code_.shards(), true));
  });
}

void ZoneStore::expedite(const ChunkRef& ref, const Fetch& fetch) {
  if (closed_) return;
  parts_.loop.post([this, ref, fetch] { raise(ref, fetch); });
}

void ZoneStore::raise(const ChunkRef& ref, const Fetch& fetch) {
  const auto joins = [&](const ZoneRead* read) {
    return read->ref() == ref && read->fetch().priority > fetch.priority;
  };
  queue_.raise(joins, fetch.priority, fetch.mount);
  for (const auto& [read, owned] : reads_) {
    if (joins(read)) read->raise(fetch);
  }
  pump();
}

void ZoneStore::shut_down() {
  closed_ = true;
  parts_.loop.post([this] {
    members_.clear();
    pump();
  });
}

void ZoneStore::enqueue(std::unique_ptr<ZoneRead> read) {
  ZoneRead* const raw = read.get();
  reads_.emplace(raw, std::move(read));
  waits_for_slot(*raw);
}

void ZoneStore::waits_for_slot(ZoneRead& read) {
  queue_.push(read.fetch().priority, read.fetch().mount, &read);
  waiting_.emplace(read.deadline(), &read);
  pump();
  watch_queue();
}

// Not recursive: a read may be over inside start().
void ZoneStore::pump() {
  if (std::exchange(pumping_, true)) return;
  while (const auto next =
             queue_.pop([this](Priority priority, uint64_t mount) { return may_start(priority, mount); })) {
    waiting_.erase({(*next)->deadline(), *next});
    take_turn(**next);
  }
  pumping_ = false;
}

void ZoneStore::take_turn(ZoneRead& read) {
  read.slot = read.fetch();
  slots_.take(read.slot.priority, read.slot.mount);
  if (closed_ || read.is_stale()) {
    read.miss();
  } else {
    read.start();
  }
}

void ZoneStore::watch_queue() {
  if (waiting_.empty() || waiting_.begin()->first >= watched_) return;
  watched_ = waiting_.begin()->first;
  parts_.loop.call_at(watched_, [this, due = watched_] { sweep_queue(due); });
}

// Those whose turn does not come in time. Each has a slot beyond the limit for as long as it takes to answer.
void ZoneStore::sweep_queue(TimePoint due) {
  if (due != watched_) return;  // an earlier one has taken its place
  const TimePoint now = parts_.loop.now();
  while (!waiting_.empty() && waiting_.begin()->first <= now) {
    ZoneRead& read = *waiting_.begin()->second;
    waiting_.erase(waiting_.begin());
    queue_.remove(read.fetch().priority, read.fetch().mount, &read);
    take_turn(read);
  }
  watched_ = TimePoint::max();
  watch_queue();
}

bool ZoneStore::may_start(Priority priority, uint64_t mount) const {
  return closed_ || slots_.may_take(priority, mount, read_caps_);
}

void ZoneStore::left_slot(ZoneRead& read) {
  slots_.release(read.slot.priority, read.slot.mount);
  pump();
}

void ZoneStore::ended(ZoneRead& read) { reads_.erase(&read); }

}  // namespace thaw
