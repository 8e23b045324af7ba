// NodeAddress: where a node is. The address that its configuration names, or what its name was last found to
// be: looked up at first, and again whenever its owner has trouble with it, but not all the time.
//
// Belongs to the loop's thread; the look-up itself waits on a thread that daemon/ provides. REQUIRES: that
// thread runs nothing any more when the loop is destroyed.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "cache/zone/zone_node.h"
#include "lib/base/executor.h"
#include "lib/io/event_loop.h"

namespace thaw {

// What it takes to find the address of a name.
struct NameLookup {
  Executor& thread;  // may be held up for long: a resolver that is away lets us wait
  std::function<Result<SocketAddress>(const std::string& host, uint16_t port)> resolve = resolve_address;
  // Told, on the loop's thread, of a node whose name is not found: one line, once until it is.
  std::function<void(const std::string& line)> failed = {};
};

class NodeAddress {
 public:
  // `names` and `node` must live as long. Two look-ups of a name are `pause` apart.
  NodeAddress(EventLoop& loop, const NameLookup& names, const ZoneNode& node, Duration pause);
  NodeAddress(const NodeAddress&) = delete;
  NodeAddress& operator=(const NodeAddress&) = delete;

  // kCancelled as long as nothing is known; kUnreachable: the name is not found. An address that was found
  // stays until there is another one.
  const Result<SocketAddress>& get() const { return address_; }

  // There is trouble with it: looks the name up again, if it is time.
  void doubt();

 private:
  void found(Result<SocketAddress> address);

  EventLoop& loop_;
  const NameLookup& names_;
  const ZoneNode& node_;
  const Duration pause_;
  Result<SocketAddress> address_;
  bool looking_ = false;
  bool told_ = false;
  TimePoint look_again_at_;
  // Lets a look-up see that the node is gone.
  const std::shared_ptr<NodeAddress*> self_ = std::make_shared<NodeAddress*>(this);
};

}  // namespace thaw
