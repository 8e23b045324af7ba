#include "lib/store/documents.h"

#include "test/lib/manifest/mutations.h"

namespace thaw {

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

}  // namespace thaw
