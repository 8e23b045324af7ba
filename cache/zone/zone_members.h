// ZoneMembers: the nodes of the zone as they are now: placement, each node's health and write rate, who is
// out. No more nodes are out than there are parity shards: beyond that, failing nodes are asked all the same.
//
// Belongs to the loop's thread.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "cache/zone/byte_rate.h"
#include "cache/zone/memcached_node.h"
#include "cache/zone/node_health.h"
#include "cache/zone/zone_placement.h"

namespace thaw {

struct ZoneMember {
  ZoneMember(const MemcachedNode::Parts& parts, ZoneNode node, const ZoneLimits& limits, uint64_t write_rate,
             uint64_t seed)
      : health(limits.health, seed), writes(write_rate), client(parts, std::move(node), limits.node) {}

  NodeHealth health;  // before client, whose destructor completes requests
  ByteRate writes;
  bool refuses = false;
  bool refused_a_write = false;
  MemcachedNode client;
};

class ZoneMembers {
 public:
  struct Parts {
    EventLoop& loop;
    ZoneCounters& counters;
    uint64_t seed;  // of the probes' jitter
    // Told of a node that refuses, once until it answers again.
    std::function<void(const std::string& line)> refused;
    NameLookup names;
  };

  ZoneMembers(const Parts& parts, const ZoneLimits& limits, unsigned max_out);
  ~ZoneMembers();

  // Nodes that stay, and are found, keep their connections and health; requests to one that leaves end
  // (kUnreachable).
  void replace(std::vector<ZoneNode> nodes, std::shared_ptr<const ZonePlacement> placement);
  // Bytes a second that each node is given to write, from now on.
  void set_write_rate(uint64_t rate);
  // Ends all requests; there are no nodes any more.
  void clear();

  // Changes with each replace(): what was learned of a member before may concern another one now.
  uint64_t generation() const { return generation_; }

  // The member that holds a chunk's shard `index`; null when it is out, or there are no nodes at all.
  ZoneMember* member_of(const ChunkId& id, unsigned index);

  // How a member did. May eject it.
  void record(ZoneMember& member, NodeHealth::Reply reply);
  // The same for what a request came to: a miss is a good reply; one that could not even be
  // asked, because too many are unanswered, is late.
  void record(ZoneMember& member, const Result<NodeReply>& reply);
  // What became of a write, which says nothing of how a member does: only whether it is made for such values.
  void note_write(ZoneMember& member, const Result<NodeReply>& reply);

 private:
  void note_refusal(ZoneMember& member, const Result<NodeReply>& reply);
  void tell(const ZoneMember& member, const Error& refusal) const;
  void eject(ZoneMember& member);
  void probe_later(const std::string& name, Duration wait);
  void probe(const std::string& name);
  void probed(const std::string& name, const Result<NodeReply>& reply);
  void update_gauge();

  const Parts parts_;
  const ZoneLimits& limits_;
  const unsigned max_out_;
  uint64_t write_rate_;
  uint64_t generation_ = 0;
  uint64_t seed_;
  unsigned out_ = 0;
  std::map<std::string, std::unique_ptr<ZoneMember>> by_name_;
  std::vector<ZoneMember*> members_;  // as placement_ numbers them
  std::shared_ptr<const ZonePlacement> placement_;
  // Lets a timer see that the zone is gone.
  const std::shared_ptr<ZoneMembers*> self_ = std::make_shared<ZoneMembers*>(this);
};

}  // namespace thaw
