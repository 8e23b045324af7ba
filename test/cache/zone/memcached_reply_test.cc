#include "cache/zone/memcached_reply.h"

#include <catch2/catch.hpp>

namespace thaw::memcached_reply_test {
namespace {

using Kind = ReplyLine::Kind;

}  // namespace

TEST_CASE("reply lines of memcached are understood", "[memcached_reply]") {
  CHECK(parse_reply_line("VA 131136 O7").kind == Kind::kValue);
  CHECK(parse_reply_line("VA 131136 O7").value_bytes == 131136);
  CHECK(parse_reply_line("VA 131136 O7").opaque == 7U);
  CHECK(parse_reply_line("VA 0 c2 t2 W O18446744073709551615").won);
  CHECK(parse_reply_line("VA 0 c2 t2 W O18446744073709551615").opaque == UINT64_MAX);
  CHECK(parse_reply_line("HD O1").kind == Kind::kDone);
  CHECK(parse_reply_line("MN").kind == Kind::kDone);
  CHECK(parse_reply_line("EN O9").kind == Kind::kMissing);
  CHECK(parse_reply_line("NF O9").opaque == 9U);
  CHECK(parse_reply_line("NS").kind == Kind::kNotStored);
  CHECK(parse_reply_line("SERVER_ERROR object too large for cache").kind == Kind::kRefused);
  CHECK(parse_reply_line("SERVER_ERROR object too large for cache").why == "object too large for cache");
  CHECK(parse_reply_line("SERVER_ERROR").why.empty());
}

TEST_CASE("all else is garbage", "[memcached_reply]") {
  for (const char* line :
       {"", " ", "VA", "VA ", "VA x", "VA -1", "VA +5", "VA 18446744073709551616", "VA 5 O", "VA 5 Ox",
        "HD O-1", "HDO1", "ERROR", "CLIENT_ERROR bad data chunk", "VALUE a 0 5", "HTTP/1.1 200 OK", "va 5"}) {
    CAPTURE(line);
    CHECK(parse_reply_line(line).kind == Kind::kGarbage);
  }
}

}  // namespace thaw::memcached_reply_test
