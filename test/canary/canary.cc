// canary SANITIZER: commits the fault that the sanitizer is there to find.
#include <cstdio>
#include <cstring>
#include <limits>
#include <thread>

namespace {

int use_after_free() {
  int* volatile number = new int(1);
  delete number;
  return *number;  // NOLINT: the fault
}

int race() {
  int count = 0;
  std::thread other([&count] { ++count; });
  ++count;
  other.join();
  return count;
}

int overflow() {
  volatile int number = std::numeric_limits<int>::max();
  return number + 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  if (std::strcmp(argv[1], "address") == 0) return use_after_free() == 0 ? 0 : 1;
  if (std::strcmp(argv[1], "thread") == 0) return race() == 2 ? 0 : 1;
  if (std::strcmp(argv[1], "undefined") == 0) return overflow() == 0 ? 0 : 1;
  return 2;
}
