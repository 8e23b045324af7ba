#include "lib/keys/pkcs11_token.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <utility>

#include "lib/base/clock.h"
#include "lib/base/file.h"
#include "lib/crypto/random.h"
#include "lib/crypto/secret.h"

namespace thaw {
namespace {

constexpr size_t kMaxSessions = 4;
// A use takes milliseconds: who waits longer waits for a token that hangs.
constexpr std::chrono::seconds kSessionPatience{10};
// About a second in all.
constexpr std::chrono::milliseconds kFirstBackoff{160};
constexpr std::chrono::milliseconds kLongestBackoff{640};
constexpr size_t kMaxPinBytes = 255;

// Wiped when dropped.
struct Pin {
  std::array<uint8_t, kMaxPinBytes + 2> bytes{};
  size_t size = 0;

  Pin() = default;
  Pin(const Pin&) = default;
  Pin& operator=(const Pin&) = default;
  ~Pin() { wipe(bytes); }
  MutableBytes text() { return MutableBytes(bytes).first(size); }
};

Error pin_error(const std::string& path, const std::string& why) {
  return Error{Code::kRefused, "PIN file " + path + ": " + why};
}

// One line; a newline at its end is none of the PIN.
Result<Pin> read_pin(const std::string& path) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!fd.valid()) return pin_error(path, system_error("cannot be opened", errno).message);
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0 || !S_ISREG(info.st_mode)) return pin_error(path, "it is no file");
  if ((info.st_mode & 077) != 0) {
    return pin_error(path, "others than its owner may read or write it; run 'chmod 600 " + path +
                               "' and consider the PIN known");
  }
  Pin pin;
  if (info.st_size <= 0 || static_cast<size_t>(info.st_size) > kMaxPinBytes + 1)
    return pin_error(path, "it must hold one PIN of at most 255 bytes");
  pin.size = static_cast<size_t>(info.st_size);
  THAW_TRY(read_exact(fd.get(), 0, pin.text()));
  if (pin.bytes.at(pin.size - 1) == '\n') --pin.size;
  const auto text = pin.text();
  if (text.empty() || std::ranges::find(text, '\n') != text.end())
    return pin_error(path, "it must hold one PIN and nothing else");
  return pin;
}

bool has_label(const CK_TOKEN_INFO& info, const std::string& label) {
  std::string padded = label;
  padded.resize(sizeof info.label, ' ');
  return std::ranges::equal(padded, info.label,
                            [](char a, unsigned char b) { return static_cast<unsigned char>(a) == b; });
}

Code code_of_result(CK_RV result) {
  switch (result) {
    case CKR_KEY_FUNCTION_NOT_PERMITTED:
    case CKR_TOKEN_WRITE_PROTECTED:
    case CKR_PIN_EXPIRED:
    case CKR_PIN_LOCKED:
    case CKR_PIN_INCORRECT:
    case CKR_USER_PIN_NOT_INITIALIZED:
      return Code::kRefused;
    case CKR_GENERAL_ERROR:
    case CKR_FUNCTION_FAILED:
    case CKR_HOST_MEMORY:
    case CKR_DEVICE_MEMORY:
    case CKR_SESSION_COUNT:
      return Code::kUnreachable;
    default:
      return is_lost(result) ? Code::kUnreachable : Code::kFailed;
  }
}

}  // namespace

Error Pkcs11Session::error(const std::string& what, CK_RV result) const {
  return Error{code_of_result(result),
               "PKCS#11 token \"" + token + "\": " + what + ": " + pkcs11_result_name(result)};
}

Pkcs11Token::Pkcs11Token(std::string module_path, std::string label, std::string pin_file)
    : module_path_(std::move(module_path)), label_(std::move(label)), pin_file_(std::move(pin_file)) {}

Pkcs11Token::~Pkcs11Token() {
  const MutexLock lock(mutex_);
  for (const Lease& lease : idle_) {
    const auto beginning = lease.module->enter();
    if (!beginning.ok()) continue;
    if (beginning.value() == lease.beginning) (void)lease.module->calls().C_CloseSession(lease.handle);
    lease.module->leave();
  }
}

Error Pkcs11Token::away(const std::string& why) const {
  return Error{Code::kUnreachable, "PKCS#11 token \"" + label_ + "\": " + why};
}

Status Pkcs11Token::reserve() {
  const TimePoint deadline = steady_clock().now() + kSessionPatience;
  const MutexLock lock(mutex_);
  while (in_use_ == kMaxSessions) {
    const TimePoint now = steady_clock().now();
    if (now >= deadline) return away("it does not answer");
    returned_.wait_for(mutex_, deadline - now);
  }
  ++in_use_;
  return {};
}

void Pkcs11Token::give_back() {
  const MutexLock lock(mutex_);
  --in_use_;
  returned_.notify_one();
}

RetryBackoff Pkcs11Token::fresh_backoff() { return {kFirstBackoff, kLongestBackoff, random_number()}; }

// Sessions of an earlier beginning are void.
std::optional<CK_SESSION_HANDLE> Pkcs11Token::take_idle(unsigned beginning) {
  const MutexLock lock(mutex_);
  std::erase_if(idle_, [beginning](const Lease& lease) { return lease.beginning != beginning; });
  if (idle_.empty()) return std::nullopt;
  const CK_SESSION_HANDLE handle = idle_.back().handle;
  idle_.pop_back();
  return handle;
}

Result<Pkcs11Token::Lease> Pkcs11Token::acquire(Entry entry) {
  THAW_ASSIGN(std::shared_ptr<Pkcs11Module> module, Pkcs11Module::load(module_path_));
  THAW_ASSIGN(const unsigned beginning, (*module.*entry)());
  if (const auto idle = take_idle(beginning)) return Lease{module, beginning, *idle};
  Result<CK_SESSION_HANDLE> opened = open_session(*module);
  if (opened.ok()) return Lease{module, beginning, opened.value()};
  module->leave();
  // Some modules find a token that has come back only then.
  if (opened.error().code == Code::kUnreachable) module->begin_anew();
  return std::move(opened).error();
}

void Pkcs11Token::release(const Lease& lease, bool lost) {
  if (lost) (void)lease.module->calls().C_CloseSession(lease.handle);
  lease.module->leave();
  if (lost) return lease.module->begin_anew();
  const MutexLock lock(mutex_);
  idle_.push_back(lease);
}

Result<CK_SLOT_ID> Pkcs11Token::find_slot(const CK_FUNCTION_LIST& calls) const {
  CK_ULONG count = 0;
  CK_RV result = calls.C_GetSlotList(CK_TRUE, nullptr, &count);
  std::vector<CK_SLOT_ID> slots(count);
  if (result == CKR_OK) result = calls.C_GetSlotList(CK_TRUE, slots.data(), &count);
  if (result != CKR_OK) return away("no list of tokens: " + pkcs11_result_name(result));
  slots.resize(std::min<size_t>(count, slots.size()));
  for (const CK_SLOT_ID slot : slots) {
    CK_TOKEN_INFO info{};
    if (calls.C_GetTokenInfo(slot, &info) == CKR_OK && has_label(info, label_)) return slot;
  }
  return away("it is not there; module " + module_path_ + " knows " + std::to_string(slots.size()) +
              " tokens, of other labels");
}

Result<CK_SESSION_HANDLE> Pkcs11Token::open_session(Pkcs11Module& module) {
  const CK_FUNCTION_LIST& calls = module.calls();
  THAW_ASSIGN(const CK_SLOT_ID slot, find_slot(calls));
  Pkcs11Session session{calls, 0, label_};
  const CK_RV result =
      calls.C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, nullptr, nullptr, &session.handle);
  if (result != CKR_OK) return session.error("no session", result);
  Status logged_in = log_in(session);
  if (logged_in.ok()) return session.handle;
  (void)calls.C_CloseSession(session.handle);
  return std::move(logged_in).error();
}

bool Pkcs11Token::was_refused(const Digest& pin) {
  const MutexLock lock(mutex_);
  return refused_pin_ == pin;
}

Status Pkcs11Token::log_in(const Pkcs11Session& session) {
  THAW_ASSIGN(Pin pin, read_pin(pin_file_));
  const Digest digest = sha256(pin.text());
  const Error wrong{Code::kRefused, "PKCS#11 token \"" + label_ + "\": the PIN in " + pin_file_ +
                                        " is wrong; it is not tried again before the file changes"};
  if (was_refused(digest)) return wrong;
  const CK_RV result = session.calls.C_Login(session.handle, CKU_USER, pin.text().data(), pin.size);
  if (result == CKR_OK || result == CKR_USER_ALREADY_LOGGED_IN) return {};
  if (result != CKR_PIN_INCORRECT) return session.error("no login", result);
  const MutexLock lock(mutex_);
  refused_pin_ = digest;
  return wrong;
}

}  // namespace thaw
