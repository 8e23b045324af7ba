#include "lib/keys/pkcs11_module.h"

#include <dlfcn.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <map>

#include "lib/base/clock.h"

namespace thaw {
namespace {

// A use takes milliseconds: who stays longer waits for a token that hangs.
constexpr std::chrono::seconds kAlonePatience{10};

// Loaded modules are never unloaded: they leave threads and exit handlers behind.
struct LoadedModules {
  Mutex mutex;
  std::map<std::string, std::weak_ptr<Pkcs11Module>> by_path GUARDED_BY(mutex);
};

LoadedModules& loaded_modules() {
  static auto* const modules = new LoadedModules;
  return *modules;
}

Result<CK_FUNCTION_LIST*> load_library(const std::string& path) {
  const auto failed = [&path](const std::string& why) {
    return Error{Code::kUnreachable, "PKCS#11 module " + path + " does not load: " + why};
  };
  void* const library = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (library == nullptr) return failed(::dlerror());
  const auto get_list = reinterpret_cast<CK_C_GetFunctionList>(::dlsym(library, "C_GetFunctionList"));
  if (get_list == nullptr) return failed("it has no C_GetFunctionList");
  CK_FUNCTION_LIST* calls = nullptr;
  const CK_RV result = get_list(&calls);
  if (result != CKR_OK || calls == nullptr) return failed(pkcs11_result_name(result));
  return calls;
}

struct NamedResult {
  CK_RV result;
  const char* name;
};

constexpr std::array kNamedResults{
    NamedResult{CKR_HOST_MEMORY, "CKR_HOST_MEMORY"},
    NamedResult{CKR_GENERAL_ERROR, "CKR_GENERAL_ERROR"},
    NamedResult{CKR_FUNCTION_FAILED, "CKR_FUNCTION_FAILED"},
    NamedResult{CKR_ARGUMENTS_BAD, "CKR_ARGUMENTS_BAD"},
    NamedResult{CKR_ATTRIBUTE_READ_ONLY, "CKR_ATTRIBUTE_READ_ONLY"},
    NamedResult{CKR_ATTRIBUTE_TYPE_INVALID, "CKR_ATTRIBUTE_TYPE_INVALID"},
    NamedResult{CKR_DEVICE_ERROR, "CKR_DEVICE_ERROR"},
    NamedResult{CKR_DEVICE_MEMORY, "CKR_DEVICE_MEMORY"},
    NamedResult{CKR_DEVICE_REMOVED, "CKR_DEVICE_REMOVED"},
    NamedResult{CKR_FUNCTION_NOT_SUPPORTED, "CKR_FUNCTION_NOT_SUPPORTED"},
    NamedResult{CKR_KEY_FUNCTION_NOT_PERMITTED, "CKR_KEY_FUNCTION_NOT_PERMITTED"},
    NamedResult{CKR_KEY_HANDLE_INVALID, "CKR_KEY_HANDLE_INVALID"},
    NamedResult{CKR_MECHANISM_INVALID, "CKR_MECHANISM_INVALID"},
    NamedResult{CKR_MECHANISM_PARAM_INVALID, "CKR_MECHANISM_PARAM_INVALID"},
    NamedResult{CKR_OBJECT_HANDLE_INVALID, "CKR_OBJECT_HANDLE_INVALID"},
    NamedResult{CKR_PIN_INCORRECT, "CKR_PIN_INCORRECT"},
    NamedResult{CKR_PIN_EXPIRED, "CKR_PIN_EXPIRED"},
    NamedResult{CKR_PIN_LOCKED, "CKR_PIN_LOCKED"},
    NamedResult{CKR_SESSION_CLOSED, "CKR_SESSION_CLOSED"},
    NamedResult{CKR_SESSION_COUNT, "CKR_SESSION_COUNT"},
    NamedResult{CKR_SESSION_HANDLE_INVALID, "CKR_SESSION_HANDLE_INVALID"},
    NamedResult{CKR_SLOT_ID_INVALID, "CKR_SLOT_ID_INVALID"},
    NamedResult{CKR_TEMPLATE_INCOMPLETE, "CKR_TEMPLATE_INCOMPLETE"},
    NamedResult{CKR_TEMPLATE_INCONSISTENT, "CKR_TEMPLATE_INCONSISTENT"},
    NamedResult{CKR_TOKEN_NOT_PRESENT, "CKR_TOKEN_NOT_PRESENT"},
    NamedResult{CKR_TOKEN_NOT_RECOGNIZED, "CKR_TOKEN_NOT_RECOGNIZED"},
    NamedResult{CKR_TOKEN_WRITE_PROTECTED, "CKR_TOKEN_WRITE_PROTECTED"},
    NamedResult{CKR_USER_NOT_LOGGED_IN, "CKR_USER_NOT_LOGGED_IN"},
    NamedResult{CKR_USER_PIN_NOT_INITIALIZED, "CKR_USER_PIN_NOT_INITIALIZED"},
    NamedResult{CKR_CRYPTOKI_NOT_INITIALIZED, "CKR_CRYPTOKI_NOT_INITIALIZED"},
};

constexpr std::array<CK_RV, 10> kLost{CKR_DEVICE_ERROR,          CKR_DEVICE_REMOVED,
                                      CKR_SESSION_CLOSED,        CKR_SESSION_HANDLE_INVALID,
                                      CKR_SLOT_ID_INVALID,       CKR_TOKEN_NOT_PRESENT,
                                      CKR_TOKEN_NOT_RECOGNIZED,  CKR_USER_NOT_LOGGED_IN,
                                      CKR_OBJECT_HANDLE_INVALID, CKR_CRYPTOKI_NOT_INITIALIZED};

}  // namespace

std::string pkcs11_result_name(CK_RV result) {
  const auto found = std::ranges::find(kNamedResults, result, &NamedResult::result);
  if (found != kNamedResults.end()) return found->name;
  char text[32];
  std::snprintf(text, sizeof text, "CKR 0x%lx", result);
  return text;
}

bool is_lost(CK_RV result) { return std::ranges::find(kLost, result) != kLost.end(); }

Result<std::shared_ptr<Pkcs11Module>> Pkcs11Module::load(const std::string& path) {
  LoadedModules& modules = loaded_modules();
  const MutexLock lock(modules.mutex);
  std::weak_ptr<Pkcs11Module>& known = modules.by_path[path];
  if (auto module = known.lock()) return module;
  THAW_ASSIGN(CK_FUNCTION_LIST * calls, load_library(path));
  std::shared_ptr<Pkcs11Module> module(new Pkcs11Module(path, calls));
  known = module;
  return module;
}

Pkcs11Module::~Pkcs11Module() {
  const MutexLock lock(mutex_);
  if (state_ == State::kReady) (void)calls_->C_Finalize(nullptr);
}

Status Pkcs11Module::initialize() const {
  CK_C_INITIALIZE_ARGS arguments{};
  arguments.flags = CKF_OS_LOCKING_OK;
  const CK_RV result = calls_->C_Initialize(&arguments);
  // Somebody else in this process may use the same library.
  if (result == CKR_OK || result == CKR_CRYPTOKI_ALREADY_INITIALIZED) return {};
  return Error{Code::kUnreachable,
               "PKCS#11 module " + path_ + " does not start: " + pkcs11_result_name(result)};
}

bool Pkcs11Module::is_closed() const {
  const bool others = alone_ != ThreadId() && alone_ != std::this_thread::get_id();
  return others || state_ == State::kChanging;
}

Result<unsigned> Pkcs11Module::enter() {
  {
    const MutexLock lock(mutex_);
    while (is_closed()) changed_.wait(mutex_);
    if (state_ == State::kReady) {
      ++users_;
      return beginning_;
    }
    state_ = State::kChanging;
  }
  Status begun = initialize();
  const MutexLock lock(mutex_);
  state_ = begun.ok() ? State::kReady : State::kIdle;
  changed_.notify_all();
  if (!begun.ok()) return std::move(begun).error();
  ++users_;
  return ++beginning_;
}

Status Pkcs11Module::clear() {
  const TimePoint deadline = steady_clock().now() + kAlonePatience;
  const MutexLock lock(mutex_);
  const auto self = std::this_thread::get_id();
  while (is_closed() || users_ > 0) {
    const TimePoint now = steady_clock().now();
    if (now >= deadline) {
      if (alone_ == self) alone_ = {};
      changed_.notify_all();
      return Error{Code::kUnreachable, "PKCS#11 module " + path_ + " does not answer"};
    }
    // Whoever comes later waits, or this would wait for ever.
    if (alone_ == ThreadId()) alone_ = self;
    changed_.wait_for(mutex_, deadline - now);
  }
  alone_ = self;
  return {};
}

Result<unsigned> Pkcs11Module::enter_alone() {
  THAW_TRY(clear());
  Result<unsigned> beginning = enter();
  if (beginning.ok()) return beginning;
  const MutexLock lock(mutex_);
  alone_ = {};
  changed_.notify_all();
  return beginning;
}

void Pkcs11Module::leave() {
  const MutexLock lock(mutex_);
  --users_;
  if (alone_ == std::this_thread::get_id()) alone_ = {};
  changed_.notify_all();
}

void Pkcs11Module::begin_anew() {
  {
    const MutexLock lock(mutex_);
    if (state_ != State::kReady || users_ > 0) return;
    state_ = State::kChanging;
  }
  (void)calls_->C_Finalize(nullptr);
  const MutexLock lock(mutex_);
  state_ = State::kIdle;
  changed_.notify_all();
}

}  // namespace thaw
