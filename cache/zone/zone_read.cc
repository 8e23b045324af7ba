#include "cache/zone/zone_read.h"

#include <algorithm>
#include <utility>

#include "cache/expedite.h"

namespace thaw {
namespace {

// What a node could not answer in less than its full time says nothing of it.
Result<NodeReply> excused(const Result<NodeReply>& reply) {
  if (reply.ok() || reply.error().code != Code::kTimedOut) return reply;
  return Error{Code::kCancelled, "the read could wait no longer"};
}

}  // namespace

ZoneRead::ZoneRead(const Parts& parts, const ChunkRef& ref, const Fetch& fetch, TimePoint deadline,
                   Completion<std::optional<SealedChunk>> done, Activity::Token token)
    : parts_(parts),
      ref_(ref),
      fetch_(fetch),
      deadline_(deadline),
      done_(std::move(done)),
      token_(std::move(token)),
      next_look_(parts.limits.first_look) {}

void ZoneRead::raise(const Fetch& fetch) {
  fetch_ = thaw::joined(fetch_, fetch);
  if (join_) join_->raise(fetch_);
}

void ZoneRead::start() {
  phase_ = Phase::kReading;
  asking_to_join_ = false;
  join_ =
      std::make_shared<ShardJoin>(parts_.cpu, parts_.code, ref_, fetch_, Activity::Token(parts_.activity));
  const TimePoint now = parts_.loop.now();
  // The nodes' time begins with its turn: how long it waited is not their doing.
  if (!claim_lost_) deadline_ = std::min(fetch_.deadline, now + parts_.limits.read);
  ask_all(now, deadline_, join_->payloads());
  step();
}

void ZoneRead::ask_all(TimePoint now, TimePoint latest, const std::vector<MutableBytes>& payloads) {
  const unsigned round = ++round_;
  const TimePoint full = now + parts_.limits.read;
  const TimePoint deadline = std::min(latest, full);
  const bool hurried = deadline < full;
  generation_ = parts_.members.generation();
  headers_.assign(parts_.code.shards(), {});
  shards_.assign(parts_.code.shards(), {});
  asking_ = true;  // a node that answers inside the call must not end this read under our feet
  for (unsigned i = 0; i < shards_.size(); ++i) {
    ZoneMember* member = parts_.members.member_of(ref_.id, i);
    if (member == nullptr) continue;
    ++open_requests_;
    shards_[i].state = State::kAsked;
    shards_[i].member = member;
    shards_[i].ticket = member->client.get(
        shard_key(shard_name(parts_.code, ref_, i)), {MutableBytes(headers_[i]), payloads[i]}, deadline,
        [this, round, i, member, hurried](const Result<NodeReply>& reply) {
          shard_answered(round, i, *member, hurried ? excused(reply) : reply);
        });
  }
  asking_ = false;
}

void ZoneRead::shard_answered(unsigned round, unsigned index, ZoneMember& member,
                              const Result<NodeReply>& reply) {
  --open_requests_;
  if (round == round_) {
    Shard& shard = shards_[index];
    shard.state = shard.state == State::kUnneeded && reply.ok() && *reply.operator->() == NodeReply::kValue
                      ? State::kUnneeded
                      : judge(index, reply);
    shard.member = nullptr;
    note(member, shard.state, reply);
  } else {
    parts_.members.record(member, reply);
  }
  if (!asking_) step();
}

ZoneRead::State ZoneRead::judge(unsigned index, const Result<NodeReply>& reply) const {
  if (!reply.ok() && reply.error().code == Code::kCancelled) return State::kAbsent;
  if (!reply.ok()) return reply.error().code == Code::kDamaged ? State::kBad : State::kLate;
  if (reply.value() != NodeReply::kValue) return State::kMissing;
  const bool right = check_shard_header(headers_[index], shard_name(parts_.code, ref_, index)).ok();
  return right ? State::kGood : State::kBad;
}

void ZoneRead::note(ZoneMember& member, State state, const Result<NodeReply>& reply) {
  if (state == State::kBad) {
    count(parts_.counters.shards_bad);
    count(parts_.tier.errors);
    return parts_.members.record(member, NodeHealth::Reply::kBad);
  }
  if (state == State::kLate) {
    count(parts_.counters.shards_late);
    count(parts_.tier.errors);
  }
  parts_.members.record(member, reply);
}

unsigned ZoneRead::count_of(State state) const {
  return static_cast<unsigned>(std::count_if(shards_.begin(), shards_.end(),
                                             [state](const Shard& shard) { return shard.state == state; }));
}

// What to do now that something was answered. May end this read: nothing follows a call.
void ZoneRead::step() {
  const unsigned good = count_of(State::kGood);
  const unsigned asked = count_of(State::kAsked);
  const unsigned enough = parts_.code.data_shards();
  switch (phase_) {
    case Phase::kReading:
      join_->arrived(leading_data());
      if (good >= enough) return join_soon();
      if (good + asked < enough) return lacking();
      return;
    case Phase::kReadingAgain:
      if (good + asked < enough) return miss();
      if (asked == 0) return salvage();
      return;
    case Phase::kAnswered:
      if (open_requests_ == 0) return wrap_up();
      return;
    case Phase::kJoining:
    case Phase::kSalvaging:
    case Phase::kClaiming:
    case Phase::kWaiting:
      return;
  }
}

// Their memory is about to be used by others; the answers still count.
void ZoneRead::discard_asked() {
  for (Shard& shard : shards_) {
    if (shard.state != State::kAsked) continue;
    shard.state = State::kUnneeded;
    shard.member->client.discard(shard.ticket);
  }
}

// A data shard that has arrived meanwhile saves decoding: the sockets are looked at once more, without
// waiting.
void ZoneRead::join_soon() {
  if (asking_to_join_) return;
  asking_to_join_ = true;
  if (has_all_data()) return join();
  parts_.loop.post([this] { parts_.loop.post([this] { join(); }); });
}

// How many data shards have arrived before the first that has not.
unsigned ZoneRead::leading_data() const {
  unsigned count = 0;
  while (count < parts_.code.data_shards() && shards_[count].state == State::kGood) ++count;
  return count;
}

std::vector<bool> ZoneRead::present() const {
  std::vector<bool> good;
  for (const Shard& shard : shards_) good.push_back(shard.state == State::kGood);
  return good;
}

void ZoneRead::join() {
  phase_ = Phase::kJoining;
  discard_asked();
  if (!has_all_data()) count(parts_.counters.rebuilt);
  join_->finish(present(), [this](Result<SealedChunk> chunk) {
    std::optional<SealedChunk> found;
    if (chunk.ok()) found = std::move(chunk).value();
    if (found) {
      if (claim_lost_) count(parts_.counters.claims_filled);
      std::exchange(done_, {})(found);
    }
    parts_.loop.post([this, found = std::move(found)]() mutable { joined(std::move(found)); });
  });
}

void ZoneRead::joined(std::optional<SealedChunk> chunk) {
  join_.reset();
  if (!chunk) return read_again();
  set_answered(std::move(chunk));
}

// The zone does not hold it. Nodes that did not answer are no reason to claim anything: perhaps they hold it.
void ZoneRead::lacking() {
  discard_asked();
  if (count_of(State::kMissing) == 0 || parts_.limits.claim_wait == Duration::zero()) return miss();
  if (claim_lost_) return wait_for_fill();
  // Others would wait for a fill that is dropped.
  if (!parts_.writer.has_room(ref_)) return miss();
  ZoneMember* member = nullptr;
  for (unsigned i = 0; i < shards_.size() && member == nullptr; ++i) {
    member = parts_.members.member_of(ref_.id, i);
  }
  if (member == nullptr) return miss();
  phase_ = Phase::kClaiming;
  ++open_requests_;
  member->client.claim(claim_key(ref_.id), parts_.limits.claim_lasts, deadline_,
                       [this, member](const Result<NodeReply>& reply) {
                         --open_requests_;
                         parts_.members.record(*member, excused(reply));  // it has what the read left
                         claimed(reply);
                       });
}

// A claim is a hint and no lock: whatever goes wrong with it, the chunk is fetched.
void ZoneRead::claimed(const Result<NodeReply>& reply) {
  if (reply.ok() && reply.value() == NodeReply::kWon) count(parts_.counters.claims_won);
  if (!reply.ok() || reply.value() != NodeReply::kDone) return miss();
  count(parts_.counters.claims_lost);
  claim_lost_ = true;
  deadline_ = std::min(fetch_.deadline, parts_.loop.now() + parts_.limits.claim_wait);
  wait_for_fill();
}

// Without a slot, or those who wait would keep others from what the zone does hold.
void ZoneRead::wait_for_fill() {
  phase_ = Phase::kWaiting;
  free_memory();
  const TimePoint look = std::min(deadline_, parts_.loop.now() + next_look_);
  next_look_ *= 2;
  parts_.loop.call_at(look, [this] { parts_.owner.waits_for_slot(*this); });
  parts_.owner.left_slot(*this);
}

// Some shard lies, and it is not known which. Reads that come to this are rare: the node that lies is ejected
// soon.
void ZoneRead::read_again() {
  phase_ = Phase::kReadingAgain;
  discard_asked();
  buffers_.emplace(parts_.code, ref_);
  ask_all(parts_.loop.now(), fetch_.deadline, buffers_->payloads);
  step();
}

void ZoneRead::salvage() {
  phase_ = Phase::kSalvaging;
  buffers_->present = present();
  parts_.cpu.post(ref_, fetch_, [this, buffers = std::move(*buffers_)] {
    SalvagedChunk result = salvage_shards(parts_.code, ref_, buffers, headers_, parts_.limits.combinations);
    std::exchange(done_, {})(result.chunk);
    parts_.loop.post([this, result = std::move(result)] { salvaged(result); });
  });
}

void ZoneRead::salvaged(const SalvagedChunk& result) {
  for (unsigned i = 0; i < shards_.size(); ++i) {
    if (!result.bad[i]) continue;
    shards_[i].state = State::kBad;
    count(parts_.counters.shards_bad);
    count(parts_.tier.errors);
    ZoneMember* member = parts_.members.member_of(ref_.id, i);
    const bool same = generation_ == parts_.members.generation();
    if (same && member != nullptr) parts_.members.record(*member, NodeHealth::Reply::kBad);
  }
  set_answered(result.chunk);
}

void ZoneRead::miss() {
  discard_asked();
  std::exchange(done_, {})(std::optional<SealedChunk>());
  set_answered(std::nullopt);
}

void ZoneRead::set_answered(std::optional<SealedChunk> chunk) {
  phase_ = Phase::kAnswered;
  free_memory();
  keep_chunk(std::move(chunk));
  parts_.owner.left_slot(*this);
  step();
}

// Behind a node that hangs, many reads wait for their last shard: most of them have to do without their
// chunk, or they would hold more memory than all that are being read.
void ZoneRead::keep_chunk(std::optional<SealedChunk> chunk) {
  if (!chunk) return;
  if (open_requests_ == 0 || parts_.kept_chunks >= parts_.limits.kept_chunks) return repair(*chunk);
  ++parts_.kept_chunks;
  kept_ = std::move(chunk);
}

// Only beside a chunk that was found. A miss repairs nothing: the fill that follows it writes all shards.
// Neither does it delete a shard that looked wrong: perhaps it is the question that was.
void ZoneRead::repair(const SealedChunk& chunk) {
  if (generation_ != parts_.members.generation()) return;
  std::vector<bool> bad(shards_.size());
  std::vector<bool> wanted(shards_.size());
  for (unsigned i = 0; i < shards_.size(); ++i) {
    bad[i] = shards_[i].state == State::kBad;
    wanted[i] = bad[i] || shards_[i].state == State::kMissing;
  }
  count(parts_.counters.shards_missing, count_of(State::kMissing));
  if (count_of(State::kBad) > 0) parts_.writer.remove(ref_, bad);
  if (std::find(wanted.begin(), wanted.end(), true) != wanted.end()) parts_.writer.repair(chunk, wanted);
}

void ZoneRead::free_memory() {
  if (join_) join_->abandon();
  join_.reset();
  buffers_.reset();
}

void ZoneRead::wrap_up() {
  if (kept_) {
    --parts_.kept_chunks;
    repair(*kept_);
  }
  parts_.owner.ended(*this);
}

}  // namespace thaw
