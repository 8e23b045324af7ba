// Pkcs11Module: a PKCS #11 library, loaded once a process, and whether it is in use: C_Initialize before the
// first use, and again after begin_anew(), for libraries that find a token that was away only then.
//
// A module belongs to the process that loaded it: never use one across fork(). Any thread may call anything.
// Internal to lib/keys.
#pragma once

#include <p11-kit/pkcs11.h>

#include <memory>
#include <string>
#include <thread>

#include "lib/base/mutex.h"
#include "lib/base/result.h"

namespace thaw {

class Pkcs11Module {
 public:
  // The one of this path, which all of the process's tokens share. kUnreachable when it does not load.
  static Result<std::shared_ptr<Pkcs11Module>> load(const std::string& path);
  // REQUIRES: nobody is in
  ~Pkcs11Module();
  Pkcs11Module(const Pkcs11Module&) = delete;
  Pkcs11Module& operator=(const Pkcs11Module&) = delete;

  const CK_FUNCTION_LIST& calls() const { return *calls_; }

  // Between enter() and leave() the module's functions may be called. Gives the number of this beginning:
  // handles of an earlier one are void.
  Result<unsigned> enter() EXCLUDES(mutex_);
  // When everybody has left, and nobody else comes in before this thread calls leave(): for what changes
  // objects, which some modules show to others half made. kUnreachable when somebody stays for too long.
  Result<unsigned> enter_alone() EXCLUDES(mutex_);
  void leave() EXCLUDES(mutex_);
  // Ends all that the module knows, unless somebody is in.
  void begin_anew() EXCLUDES(mutex_);

 private:
  using ThreadId = decltype(std::this_thread::get_id());
  enum class State : uint8_t { kIdle, kChanging, kReady };

  Pkcs11Module(std::string path, CK_FUNCTION_LIST* calls) : path_(std::move(path)), calls_(calls) {}
  Status initialize() const;
  Status clear() EXCLUDES(mutex_);
  bool is_closed() const REQUIRES(mutex_);

  const std::string path_;
  CK_FUNCTION_LIST* const calls_;
  Mutex mutex_;
  CondVar changed_;
  State state_ GUARDED_BY(mutex_) = State::kIdle;
  unsigned beginning_ GUARDED_BY(mutex_) = 0;
  unsigned users_ GUARDED_BY(mutex_) = 0;
  ThreadId alone_ GUARDED_BY(mutex_);  // who is in alone, or waits for it
};

// "CKR_PIN_LOCKED", "CKR 0x80000001".
std::string pkcs11_result_name(CK_RV result);

// Whether a session, or the token, is lost: worth to log in again.
bool is_lost(CK_RV result);

}  // namespace thaw
