#include "cache/zone/node_address.h"

#include <utility>

#include "lib/base/completion.h"

namespace thaw {

NodeAddress::NodeAddress(EventLoop& loop, const NameLookup& names, const ZoneNode& node, Duration pause)
    : loop_(loop),
      names_(names),
      node_(node),
      pause_(pause),
      address_(Error{Code::kCancelled, node.name + " is being looked up"}) {
  if (node_.address) {
    address_ = *node_.address;
  } else {
    doubt();
  }
}

void NodeAddress::doubt() {
  if (node_.address || looking_ || loop_.now() < look_again_at_) return;
  looking_ = true;
  Completion<SocketAddress> done =
      [&loop = loop_, self = std::weak_ptr<NodeAddress*>(self_)](Result<SocketAddress> address) {
        loop.post([self, address = std::move(address)]() mutable {
          const std::shared_ptr<NodeAddress*> node = self.lock();
          if (node) (*node)->found(std::move(address));
        });
      };
  names_.thread.post([resolve = names_.resolve, host = node_.host, port = node_.port,
                      done = std::move(done)]() mutable { done(resolve(host, port)); });
}

// A resolver that fails is no reason to forget where the node was.
void NodeAddress::found(Result<SocketAddress> address) {
  looking_ = false;
  look_again_at_ = loop_.now() + pause_;
  const bool failed = !address.ok();
  const bool known = std::exchange(told_, failed);
  if (failed && !known && names_.failed) names_.failed(node_.name + ": " + address.error().message);
  if (!failed || !address_.ok()) address_ = std::move(address);
}

}  // namespace thaw
