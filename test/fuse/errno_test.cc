#include "fuse/errno.h"

#include <catch2/catch.hpp>
#include <cerrno>

namespace thaw::errno_test {

TEST_CASE("each code has its errno") {
  CHECK(errno_of(Code::kNotFound) == ENOENT);
  CHECK(errno_of(Code::kRefused) == EACCES);
  CHECK(errno_of(Code::kUsage) == EINVAL);
  for (const Code code :
       {Code::kFailed, Code::kUnreachable, Code::kDamaged, Code::kTimedOut, Code::kCancelled}) {
    CHECK(errno_of(code) == EIO);
  }
}

}  // namespace thaw::errno_test
