#include "lib/store/documents.h"

#include "lib/crypto/hash.h"
#include "test/lib/manifest/mutations.h"

namespace thaw::documents_test {

TEST_CASE("the store's documents come back", "[store]") {
  const Identifier id = Identifier::random();
  CHECK(parse_store_document(as_bytes(write_store_document(id))).value() == id);
  for (const RootState state :
       {RootState::kActive, RootState::kRetired, RootState::kExpired, RootState::kDeleted}) {
    const Root root{"7", state, id, 1700000000};
    const auto read = parse_root_document(as_bytes(write_root_document(root)), "7");
    REQUIRE(read.ok());
    CHECK(read->state == state);
    CHECK(read->salt_id == id);
    CHECK(read->created == 1700000000);
    CHECK(parse_root_document(as_bytes(write_root_document(root)), "8").error().code == Code::kDamaged);
  }
}

TEST_CASE("what a root went through comes back, and an earlier version's root lacks it", "[store]") {
  Root root{"7", RootState::kDeleted, Identifier::random(), 1, 2, 5, true, Root::Count{3, 4, 5}};
  const auto read = parse_root_document(as_bytes(write_root_document(root)), "7");
  REQUIRE(read.ok());
  CHECK((read->changed == 2 && read->share == 5 && read->emptied));
  REQUIRE(read->counted.has_value());
  CHECK((read->counted->chunks == 3 && read->counted->bytes == 4 && read->counted->at == 5));

  const std::string head =
      R"({"format":1,"root":"7","state":"active","created":1,"salt":")" + root.salt_id.hex() + "\"";
  const auto earlier = parse_root_document(as_bytes(head + "}"), "7");
  REQUIRE(earlier.ok());
  CHECK((earlier->changed == 0 && earlier->share == 100 && !earlier->emptied && !earlier->counted));
  for (const char* more : {R"("share":0)", R"("share":101)", R"("share":"5")", R"("changed":-1)",
                           R"("emptied":1)", R"("counted":1)", R"("counted":{"chunks":1,"bytes":1})"}) {
    INFO(more);
    CHECK(parse_root_document(as_bytes(head + "," + more + "}"), "7").error().code == Code::kDamaged);
  }
}

TEST_CASE("leases and alarms come back, to their holders alone", "[store]") {
  const Identifier holder = Identifier::random();
  const Lease lease{holder, {sha256(as_bytes("a")), sha256(as_bytes("b"))}};
  const std::string text = write_lease(lease);
  CHECK(parse_lease(as_bytes(text), holder)->manifests == lease.manifests);
  CHECK(parse_lease(as_bytes(write_lease({holder, {}})), holder)->manifests.empty());
  CHECK(parse_lease(as_bytes(text), Identifier::random()).error().code == Code::kDamaged);
  const Lease full{holder, std::vector<Digest>(kMaxLeasedManifests)};
  CHECK(write_lease(full).size() <= kMaxLeaseBytes);
  CHECK(parse_lease(as_bytes(write_lease(full)), holder).ok());
  CHECK(parse_lease(as_bytes(write_lease({holder, std::vector<Digest>(kMaxLeasedManifests + 1)})), holder)
            .error()
            .code == Code::kDamaged);

  const Alarm alarm{"3", holder, "image \"a\" is read \xff"};
  const std::string written = write_alarm(alarm);
  CHECK(parse_alarm(as_bytes(written), "3", holder)->why.starts_with("image \"a\" is read"));
  CHECK(parse_alarm(as_bytes(written), "4", holder).error().code == Code::kDamaged);
  CHECK(parse_alarm(as_bytes(written), "3", Identifier::random()).error().code == Code::kDamaged);
  for (const std::string& good : {text, written}) {
    const ByteView bytes = as_bytes(good);
    mutate(Bytes(bytes.begin(), bytes.end()), 3000, [&](ByteView damaged) {
      const auto read = parse_lease(damaged, holder);
      const auto told = parse_alarm(damaged, "3", holder);
      CHECK((read.ok() || read.error().code == Code::kDamaged));
      CHECK((told.ok() || told.error().code == Code::kDamaged));
    });
  }
}

TEST_CASE("anything else is damage", "[store]") {
  const Identifier id = Identifier::random();
  const std::string good = write_root_document({"1", RootState::kActive, id, 1});
  for (size_t size = 0; size + 2 < good.size(); ++size) {
    CHECK(parse_root_document(as_bytes(std::string_view(good).substr(0, size)), "1").error().code ==
          Code::kDamaged);
  }
  for (const char* text :
       {"", "null", "[]", "{}", "{\"format\":2}", "{\"format\":1}", "{\"format\":1,\"store_id\":1}",
        "{\"format\":1,\"store_id\":\"xyz\"}", "\xff\xfe", "{\"format\":\"1\"}"}) {
    CHECK(parse_store_document(as_bytes(text)).error().code == Code::kDamaged);
    CHECK(parse_root_document(as_bytes(text), "1").error().code == Code::kDamaged);
  }
  const std::string large(kMaxDocumentBytes + 1, ' ');
  CHECK(parse_store_document(as_bytes(large)).error().code == Code::kDamaged);
  const std::string deep(kMaxDocumentBytes, '[');
  CHECK(parse_store_document(as_bytes(deep)).error().code == Code::kDamaged);
  const ByteView bytes = as_bytes(good);
  mutate(Bytes(bytes.begin(), bytes.end()), 5000, [](ByteView damaged) {
    const auto root = parse_root_document(damaged, "1");
    CHECK((root.ok() || root.error().code == Code::kDamaged));
  });
}

}  // namespace thaw::documents_test
