// Pkcs11Token: sessions of one token's user, logged in; at most kMaxSessions at a time, made when they are
// needed and kept. A session or token that was lost is looked for again, module and all, for about a second
// before a use of it fails as kUnreachable: some modules do not find a token while another process changes
// it. Pkcs11Session: one of them, and what may be done with it.
//
// Any thread may call Pkcs11Token; a session is one use's. Calls block, some modules without a limit.
// Internal to lib/keys.
#pragma once

#include <p11-kit/pkcs11.h>

#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "lib/base/mutex.h"
#include "lib/base/retry_backoff.h"
#include "lib/crypto/hash.h"
#include "lib/keys/pkcs11_module.h"

namespace thaw {

struct Pkcs11Session {
  const CK_FUNCTION_LIST& calls;
  CK_SESSION_HANDLE handle = 0;
  const std::string& token;  // its label

  // kUnreachable for what another session may mend; kRefused, kFailed.
  Error error(const std::string& what, CK_RV result) const;
};

class Pkcs11Token {
 public:
  // Paths are absolute. Touches nothing yet.
  Pkcs11Token(std::string module_path, std::string label, std::string pin_file);
  // REQUIRES: nobody uses it
  ~Pkcs11Token();

  const std::string& label() const { return label_; }

  // What `work` returns for a Pkcs11Session&. While it tells of kUnreachable it runs again, in another
  // session.
  template <class Work>
  auto use(const Work& work) -> decltype(work(std::declval<Pkcs11Session&>())) {
    return run(&Pkcs11Module::enter, work);
  }
  // The same while no other thread of this process uses the module: for what makes or changes keys.
  template <class Work>
  auto use_alone(const Work& work) -> decltype(work(std::declval<Pkcs11Session&>())) {
    return run(&Pkcs11Module::enter_alone, work);
  }

 private:
  using Entry = Result<unsigned> (Pkcs11Module::*)();
  struct Lease {
    std::shared_ptr<Pkcs11Module> module;
    unsigned beginning = 0;  // of the module
    CK_SESSION_HANDLE handle = 0;
  };

  template <class Work>
  auto run(Entry entry, const Work& work) -> decltype(work(std::declval<Pkcs11Session&>())) {
    THAW_TRY(reserve());
    auto done = run_once(entry, work);
    RetryBackoff backoff = fresh_backoff();
    for (unsigned tries = 1; is_away(done) && tries < kMaxTries; ++tries) {
      // At once for a session that was lost, as most are.
      if (tries > 1) std::this_thread::sleep_for(backoff.next());
      done = run_once(entry, work);
    }
    give_back();
    return done;
  }

  template <class Work>
  auto run_once(Entry entry, const Work& work) -> decltype(work(std::declval<Pkcs11Session&>())) {
    THAW_ASSIGN(const Lease lease, acquire(entry));
    Pkcs11Session session{lease.module->calls(), lease.handle, label_};
    auto done = work(session);
    release(lease, is_away(done));
    return done;
  }

  template <class Done>
  static bool is_away(const Done& done) {
    return !done.ok() && done.error().code == Code::kUnreachable;
  }

  static constexpr unsigned kMaxTries = 6;
  static RetryBackoff fresh_backoff();

  Result<Lease> acquire(Entry entry) EXCLUDES(mutex_);
  void release(const Lease& lease, bool lost) EXCLUDES(mutex_);
  Status reserve() EXCLUDES(mutex_);
  std::optional<CK_SESSION_HANDLE> take_idle(unsigned beginning) EXCLUDES(mutex_);
  void give_back() EXCLUDES(mutex_);
  Result<CK_SESSION_HANDLE> open_session(Pkcs11Module& module) EXCLUDES(mutex_);
  Result<CK_SLOT_ID> find_slot(const CK_FUNCTION_LIST& calls) const;
  Status log_in(const Pkcs11Session& session) EXCLUDES(mutex_);
  bool was_refused(const Digest& pin) EXCLUDES(mutex_);
  Error away(const std::string& why) const;

  const std::string module_path_;
  const std::string label_;
  const std::string pin_file_;
  Mutex mutex_;
  CondVar returned_;
  size_t in_use_ GUARDED_BY(mutex_) = 0;
  std::vector<Lease> idle_ GUARDED_BY(mutex_);
  std::optional<Digest> refused_pin_ GUARDED_BY(mutex_);  // never tried again: tokens lock after a few
};

}  // namespace thaw
