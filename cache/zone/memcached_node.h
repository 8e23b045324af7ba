// MemcachedNode: one cache node: a few connections, opened when they are needed, reads apart from writes, and
// the deadlines of all requests.
//
// Belongs to the loop's thread. Every request completes exactly once, at its deadline at the latest; errors
// as MemcachedConnection has them, and kCancelled while the node's name is looked up for the first time. One
// that the node's limits do not allow completes inside the call, and so do those of readers (get, claim)
// while a node that could not be reached is tried again: they do not wait to see whether it is back.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cache/zone/memcached_connection.h"
#include "cache/zone/node_address.h"
#include "cache/zone/zone_node.h"
#include "lib/erasure/shard_format.h"

namespace thaw {

class MemcachedNode {
 public:
  // Which request on which connection; what discard() needs.
  struct Ticket {
    size_t connection = 0;
    MemcachedConnection::Ticket request = 0;
  };
  struct Value {
    ShardHeader header;
    ByteView body;
    std::shared_ptr<const void> owner;  // of the body
  };

  struct Parts {
    EventLoop& loop;
    const NameLookup& names;
  };

  MemcachedNode(const Parts& parts, ZoneNode node, const NodeLimits& limits);
  ~MemcachedNode();
  MemcachedNode(const MemcachedNode&) = delete;
  MemcachedNode& operator=(const MemcachedNode&) = delete;

  const ZoneNode& node() const { return node_; }
  bool has_address() const { return address_.get().ok(); }

  Ticket get(const std::string& key, const ValueSink::Into& into, TimePoint deadline,
             Completion<NodeReply> done);
  void discard(Ticket ticket);
  void set(const std::string& key, Value value, TimePoint deadline, Completion<NodeReply> done);
  void remove(const std::string& key, TimePoint deadline, Completion<NodeReply> done);
  // kWon: nobody has had the key for `lasts`, and now the asker has; kDone: somebody else has it.
  void claim(const std::string& key, std::chrono::seconds lasts, TimePoint deadline,
             Completion<NodeReply> done);
  // Whether it answers at all: asks for a key that nobody has.
  void ping(TimePoint deadline, Completion<NodeReply> done);

 private:
  Ticket send(size_t connection, NodeRequest request, Completion<NodeReply> done);
  Ticket send_for_reader(NodeRequest request, Completion<NodeReply> done);
  Status open(MemcachedConnection& connection);
  Status open_for_reader(MemcachedConnection& connection);
  bool is_in_doubt() const;
  Error unreachable() const;
  size_t read_connection() const;
  size_t write_connection() const { return connections_.size() - 1; }
  void watch(TimePoint when);
  void look_once_more(TimePoint due);
  void sweep(TimePoint due, TimePoint now);

  EventLoop& loop_;
  const ZoneNode node_;
  const NodeLimits limits_;
  NodeAddress address_;
  std::vector<std::unique_ptr<MemcachedConnection>> connections_;  // the last one is for writes
  // After a connection that gave nothing, none is tried for a while.
  TimePoint retry_at_;
  Duration backoff_;
  TimePoint watched_ = TimePoint::max();
  // Lets a timer see that the node is gone.
  const std::shared_ptr<MemcachedNode*> self_ = std::make_shared<MemcachedNode*>(this);
};

}  // namespace thaw
