#include "daemon/processes/record_table.h"

#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>

#include "test/resource_limit.h"
#include "test/temporary_folder.h"

namespace thaw::record_table_test {
namespace {

class Folder : public TemporaryFolder {
 public:
  std::string file() const { return *this / "mounts.json"; }
};

}  // namespace

TEST_CASE("saved records are found by the next supervisor, others are not") {
  const Folder folder;
  {
    RecordTable table = RecordTable::load(folder.file()).value();
    REQUIRE(table.put({"mount/1", "one", {}}, Keep::kSaved).ok());
    REQUIRE(table.put({"mount/2", "two", {}}, Keep::kSaved).ok());
    REQUIRE(table.put({"image/x", "", make_blob(as_bytes("key")).value()}, Keep::kInMemory).ok());
    REQUIRE(table.remove("mount/2").ok());
    REQUIRE(table.remove("mount/3").ok());
    CHECK(table.records().size() == 2);
  }
  struct stat info {};
  REQUIRE(::stat(folder.file().c_str(), &info) == 0);
  CHECK((info.st_mode & 0777) == 0600);
  const RecordTable next = RecordTable::load(folder.file()).value();
  CHECK(next.records().empty());
  CHECK(next.earlier() == std::map<std::string, std::string>{{"mount/1", "one"}});
}

TEST_CASE("the last file descriptors are left for the next worker") {
  const Folder folder;
  RecordTable table = RecordTable::load(folder.file()).value();
  const auto image = [] { return make_blob(as_bytes("key")).value(); };
  REQUIRE(table.put({"image/x", "", image()}, Keep::kInMemory).ok());

  Fd blob = image();
  const ResourceLimit limit(RLIMIT_NOFILE, static_cast<rlim_t>(blob.get()) + 8);
  const Status refused = table.put({"image/y", "", std::move(blob)}, Keep::kInMemory);
  REQUIRE(!refused.ok());
  CHECK(refused.error().message.find("ulimit -n") != std::string::npos);
  CHECK(table.put({"image/x", "", image()}, Keep::kInMemory).ok());
  CHECK(table.put({"mount/1", "one", {}}, Keep::kSaved).ok());
}

TEST_CASE("an earlier record stays until a saved one replaces it") {
  const Folder folder;
  { REQUIRE(RecordTable::load(folder.file())->put({"mount/1", "one", {}}, Keep::kSaved).ok()); }
  const auto on_disk = [&folder] { return RecordTable::load(folder.file())->earlier(); };

  RecordTable table = RecordTable::load(folder.file()).value();
  REQUIRE(table.put({"mount/1", "begun", {}}, Keep::kInMemory).ok());
  REQUIRE(table.remove("mount/1").ok());  // the remount failed
  CHECK(on_disk().at("mount/1") == "one");
  CHECK(table.earlier().size() == 1);

  REQUIRE(table.put({"mount/1", "again", {}}, Keep::kSaved).ok());
  CHECK(on_disk().at("mount/1") == "again");
  CHECK(table.earlier().empty());
  REQUIRE(table.remove("mount/1").ok());
  CHECK(on_disk().empty());
}

TEST_CASE("what could not be saved is saved by the next attempt") {
  const Folder folder;
  RecordTable table = RecordTable::load(folder.file()).value();
  REQUIRE(table.put({"mount/1", "one", {}}, Keep::kSaved).ok());
  const std::string place = std::filesystem::path(folder.file()).parent_path();
  std::filesystem::rename(place, place + "-away");
  const Status failed = table.remove("mount/1");
  std::filesystem::rename(place + "-away", place);
  REQUIRE_FALSE(failed.ok());
  CHECK(failed.error().message.find("state_dir") != std::string::npos);
  CHECK(RecordTable::load(folder.file())->earlier().size() == 1);
  REQUIRE(table.remove("mount/1").ok());
  CHECK(RecordTable::load(folder.file())->earlier().empty());
}

TEST_CASE("records of another boot, and a file that was cut, name nothing") {
  const Folder folder;
  for (const char* text : {"", "{", "[]", "{\"boot_id\": 5}",
                           "{\"boot_id\": \"another\", \"records\": {\"mount/1\": \"one\"}}"}) {
    REQUIRE(replace_file(folder.file(), as_bytes(text), 0600).ok());
    const auto table = RecordTable::load(folder.file());
    REQUIRE(table.ok());
    CHECK(table->earlier().empty());
  }
}

TEST_CASE("records are bounded") {
  const Folder folder;
  RecordTable table = RecordTable::load(folder.file()).value();
  CHECK_FALSE(table.put({"", "x", {}}, Keep::kInMemory).ok());
  CHECK_FALSE(table.put({std::string(257, 'k'), "x", {}}, Keep::kInMemory).ok());
  for (size_t i = 0; i < RecordTable::kMaxRecords; ++i) {
    REQUIRE(table.put({"k" + std::to_string(i), "", {}}, Keep::kInMemory).ok());
  }
  CHECK_FALSE(table.put({"one more", "", {}}, Keep::kInMemory).ok());
  CHECK(table.put({"k0", "replaced", {}}, Keep::kInMemory).ok());
}

TEST_CASE("a stop forgets everything") {
  const Folder folder;
  RecordTable table = RecordTable::load(folder.file()).value();
  REQUIRE(table.put({"mount/1", "one", {}}, Keep::kSaved).ok());
  REQUIRE(table.clear().ok());
  CHECK_FALSE(std::filesystem::exists(folder.file()));
}

}  // namespace thaw::record_table_test
