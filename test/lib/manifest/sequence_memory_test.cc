#include "lib/manifest/sequence_memory.h"

#include <fstream>

#include "test/lib/manifest/sample.h"

namespace thaw::sequence_memory_test {
namespace {

NameRecord at(uint64_t sequence) {
  NameRecord record;
  record.tenant = "acme";
  record.name = "team/web";
  record.tag = "7";
  record.sequence = sequence;
  return record;
}

}  // namespace

TEST_CASE("a lower sequence is refused, after a restart too", "[manifest]") {
  const TemporaryFolder folder;
  SequenceMemory memory(folder / "state/sequences");
  CHECK(memory.check(at(3), Rollback::kRefuse).ok());
  CHECK(memory.check(at(3), Rollback::kRefuse).ok());
  CHECK(memory.check(at(5), Rollback::kRefuse).ok());
  SequenceMemory restarted(folder / "state/sequences");
  CHECK(restarted.check(at(4), Rollback::kRefuse).error().code == Code::kRefused);
  CHECK(restarted.check(at(5), Rollback::kRefuse).ok());

  NameRecord other = at(1);
  other.tag = "8";
  CHECK(restarted.check(other, Rollback::kRefuse).ok());
  other = at(1);
  other.store_id = Identifier::random();
  CHECK(restarted.check(other, Rollback::kRefuse).ok());

  CHECK(restarted.check(at(2), Rollback::kAllow).ok());
  CHECK(restarted.check(at(1), Rollback::kRefuse).error().code == Code::kRefused);
  CHECK(restarted.check(at(3), Rollback::kRefuse).ok());
}

TEST_CASE("what is written is remembered, and lowers nothing", "[manifest]") {
  const TemporaryFolder folder;
  SequenceMemory memory(folder / "sequences");
  CHECK(memory.prepare(at(9)).value() == 0);
  REQUIRE(memory.raise(at(5)).ok());
  REQUIRE(memory.raise(at(4)).ok());
  CHECK(memory.prepare(at(1)).value() == 5);
  CHECK(memory.check(at(4), Rollback::kRefuse).error().code == Code::kRefused);
}

TEST_CASE("a damaged memory is said and not overlooked", "[manifest]") {
  const TemporaryFolder folder;
  SequenceMemory memory(folder / "sequences");
  REQUIRE(memory.check(at(3), Rollback::kRefuse).ok());
  for (const auto& entry : std::filesystem::directory_iterator(folder / "sequences")) {
    if (entry.file_size() > 0) std::filesystem::resize_file(entry.path(), 20);
  }
  CHECK(memory.check(at(9), Rollback::kRefuse).error().code == Code::kDamaged);
}

}  // namespace thaw::sequence_memory_test
