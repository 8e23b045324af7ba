#include "fuse/read_reply.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cerrno>
#include <optional>

namespace thaw::read_reply_test {
namespace {

class RecordingSink final : public ReadSink {
 public:
  void send_bytes(void*, ByteView bytes) override {
    ++answers;
    sent.assign(bytes.begin(), bytes.end());
  }
  void send_error(void*, int errno_value) override {
    ++answers;
    error = errno_value;
  }

  int answers = 0;
  Bytes sent;
  int error = 0;
};

Status fill_with_sevens(MutableBytes out) {
  std::fill(out.begin(), out.end(), uint8_t{7});
  return {};
}

}  // namespace

TEST_CASE("an answer has the whole length") {
  RecordingSink sink;
  ReadCounters counters;
  CHECK(ReadReply(sink, counters, nullptr, 5000).answer(fill_with_sevens).ok());
  CHECK(sink.answers == 1);
  CHECK(sink.sent == Bytes(5000, 7));
  CHECK(counters.reads == 1);
  CHECK(counters.bytes == 5000);
  CHECK(counters.errors == 0);
}

TEST_CASE("bytes that cannot be made are not sent, and may be made anew") {
  RecordingSink sink;
  ReadCounters counters;
  ReadReply reply(sink, counters, nullptr, 16);
  const Status filled = reply.answer([](MutableBytes) -> Status {
    return Error{Code::kDamaged, "not what the digest promises"};
  });
  CHECK(filled.error().code == Code::kDamaged);
  CHECK(sink.answers == 0);
  CHECK(counters.reads == 0);
  CHECK(reply.answer(fill_with_sevens).ok());
  CHECK(sink.sent == Bytes(16, 7));
  CHECK(counters.errors == 0);
  CHECK(counters.dropped == 0);
}

TEST_CASE("a failed reply is an error and no bytes") {
  RecordingSink sink;
  ReadCounters counters;
  ReadReply(sink, counters, nullptr, 4096).fail();
  CHECK(sink.answers == 1);
  CHECK(sink.sent.empty());
  CHECK(sink.error == EIO);
  CHECK(counters.errors == 1);
  CHECK(counters.bytes == 0);
  CHECK(counters.dropped == 0);
}

TEST_CASE("a dropped reply answers EIO and is counted") {
  RecordingSink sink;
  ReadCounters counters;
  { const ReadReply reply(sink, counters, nullptr, 4096); }
  CHECK(sink.answers == 1);
  CHECK(sink.error == EIO);
  CHECK(counters.dropped == 1);
}

TEST_CASE("a moved reply is answered once, by its last holder") {
  RecordingSink sink;
  ReadCounters counters;
  {
    ReadReply first(sink, counters, nullptr, 16);
    ReadReply second(std::move(first));
    ReadReply third(sink, counters, nullptr, 16);
    third = std::move(second);  // answers the third's own
    CHECK(sink.answers == 1);
    CHECK(counters.dropped == 1);
    CHECK(third.answer(fill_with_sevens).ok());
  }
  CHECK(sink.answers == 2);
  CHECK(counters.dropped == 1);
}

TEST_CASE("an answer may be made inside another one's fill") {
  RecordingSink inner_sink;
  RecordingSink outer_sink;
  ReadCounters counters;
  ReadReply inner(inner_sink, counters, nullptr, 32);
  ReadReply outer(outer_sink, counters, nullptr, 64);
  const Status filled = outer.answer([&inner](MutableBytes out) {
    std::fill(out.begin(), out.end(), uint8_t{1});
    return inner.answer(fill_with_sevens);
  });
  CHECK(filled.ok());
  CHECK(inner_sink.sent == Bytes(32, 7));
  CHECK(outer_sink.sent == Bytes(64, 1));
}

}  // namespace thaw::read_reply_test
