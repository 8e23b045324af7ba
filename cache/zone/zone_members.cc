#include "cache/zone/zone_members.h"

#include <utility>

#include "lib/metrics/tier_counters.h"

namespace thaw {
namespace {

bool shuts_out(const Result<NodeReply>& reply) { return !reply.ok() && reply.error().code == Code::kRefused; }

bool cannot(const Result<NodeReply>& reply) { return !reply.ok() && reply.error().code == Code::kUsage; }

// One whose name is not found begins anew: it is looked up at once.
bool is_same(const MemcachedNode& known, const ZoneNode& node) {
  return known.has_address() && known.node().address == node.address && known.node().access == node.access;
}

}  // namespace

ZoneMembers::ZoneMembers(const Parts& parts, const ZoneLimits& limits, unsigned max_out)
    : parts_(parts),
      limits_(limits),
      max_out_(max_out),
      write_rate_(limits.node_write_rate),
      seed_(parts.seed) {}

ZoneMembers::~ZoneMembers() { clear(); }

void ZoneMembers::replace(std::vector<ZoneNode> nodes, std::shared_ptr<const ZonePlacement> placement) {
  std::map<std::string, std::unique_ptr<ZoneMember>> before;
  before.swap(by_name_);
  members_.clear();
  for (ZoneNode& node : nodes) {
    const std::string name = node.name;
    const auto known = before.find(name);
    auto& member = by_name_[name];
    if (known != before.end() && is_same(known->second->client, node)) {
      member = std::move(known->second);
      before.erase(known);
    } else {
      member = std::make_unique<ZoneMember>(MemcachedNode::Parts{parts_.loop, parts_.names}, std::move(node),
                                            limits_, write_rate_, ++seed_);
    }
    members_.push_back(member.get());
  }
  placement_ = std::move(placement);
  ++generation_;
  before.clear();  // last: its requests complete, and those who wait see the new nodes
  update_gauge();
}

void ZoneMembers::set_write_rate(uint64_t rate) {
  write_rate_ = rate;
  for (const auto& [name, member] : by_name_) member->writes.set_rate(rate);
}

void ZoneMembers::clear() { replace({}, nullptr); }

ZoneMember* ZoneMembers::member_of(const ChunkId& id, unsigned index) {
  if (placement_ == nullptr) return nullptr;
  ZoneMember* member = members_[placement_->nodes_of(id)[index]];
  return member->health.is_out() ? nullptr : member;
}

void ZoneMembers::record(ZoneMember& member, const Result<NodeReply>& reply) {
  note_refusal(member, reply);
  if (reply.ok()) return record(member, NodeHealth::Reply::kGood);
  if (reply.error().code == Code::kCancelled) return;
  record(member, NodeHealth::Reply::kBad);
}

void ZoneMembers::record(ZoneMember& member, NodeHealth::Reply reply) {
  const TimePoint now = parts_.loop.now();
  member.health.record(reply, now);
  if (reply == NodeHealth::Reply::kGood || member.health.is_out()) return;
  if (out_ < max_out_ && member.health.is_failing(now)) eject(member);
}

void ZoneMembers::note_refusal(ZoneMember& member, const Result<NodeReply>& reply) {
  const bool refused = shuts_out(reply) || cannot(reply);
  if (refused) count(parts_.counters.refused);
  const bool known = std::exchange(member.refuses, refused || (member.refuses && !reply.ok()));
  if (refused && !known) tell(member, reply.error());
}

// Who is shut out hears it from its reads.
void ZoneMembers::note_write(ZoneMember& member, const Result<NodeReply>& reply) {
  if (!cannot(reply)) return;
  count(parts_.counters.refused);
  if (!std::exchange(member.refused_a_write, true)) tell(member, reply.error());
}

void ZoneMembers::tell(const ZoneMember& member, const Error& refusal) const {
  if (parts_.refused) parts_.refused(member.client.node().name + ": " + refusal.message);
}

void ZoneMembers::eject(ZoneMember& member) {
  const std::string& name = member.client.node().name;
  const auto known = by_name_.find(name);
  if (known == by_name_.end() || known->second.get() != &member) return;  // it is leaving anyway
  const Duration wait = member.health.eject();
  count(parts_.counters.ejections);
  update_gauge();
  probe_later(name, wait);
}

void ZoneMembers::probe_later(const std::string& name, Duration wait) {
  const std::weak_ptr<ZoneMembers*> self = self_;
  parts_.loop.call_at(parts_.loop.now() + wait, [self, name] {
    const std::shared_ptr<ZoneMembers*> members = self.lock();
    if (members) (*members)->probe(name);
  });
}

// By name: the node may have left, and another of its name come, since it was ejected.
void ZoneMembers::probe(const std::string& name) {
  const auto known = by_name_.find(name);
  if (known == by_name_.end() || !known->second->health.is_out()) return;
  const std::weak_ptr<ZoneMembers*> self = self_;
  known->second->client.ping(parts_.loop.now() + limits_.read, [self, name](const Result<NodeReply>& reply) {
    const std::shared_ptr<ZoneMembers*> members = self.lock();
    if (members) (*members)->probed(name, reply);
  });
}

void ZoneMembers::probed(const std::string& name, const Result<NodeReply>& reply) {
  const auto known = by_name_.find(name);
  if (known == by_name_.end() || !known->second->health.is_out()) return;
  note_refusal(*known->second, reply);
  if (!reply.ok()) return probe_later(name, known->second->health.probe_failed());
  known->second->health.readmit();
  count(parts_.counters.readmissions);
  update_gauge();
}

void ZoneMembers::update_gauge() {
  out_ = 0;
  for (const ZoneMember* member : members_) out_ += member->health.is_out() ? 1 : 0;
  parts_.counters.nodes_out.store(out_, std::memory_order_relaxed);
}

}  // namespace thaw
