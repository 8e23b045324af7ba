#include "daemon/mounts/mount_state.h"

#include <catch2/catch.hpp>

#include "daemon/mounts/earlier_mounts.h"
#include "daemon/mounts/mount_table.h"
#include "daemon/mounts/namespaces.h"

#include <unistd.h>

namespace thaw::mount_state_test {
namespace {

MountState example() {
  MountState state;
  state.id = "0011aabb";
  state.key = "key";
  state.manifest = "9f";
  state.name = "web:7";
  state.target = "/mnt/\"web\"";
  state.reopen = "{\"name\": \"web:7\"}";
  state.mount_namespace = 4026531840;
  state.pid = ::getpid();
  state.phase = MountPhase::kDone;
  return state;
}

Record record_of(const MountState& state) { return {mount_record_key(state.id), to_record(state), {}}; }

}  // namespace

TEST_CASE("a record gives the mount back") {
  const auto state = mount_from_record(to_record(example()));
  REQUIRE(state.ok());
  CHECK(to_record(state.value()) == to_record(example()));
  CHECK(state->target == example().target);
  CHECK(state->phase == MountPhase::kDone);
}

TEST_CASE("a record takes a path of any bytes") {
  MountState state = example();
  state.target = "/caf\xe9\n\xff";
  CHECK(mount_from_record(to_record(state)).value().target == state.target);
}

TEST_CASE("a record that is none is refused") {
  for (const char* text : {"", "[]", "{}", "{\"id\": 7}", "nonsense"}) {
    const auto state = mount_from_record(text);
    REQUIRE_FALSE(state.ok());
    CHECK(state.error().code == Code::kDamaged);
  }
}

TEST_CASE("what an earlier daemon had mounted is asked for again, for a process of its namespace") {
  MountState here = example();
  here.mount_namespace = mount_namespace_of(::getpid()).value();
  MountState gone = example();
  gone.id = "gone";
  gone.mount_namespace = 1;
  MountState file_only = example();
  file_only.id = "file";
  file_only.target = "";
  file_only.mount_namespace = 0;
  std::vector<Record> saved;
  saved.push_back(record_of(here));
  saved.push_back(record_of(gone));
  saved.push_back(record_of(file_only));
  saved.push_back({"mount/damaged", "nonsense", {}});
  const auto requests = earlier_mounts(saved);
  REQUIRE(requests.size() == 3);
  CHECK(requests[0].id == here.id);
  CHECK(requests[0].pid == ::getpid());
  CHECK(requests[0].reopen == here.reopen);
  CHECK(requests[1].id == "gone");
  CHECK(requests[1].pid == 0);  // nobody is left in it
  CHECK(requests[2].id == "file");
}

}  // namespace thaw::mount_state_test
