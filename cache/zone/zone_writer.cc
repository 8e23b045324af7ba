#include "cache/zone/zone_writer.h"

#include <algorithm>
#include <utility>

#include "lib/metrics/tier_counters.h"

namespace thaw {
namespace {

// memcached's largest value (-I 1m), with its own bookkeeping taken off.
constexpr uint64_t kMaxValueBytes = (1 << 20) - 1024;

}  // namespace

ZoneWriter::Permit::~Permit() {
  writer.bytes_.fetch_sub(bytes, std::memory_order_relaxed);
  if (is_repair) --writer.repairs_;
}

uint64_t ZoneWriter::value_bytes(const ChunkRef& ref) const {
  return kShardHeaderBytes + shard_length(ref.stored_length, parts_.code.data_shards());
}

ZoneWriter::SharedPermit ZoneWriter::take_permit(uint64_t bytes) {
  if (bytes_.fetch_add(bytes, std::memory_order_relaxed) + bytes >
      write_bytes_.load(std::memory_order_relaxed)) {
    bytes_.fetch_sub(bytes, std::memory_order_relaxed);
    return nullptr;
  }
  return SharedPermit(new Permit{*this, bytes, false, Activity::Token(parts_.activity)});
}

void ZoneWriter::fill(const SealedChunk& chunk) {
  const uint64_t each = value_bytes(chunk.ref());
  SharedPermit permit = each <= kMaxValueBytes ? take_permit(each * parts_.code.shards()) : nullptr;
  if (permit == nullptr) return count(parts_.counters.fills_dropped);
  parts_.loop.post([this, chunk, permit = std::move(permit)]() mutable {
    const std::vector<bool> all(parts_.code.shards(), true);
    if (!take_rate(chunk.ref(), all)) return count(parts_.counters.fills_dropped);
    count(parts_.counters.fills);
    encode(chunk, all, std::move(permit));
  });
}

void ZoneWriter::repair(const SealedChunk& chunk, const std::vector<bool>& wanted) {
  if (repairs_ >= limits_.repairs_in_flight) return;
  const auto shards = static_cast<uint64_t>(std::count(wanted.begin(), wanted.end(), true));
  SharedPermit permit = take_permit(value_bytes(chunk.ref()) * shards);
  if (permit == nullptr || !take_rate(chunk.ref(), wanted)) return;
  permit->is_repair = true;
  ++repairs_;
  count(parts_.counters.repairs, shards);
  encode(chunk, wanted, std::move(permit));
}

bool ZoneWriter::has_room(const ChunkRef& ref) const {
  const uint64_t each = value_bytes(ref);
  const uint64_t under_way = bytes_.load(std::memory_order_relaxed);
  if (each > kMaxValueBytes || under_way + each * parts_.code.shards() > write_bytes_.load()) return false;
  return !targets_of(ref, std::vector<bool>(parts_.code.shards(), true)).empty();
}

std::vector<ZoneMember*> ZoneWriter::targets_of(const ChunkRef& ref, const std::vector<bool>& wanted) const {
  std::vector<ZoneMember*> targets;
  for (unsigned i = 0; i < wanted.size(); ++i) {
    ZoneMember* member = wanted[i] ? parts_.members.member_of(ref.id, i) : nullptr;
    if (member == nullptr) continue;
    if (!member->writes.has(value_bytes(ref), parts_.loop.now())) return {};
    targets.push_back(member);
  }
  return targets;
}

bool ZoneWriter::take_rate(const ChunkRef& ref, const std::vector<bool>& wanted) {
  const std::vector<ZoneMember*> targets = targets_of(ref, wanted);
  for (ZoneMember* member : targets) member->writes.take(value_bytes(ref));
  return !targets.empty();
}

// The permit is let go on the loop's thread, whatever happens on the way; only a loop that has ended lets it
// go elsewhere, and then nobody counts any more.
void ZoneWriter::encode(const SealedChunk& chunk, const std::vector<bool>& wanted, SharedPermit permit) {
  // Others wait for the fill; it takes its turn like one more mount's demand.
  parts_.cpu.post(chunk.ref(), Fetch{}, [this, chunk, wanted, permit = std::move(permit)]() mutable {
    std::vector<EncodedShard> shards = encode_shards(parts_.code, chunk, wanted);
    parts_.loop.post([this, ref = chunk.ref(), shards = std::move(shards),
                      permit = std::move(permit)]() mutable { send(ref, std::move(shards), permit); });
  });
}

void ZoneWriter::send(const ChunkRef& ref, std::vector<EncodedShard> shards, const SharedPermit& permit) {
  const TimePoint deadline = parts_.loop.now() + limits_.write;
  for (EncodedShard& shard : shards) {
    ZoneMember* member = parts_.members.member_of(ref.id, shard.index);
    if (member == nullptr) continue;
    // Reads tell how well a node is. A write that fails is lost, and found missing by a read.
    member->client.set(shard_key(shard_name(parts_.code, ref, shard.index)),
                       {shard.header, shard.payload, std::move(shard.owner)}, deadline,
                       [this, member, permit](const Result<NodeReply>& reply) {
                         if (!reply.ok()) count(parts_.counters.writes_failed);
                         parts_.members.note_write(*member, reply);
                       });
  }
}

void ZoneWriter::remove(const ChunkRef& ref, const std::vector<bool>& which) {
  SharedPermit permit = take_permit(0);
  if (permit == nullptr) return;
  const TimePoint deadline = parts_.loop.now() + limits_.write;
  for (unsigned i = 0; i < which.size(); ++i) {
    ZoneMember* member = which[i] ? parts_.members.member_of(ref.id, i) : nullptr;
    if (member == nullptr) continue;
    member->client.remove(shard_key(shard_name(parts_.code, ref, i)), deadline,
                          [permit](const Result<NodeReply>&) {});
  }
}

}  // namespace thaw
