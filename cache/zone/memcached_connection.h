// MemcachedConnection: requests of memcached's meta protocol, pipelined on one connection and answered in
// order. Every request is marked with a number that its reply repeats: one that does not ends the connection.
// Where the node wants a login, it goes ahead of all requests, which do not wait for its answer.
//
// Belongs to the loop's thread. A completion is called exactly once: with the reply, with kTimedOut at the
// deadline, or when the connection ends (kUnreachable); kDamaged: the reply is not what was asked for;
// kUsage: the node says that it cannot; kRefused: it does not let us in; kFailed: it has too much to do, and
// was not asked. A late reply's bytes go nowhere.
#pragma once

#include <array>
#include <deque>
#include <optional>
#include <string>

#include "cache/zone/memcached_reply.h"
#include "cache/zone/value_sink.h"
#include "cache/zone/zone_limits.h"
#include "cache/zone/zone_node.h"
#include "lib/base/completion.h"
#include "lib/io/connection.h"

namespace thaw {

enum class NodeReply : uint8_t { kValue, kDone, kMissing, kNotStored, kWon };

struct NodeRequest {
  std::string line;        // without its opaque and CR LF
  ValueSink::Into into{};  // a get's value: exactly so many bytes are expected
  // A set's value, sent after the line: header, then body.
  std::string value_header;
  ByteView value_body;
  std::shared_ptr<const void> value_owner;
  TimePoint deadline;
};

class MemcachedConnection final : private ConnectionHandler {
 public:
  using Ticket = uint64_t;  // of one request; 0 is none

  // `node` and `limits` must live as long.
  MemcachedConnection(EventLoop& loop, const ZoneNode& node, const NodeLimits& limits, uint32_t max_requests);
  ~MemcachedConnection() override;

  Status connect(const SocketAddress& address);
  bool is_open() const { return connection_.is_open(); }
  // Ends what is under way; the connection can be opened again.
  void close(Error why);

  size_t pending() const { return pending_.size(); }
  // How often it was opened since it last gave a reply; that it stood still counts as one more.
  uint32_t fruitless() const { return fruitless_; }
  // Whether it was opened once more after it stood still, or gave nothing when it was opened before; until it
  // gives a reply. That it is connected says little: for a frozen process the kernel connects.
  bool is_trying_again() const { return fruitless_ > 1; }
  // Why the node did not let us in, when that is how it ended last.
  const std::optional<Error>& refusal() const { return refusal_; }

  // May complete inside the call (0 is returned then): no room, not open.
  Ticket send(NodeRequest request, Completion<NodeReply> done);
  // The memory that a get was given is not touched any more; its completion still comes.
  void discard(Ticket ticket);

  // Completes what is past its deadline; gives up a connection that stands still. The next time it has to be
  // called.
  TimePoint sweep(TimePoint now);

 private:
  struct Pending {
    Ticket ticket = 0;
    ValueSink::Into into{};
    bool discarded = false;
    TimePoint deadline;
    Completion<NodeReply> done;  // empty once it was late
  };

  Targets read_targets() override;
  void received(size_t bytes) override;
  void closed(Error why) override;

  void parse();
  bool parse_value();
  bool parse_line();
  bool let_in(std::string_view line);
  void answer(const ReplyLine& reply);
  void begin_value(uint64_t bytes);
  void finish_front(Result<NodeReply> result);
  void drop_from_line(size_t bytes);
  void garbage();

  EventLoop& loop_;
  const ZoneNode& node_;
  const NodeLimits& limits_;
  const uint32_t max_requests_;
  Connection connection_;
  std::deque<Pending> pending_;
  Ticket next_ticket_ = 1;
  uint64_t expected_bytes_ = 0;
  uint32_t fruitless_ = 0;
  std::optional<Error> refusal_;
  TimePoint last_progress_;

  std::array<uint8_t, 1024> line_{};
  size_t line_used_ = 0;
  bool logging_in_ = false;  // the next line is the answer to the login
  bool in_value_ = false;
  bool value_fits_ = false;  // it is as long as it should be
  ValueSink sink_;
};

}  // namespace thaw
