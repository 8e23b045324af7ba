#include "lib/manifest/trace.h"

#include <catch2/catch.hpp>

#include "lib/crypto/hash.h"

namespace thaw::trace_test {
namespace {

const Digest kManifest = sha256(as_bytes("manifest"));
const Secret kKey = trace_key_of(Secret(sha256(as_bytes("data key")).bytes));

TEST_CASE("a trace is read back as it was sealed") {
  for (const Trace& trace : {Trace{{}}, Trace{{7}}, Trace{{3, 1, 2, 0xFFFFFFFF}},
                             Trace{std::vector<uint32_t>(kMaxTraceChunks, 9)}}) {
    const auto read = open_trace(seal_trace(trace, kManifest, kKey), kManifest, kKey);
    REQUIRE(read.ok());
    CHECK(read->chunks == trace.chunks);
  }
}

TEST_CASE("a trace tells nothing without its key, and two of one content do not look alike") {
  const Trace trace{{1, 2, 3, 4}};
  CHECK(seal_trace(trace, kManifest, kKey) != seal_trace(trace, kManifest, kKey));
  const Bytes sealed = seal_trace(trace, kManifest, kKey);
  CHECK_FALSE(open_trace(sealed, kManifest, trace_key_of(kKey)).ok());
  CHECK_FALSE(open_trace(sealed, sha256(as_bytes("another manifest")), kKey).ok());
}

TEST_CASE("a trace that is cut or altered anywhere is damaged") {
  const Bytes sealed = seal_trace({{1, 2, 3, 4}}, kManifest, kKey);
  for (size_t size = 0; size < sealed.size(); ++size) {
    CHECK_FALSE(open_trace(ByteView(sealed).first(size), kManifest, kKey).ok());
  }
  for (size_t at = 0; at < sealed.size(); ++at) {
    Bytes altered = sealed;
    altered[at] ^= 0x10;
    CHECK_FALSE(open_trace(altered, kManifest, kKey).ok());
  }
  CHECK_FALSE(open_trace(Bytes(kMaxTraceBytes + 1), kManifest, kKey).ok());
}

TEST_CASE("a path order is sealed as a trace is, and neither opens as the other") {
  const PathOrder order{{5, 3, 4}};
  const Bytes sealed = seal_path_order(order, kManifest, kKey);
  const auto read = open_path_order(sealed, kManifest, kKey);
  REQUIRE(read.ok());
  CHECK(read->chunks == order.chunks);
  CHECK_FALSE(open_trace(sealed, kManifest, kKey).ok());
  CHECK_FALSE(open_path_order(seal_trace({{5, 3, 4}}, kManifest, kKey), kManifest, kKey).ok());
  CHECK_FALSE(open_path_order(sealed, sha256(as_bytes("another manifest")), kKey).ok());
  for (size_t at = 0; at < sealed.size(); ++at) {
    Bytes altered = sealed;
    altered[at] ^= 0x10;
    CHECK_FALSE(open_path_order(altered, kManifest, kKey).ok());
  }
}

}  // namespace
}  // namespace thaw::trace_test
