#include "daemon/cli/expired_use.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>
#include <cstdio>
#include <utility>

#include "lib/crypto/hash.h"
#include "lib/store/documents.h"

namespace thaw {
namespace {

// The commands of one machine are one holder: a nightly 'thaw verify' of a thousand images is one alarm.
Identifier commands_of_this_machine() {
  std::array<char, HOST_NAME_MAX + 1> host{};
  static_cast<void>(::gethostname(host.data(), host.size() - 1));
  const Digest digest = sha256(as_bytes(std::string("thaw command on ") + host.data()));
  Identifier holder;
  std::copy_n(digest.bytes.begin(), holder.bytes.size(), holder.bytes.begin());
  return holder;
}

Status raise(Catalog& catalog, const RootId& root, const std::string& why) {
  const Identifier holder = commands_of_this_machine();
  const std::string alarm = write_alarm({root, holder, why});
  THAW_ASSIGN(const PutOutcome outcome, catalog.write(alarm_key(root, holder), as_bytes(alarm), {}));
  (void)outcome;
  return {};
}

}  // namespace

ExpiredUse::ExpiredUse(StoreSession& session)
    : session_(session), watched_(session.catalog().store(), [this](Finding finding, const std::string& key) {
        if (finding != Finding::kExpired) return;
        const MutexLock lock(mutex_);
        used_.insert(root_of_key(key));
      }) {}

Result<std::unique_ptr<ExpiredUse>> ExpiredUse::begin(StoreSession& session, const OpenedImage& image) {
  std::unique_ptr<ExpiredUse> use(new ExpiredUse(session));
  THAW_ASSIGN(const std::vector<Root> roots, session.catalog().readable_roots());
  std::set<RootId> expired;
  for (const Root& root : roots) {
    if (root.state == RootState::kExpired) expired.insert(root.id);
  }
  if (expired.contains(image.root)) {
    const MutexLock lock(use->mutex_);
    use->used_.insert(image.root);
  }
  use->watched_.set_expired(std::move(expired));
  return use;
}

void ExpiredUse::end(const std::string& why) {
  std::set<RootId> used;
  {
    const MutexLock lock(mutex_);
    used = used_;
  }
  for (const RootId& root : used) {
    std::fprintf(stderr, "thaw: warning: root %s is expired and still needed: %s\n", root.c_str(),
                 why.c_str());
    const Status raised = raise(session_.catalog(), root, why);
    if (!raised.ok())
      std::fprintf(stderr, "thaw: warning: no alarm tells it to collection: %s\n",
                   raised.error().message.c_str());
  }
}

}  // namespace thaw
