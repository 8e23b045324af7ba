#include "cache/zone/node_access.h"

#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <cstdlib>

#include "lib/base/file.h"
#include "test/cache/zone/zone_fixture.h"
#include "test/temporary_folder.h"

namespace thaw::node_access_test {
namespace {

// A certificate that is its own authority, for a name or an address.
struct Certificate {
  Certificate(const TemporaryFolder& folder, const std::string& name, const std::string& subject)
      : file(folder.path() + "/" + name + ".pem"), key(folder.path() + "/" + name + ".key") {
    const std::string command =
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=node -addext "
        "subjectAltName=" +
        subject + " -keyout " + key + " -out " + file + " 2>/dev/null";
    REQUIRE(std::system(command.c_str()) == 0);  // NOLINT: the test's own words
    REQUIRE(::chmod(key.c_str(), 0644) == 0);    // the node drops root
  }
  std::vector<std::string> node_arguments() const {
    return {"-Z", "-o", "ssl_chain_cert=" + file + ",ssl_key=" + key};
  }
  std::shared_ptr<const TlsContext> believed() const {
    return TlsContext::create(std::string(as_text(read_file(file, 1 << 20).value().view()))).value();
  }

  const std::string file;
  const std::string key;
};

struct AccessFolder {
  AccessFolder() { REQUIRE(::chmod(folder.path().c_str(), 0755) == 0); }
  std::vector<std::string> auth_arguments() {
    const std::string file = folder.path() + "/auth";
    REQUIRE(replace_file(file, as_bytes("thaw:secret\nother:word\n"), 0644).ok());
    return {"-Y", file};
  }
  TemporaryFolder folder;
};

std::vector<ZoneNode> nodes_with(const RealNodes& nodes, NodeAccess access) {
  std::vector<ZoneNode> all = parse_zone_nodes(nodes.names()).value();
  const auto shared = std::make_shared<const NodeAccess>(std::move(access));
  for (ZoneNode& node : all) node.access = shared;
  return all;
}

// What is put is found, or all is a miss and somebody is told why.
void check_access(const RealNodes& nodes, const NodeAccess& access, const std::string& refusal) {
  CAPTURE(refusal);
  ZoneFixture zone(nodes_with(nodes, access), patient_limits(), 4, 1);
  zone.fill(0, 3, 524288);
  zone.fill(10, 3);
  const bool let_in = refusal.empty();
  CHECK(zone.hits(0, 3, 524288) == (let_in ? 3 : 0));
  CHECK(zone.hits(10, 3) == (let_in ? 3 : 0));
  zone.settle();
  const auto lines = zone.refusals();
  CHECK((zone.counters.refused > 0) == !let_in);
  CHECK(lines.size() == (let_in ? 0 : 5));  // once each
  for (const std::string& line : lines) CHECK_THAT(line, Catch::Contains(refusal));
}

}  // namespace

TEST_CASE("nodes behind TLS are believed by their certificate", "[node_access]") {
  AccessFolder files;
  const Certificate right(files.folder, "right", "IP:127.0.0.1");
  const Certificate wrong(files.folder, "wrong", "IP:127.0.0.1");
  const RealNodes nodes(5, right.node_arguments());
  check_access(nodes, {right.believed(), ""}, "");
  check_access(nodes, {wrong.believed(), ""}, "TLS: self-signed certificate");
}

TEST_CASE("nodes that could not be reached at first, and then refuse, are told of", "[node_access]") {
  AccessFolder files;
  const Certificate right(files.folder, "right", "IP:127.0.0.1");
  const Certificate wrong(files.folder, "wrong", "IP:127.0.0.1");
  const RealNodes nodes(5, right.node_arguments());
  for (const auto& node : nodes.nodes) node->kill();
  ZoneLimits limits = patient_limits();
  limits.node.first_reconnect = limits.node.longest_reconnect = Duration::zero();
  ZoneFixture zone(nodes_with(nodes, {wrong.believed(), ""}), limits, 4, 1);
  for (uint32_t i = 0; i < 3; ++i) CHECK(zone.hits(i, 1) == 0);
  CHECK(zone.refusals().empty());
  for (const auto& node : nodes.nodes) node->start();
  const TimePoint end = steady_clock().now() + std::chrono::seconds(20);
  while (zone.refusals().size() < 4 && steady_clock().now() < end) zone.hits(0, 1);
  CHECK(zone.refusals().size() >= 4);  // the fifth may be out
}

TEST_CASE("a certificate for somebody else is not believed", "[node_access]") {
  AccessFolder files;
  const Certificate other(files.folder, "other", "IP:127.0.0.2");
  const RealNodes nodes(5, other.node_arguments());
  check_access(nodes, {other.believed(), ""}, "TLS: IP address mismatch");
}

TEST_CASE("TLS to a node without it is refused", "[node_access]") {
  AccessFolder files;
  const Certificate right(files.folder, "right", "IP:127.0.0.1");
  const RealNodes nodes;
  ZoneFixture zone(nodes_with(nodes, {right.believed(), ""}), patient_limits(), 4, 1);
  zone.fill(0, 3);
  CHECK(zone.hits(0, 3) == 0);
}

TEST_CASE("nodes with an auth file let in who is in it", "[node_access]") {
  AccessFolder files;
  const RealNodes nodes(5, files.auth_arguments());
  check_access(nodes, {nullptr, "other word"}, "");
  check_access(nodes, {nullptr, "thaw wrong"}, "the login of zone.auth_file is not accepted");
  check_access(nodes, {nullptr, ""}, "it wants a login");
}

TEST_CASE("nodes whose values are too small for a shard say so, once", "[node_access]") {
  const RealNodes nodes(5, {"-I", "64k", "-o", "slab_chunk_max=32768"});
  ZoneFixture zone(nodes_with(nodes, {}), patient_limits(), 4, 1);
  zone.fill(0, 3, 524288);
  zone.fill(10, 3);
  CHECK(zone.hits(0, 3, 524288) == 0);
  CHECK(zone.hits(10, 3) == 3);
  zone.fill(20, 3, 524288);
  zone.settle();
  CHECK(zone.counters.refused == zone.counters.writes_failed);
  const auto lines = zone.refusals();
  CHECK(lines.size() == 5);
  for (const std::string& line : lines) CHECK_THAT(line, Catch::Contains("object too large for cache"));
}

TEST_CASE("TLS and a login go together", "[node_access]") {
  AccessFolder files;
  const Certificate right(files.folder, "right", "IP:127.0.0.1");
  std::vector<std::string> arguments = right.node_arguments();
  for (const std::string& word : files.auth_arguments()) arguments.push_back(word);
  const RealNodes nodes(5, arguments);
  check_access(nodes, {right.believed(), "thaw secret"}, "");
  check_access(nodes, {right.believed(), "thaw wrong"}, "the login of zone.auth_file is not accepted");
}

TEST_CASE("a node that wants no login does not keep it", "[node_access]") {
  const RealNodes nodes;
  check_access(nodes, {nullptr, "thaw secret"}, "");
  const Fd socket = MemcachedProcess::connect_to(nodes.nodes[0]->port());
  REQUIRE(write_all(socket.get(), as_bytes("mg login v\r\n")).ok());
  std::array<char, 256> reply{};
  REQUIRE(::recv(socket.get(), reply.data(), reply.size() - 1, 0) > 0);
  CHECK(std::string(reply.data()) == "EN\r\n");
}

TEST_CASE("another login is used as soon as it is known", "[node_access]") {
  AccessFolder files;
  const RealNodes nodes(5, files.auth_arguments());
  ZoneFixture zone(nodes_with(nodes, {nullptr, "thaw old"}), patient_limits(), 4, 1);
  zone.fill(0, 3);
  CHECK(zone.hits(0, 3) == 0);
  REQUIRE(zone.store().set_nodes(nodes_with(nodes, {nullptr, "thaw secret"})).ok());
  zone.fill(0, 3);
  CHECK(zone.hits(0, 3) == 3);
}

TEST_CASE("the login is the auth file's first line", "[node_access]") {
  CHECK(parse_login("user:word\nother:one\n").value() == "user word");
  CHECK(parse_login("user:wo:rd\r\n").value() == "user wo:rd");
  for (const char* text : {"", "\nuser:word", "user", ":word", "user:", "us er:word", "user:wo rd"}) {
    CAPTURE(text);
    CHECK(parse_login(text).error().code == Code::kUsage);
  }
  CHECK(TlsContext::create("no certificate").error().code == Code::kUsage);
}

}  // namespace thaw::node_access_test
