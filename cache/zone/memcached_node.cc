#include "cache/zone/memcached_node.h"

#include <algorithm>
#include <utility>

namespace thaw {
namespace {

NodeRequest ping_request(TimePoint deadline) {
  NodeRequest request;
  request.line = "mg t1/ping";
  request.deadline = deadline;
  return request;
}

}  // namespace

MemcachedNode::MemcachedNode(const Parts& parts, ZoneNode node, const NodeLimits& limits)
    : loop_(parts.loop),
      node_(std::move(node)),
      limits_(limits),
      address_(loop_, parts.names, node_, limits_.look_up_again),
      backoff_(limits.first_reconnect) {
  for (uint32_t i = 0; i < limits_.read_connections + 1; ++i) {
    const bool reads = i < limits_.read_connections;
    connections_.push_back(std::make_unique<MemcachedConnection>(
        loop_, node_, limits_, reads ? limits_.reads_per_connection : limits_.writes_per_connection));
  }
}

MemcachedNode::~MemcachedNode() = default;

MemcachedNode::Ticket MemcachedNode::get(const std::string& key, const ValueSink::Into& into,
                                         TimePoint deadline, Completion<NodeReply> done) {
  NodeRequest request;
  request.line = "mg " + key + " v";
  request.into = into;
  request.deadline = deadline;
  return send_for_reader(std::move(request), std::move(done));
}

void MemcachedNode::set(const std::string& key, Value value, TimePoint deadline, Completion<NodeReply> done) {
  NodeRequest request;
  request.line = "ms " + key + " " + std::to_string(value.header.size() + value.body.size());
  request.value_header = as_text(value.header);
  request.value_body = value.body;
  request.value_owner = std::move(value.owner);
  request.deadline = deadline;
  send(write_connection(), std::move(request), std::move(done));
}

void MemcachedNode::remove(const std::string& key, TimePoint deadline, Completion<NodeReply> done) {
  NodeRequest request;
  request.line = "md " + key;
  request.deadline = deadline;
  send(write_connection(), std::move(request), std::move(done));
}

void MemcachedNode::claim(const std::string& key, std::chrono::seconds lasts, TimePoint deadline,
                          Completion<NodeReply> done) {
  NodeRequest request;
  request.line = "mg " + key + " N" + std::to_string(lasts.count());
  request.deadline = deadline;
  send_for_reader(std::move(request), std::move(done));
}

void MemcachedNode::ping(TimePoint deadline, Completion<NodeReply> done) {
  send(read_connection(), ping_request(deadline), std::move(done));
}

void MemcachedNode::discard(Ticket ticket) {
  if (ticket.request != 0) connections_.at(ticket.connection)->discard(ticket.request);
}

size_t MemcachedNode::read_connection() const {
  size_t best = 0;
  for (size_t i = 1; i < write_connection(); ++i) {
    if (connections_[i]->pending() < connections_[best]->pending()) best = i;
  }
  return best;
}

bool MemcachedNode::is_in_doubt() const {
  return std::any_of(connections_.begin(), connections_.begin() + limits_.read_connections,
                     [](const auto& connection) { return connection->is_trying_again(); });
}

// Nodes that swallow what is sent to them would cost each read all of its time, for as long as they are away:
// until it is known that they answer, one connection asks, and readers are sent away.
Status MemcachedNode::open_for_reader(MemcachedConnection& connection) {
  if (!connection.is_open() && (connection.is_trying_again() || !is_in_doubt())) THAW_TRY(open(connection));
  if (connection.is_open() && !connection.is_trying_again()) return {};
  return connection.refusal().value_or(unreachable());
}

MemcachedNode::Ticket MemcachedNode::send_for_reader(NodeRequest request, Completion<NodeReply> done) {
  const size_t index = read_connection();
  MemcachedConnection& connection = *connections_.at(index);
  const Status ready = open_for_reader(connection);
  if (ready.ok()) return send(index, std::move(request), std::move(done));
  done(ready.error());
  return {};
}

MemcachedNode::Ticket MemcachedNode::send(size_t index, NodeRequest request, Completion<NodeReply> done) {
  MemcachedConnection& connection = *connections_.at(index);
  const Status opened = connection.is_open() ? Status() : open(connection);
  if (!opened.ok()) {
    done(opened.error());
    return {};
  }
  const TimePoint deadline = request.deadline;
  const auto ticket = connection.send(std::move(request), std::move(done));
  if (ticket != 0) watch(deadline);
  return {index, ticket};
}

Error MemcachedNode::unreachable() const { return {Code::kUnreachable, node_.name + " cannot be reached"}; }

Status MemcachedNode::open(MemcachedConnection& connection) {
  const TimePoint now = loop_.now();
  const Result<SocketAddress>& address = address_.get();
  // Where nobody answers, the node is perhaps no longer: the name may have another address now.
  if (!address.ok() || connection.fruitless() > 0) address_.doubt();
  if (!address.ok()) return address.error();
  if (connection.fruitless() == 0) {
    backoff_ = limits_.first_reconnect;
  } else {
    if (now < retry_at_) return unreachable();
    retry_at_ = now + backoff_;
    backoff_ = std::min(backoff_ * 2, limits_.longest_reconnect);
  }
  THAW_TRY(connection.connect(address.value()));
  if (connection.is_trying_again()) {
    const TimePoint deadline = now + limits_.stalled;
    connection.send(ping_request(deadline), [](const Result<NodeReply>&) {});
    watch(deadline);
  }
  return {};
}

void MemcachedNode::watch(TimePoint when) {
  if (when >= watched_) return;
  watched_ = when;
  const std::weak_ptr<MemcachedNode*> self = self_;
  loop_.call_at(when, [self, when] {
    const std::shared_ptr<MemcachedNode*> node = self.lock();
    if (node) (*node)->look_once_more(when);
  });
}

// A loop that was busy may not have read yet what came in time. It does before it runs what is posted now.
void MemcachedNode::look_once_more(TimePoint due) {
  if (due != watched_) return;  // an earlier one has taken its place
  const std::weak_ptr<MemcachedNode*> self = self_;
  loop_.post([self, due, now = loop_.now()] {
    const std::shared_ptr<MemcachedNode*> node = self.lock();
    if (node) (*node)->sweep(due, now);
  });
}

void MemcachedNode::sweep(TimePoint due, TimePoint now) {
  if (due != watched_) return;
  watched_ = TimePoint::max();
  TimePoint next = TimePoint::max();
  for (const auto& connection : connections_) next = std::min(next, connection->sweep(now));
  if (next != TimePoint::max()) watch(next);
}

}  // namespace thaw
