// ResourceLimit: a lower soft limit of this process (setrlimit(2)), until its end. The limit of a file's size
// is a write's error then, and ends no process.
#pragma once

#include <signal.h>
#include <sys/resource.h>

#include <stdexcept>

namespace thaw {

class ResourceLimit {
 public:
  ResourceLimit(decltype(RLIMIT_NOFILE) resource, rlim_t limit)
      : resource_(resource), handler_(::signal(SIGXFSZ, SIG_IGN)) {
    if (::getrlimit(resource_, &before_) != 0) throw std::runtime_error("no limit");
    const rlimit lower{limit, before_.rlim_max};
    if (::setrlimit(resource_, &lower) != 0) throw std::runtime_error("no lower limit");
  }
  ResourceLimit(const ResourceLimit&) = delete;
  ResourceLimit& operator=(const ResourceLimit&) = delete;
  ~ResourceLimit() {
    ::setrlimit(resource_, &before_);
    ::signal(SIGXFSZ, handler_);
  }

 private:
  decltype(RLIMIT_NOFILE) resource_;
  void (*handler_)(int);
  rlimit before_{};
};

}  // namespace thaw
