// zone_reads: whole chunks read one after another at the zone store's door, and with one get each from a
// memcached that holds them whole, hashed after it has come; with all nodes well and with one of them frozen,
// in turn, and then with one killed. test/bench/zone.sh holds the times against each other.
//
//   zone_reads PLAIN_PORT FROZEN_PID KILLED_PID PORT...     the processes of two of the PORTs' nodes
// prints "NAME MICROSECONDS" a line; and what was missed, and needed parity, in reads.
#include <signal.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <iostream>
#include <map>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "cache/zone/zone_store.h"
#include "daemon/processes/worker_pool.h"
#include "lib/base/await.h"
#include "lib/base/file.h"
#include "lib/base/units.h"
#include "lib/crypto/hash.h"
#include "test/fakes/loop_thread.h"
#include "test/fakes/sample_chunks.h"

namespace thaw {
namespace {

constexpr uint32_t kChunkBytes = 512 * kKiB;
constexpr uint32_t kChunks = 64;
// Short rounds, so that what else the machine does falls on both kinds alike.
constexpr uint32_t kRounds = 20;
constexpr uint32_t kReads = 500;  // of each kind in a round

void require(bool condition, const char* what) {
  if (!condition) throw std::runtime_error(what);
}

// The zone tier as a worker has it, without what lies above.
class BenchZone {
 public:
  explicit BenchZone(const std::vector<std::string>& nodes)
      : store_(ZoneStore::create({loop_.loop(), queue_, tier_, counters_, {cpu_}, 1}, 4, 1,
                                 parse_zone_nodes(nodes).value())
                   .value()) {}
  ~BenchZone() {
    store_->shut_down();
    store_->drain();
    loop_.stop();
    cpu_.stop();
  }

  void fill(const SealedChunk& chunk) {
    store_->put(chunk);
    store_->drain();
  }
  // How long until the chunk was there, verified, or a miss.
  Duration read(const ChunkRef& ref) {
    const TimePoint start = steady_clock().now();
    const Fetch fetch{start + std::chrono::seconds(30), Priority::kDemand, 0, {}};
    const auto end = await<TimePoint>([&](Completion<TimePoint> done) {
      store_->find(ref, fetch,
                   [this, done = std::move(done)](const Result<std::optional<SealedChunk>>& found) mutable {
                     if (!found.ok() || !found.value()) ++misses_;
                     done(steady_clock().now());
                   });
    });
    return end.value() - start;
  }
  void wait_until_all_are_in() {
    while (counters_.nodes_out > 0) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  const ZoneCounters& counters() const { return counters_; }
  uint64_t misses() const { return misses_; }

 private:
  LoopThread loop_;
  CpuQueue queue_{cpu_};
  TierCounters tier_{};
  ZoneCounters counters_{};
  std::atomic<uint64_t> misses_ = 0;
  std::unique_ptr<ZoneStore> store_;
  WorkerPool cpu_{"cpu", std::max(2U, std::thread::hardware_concurrency())};
};

// One memcached that holds whole chunks, asked over one blocking connection.
class PlainCache {
 public:
  explicit PlainCache(uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const SocketAddress address = resolve_address("127.0.0.1", port).value();
    require(::connect(socket_.get(), address.get(), address.length) == 0, "the plain memcached is not there");
  }

  void fill(const SealedChunk& chunk) {
    send("set " + chunk.id().hex() + " 0 0 " + std::to_string(chunk.stored_length()) + "\r\n");
    send(as_text(chunk.bytes()));
    send("\r\n");
    require(receive(8) == "STORED\r\n", "the plain memcached did not take a chunk");
  }
  Duration read(const ChunkRef& ref) {
    const TimePoint start = steady_clock().now();
    const std::string head = "VALUE " + ref.id.hex() + " 0 " + std::to_string(ref.stored_length) + "\r\n";
    send("get " + ref.id.hex() + "\r\n");
    const std::string_view reply = receive(head.size() + ref.stored_length + 7);
    require(reply.starts_with(head), "the plain memcached answered something else");
    require(sha256(as_bytes(reply).subspan(head.size(), ref.stored_length)) == ref.id, "wrong bytes");
    return steady_clock().now() - start;
  }

 private:
  void send(std::string_view text) {
    while (!text.empty()) {
      const ssize_t sent = ::send(socket_.get(), text.data(), text.size(), MSG_NOSIGNAL);
      require(sent > 0, "the plain memcached is gone");
      text.remove_prefix(static_cast<size_t>(sent));
    }
  }
  std::string_view receive(size_t bytes) {
    for (size_t have = 0; have < bytes;) {
      const ssize_t got = ::recv(socket_.get(), buffer_.data() + have, bytes - have, 0);
      require(got > 0, "the plain memcached is gone");
      have += static_cast<size_t>(got);
    }
    return as_text(buffer_.view().first(bytes));
  }

  const Fd socket_;
  Buffer buffer_{kChunkBytes + 4096};
};

// The value that `share` of all do not exceed.
double quantile_us(std::vector<Duration>& times, double share) {
  std::sort(times.begin(), times.end());
  const auto index = static_cast<size_t>(share * static_cast<double>(times.size() - 1));
  return std::chrono::duration<double, std::micro>(times[index]).count();
}

int run(const std::vector<std::string>& words) {
  PlainCache plain(static_cast<uint16_t>(std::stoul(words[0])));
  const pid_t frozen = std::stoi(words[1]);
  const pid_t killed = std::stoi(words[2]);
  std::vector<std::string> nodes;
  for (size_t i = 3; i < words.size(); ++i) nodes.push_back("127.0.0.1:" + words[i]);
  BenchZone zone(nodes);
  std::vector<ChunkRef> refs;
  for (uint32_t i = 0; i < kChunks; ++i) {
    const SealedChunk chunk = sample_chunk(i, kChunkBytes);
    refs.push_back(chunk.ref());
    plain.fill(chunk);
    zone.fill(chunk);
  }
  std::map<std::string, std::vector<Duration>> times;
  uint64_t missed_when_well = 0;
  for (uint32_t round = 0; round < kRounds; ++round) {
    const uint64_t missed_before = zone.misses();
    for (uint32_t i = 0; i < kReads; ++i) {
      const ChunkRef& ref = refs[i % kChunks];
      times["plain"].push_back(plain.read(ref));
      times["healthy"].push_back(zone.read(ref));
    }
    missed_when_well += zone.misses() - missed_before;
    ::kill(frozen, SIGSTOP);
    for (uint32_t i = 0; i < kReads; ++i) {
      times["plain_meanwhile"].push_back(plain.read(refs[i % kChunks]));
      times["frozen"].push_back(zone.read(refs[i % kChunks]));
    }
    ::kill(frozen, SIGCONT);
    zone.wait_until_all_are_in();
  }
  ::kill(killed, SIGKILL);
  for (uint32_t i = 0; i < kRounds * kReads; ++i) times["killed"].push_back(zone.read(refs[i % kChunks]));
  for (auto& [name, values] : times) {
    std::cout << name << "_p50 " << quantile_us(values, 0.5) << "\n";
    std::cout << name << "_p99 " << quantile_us(values, 0.99) << "\n";
    std::cout << name << "_p999 " << quantile_us(values, 0.999) << "\n";
  }
  std::cout << "rebuilt " << zone.counters().rebuilt << "\n";
  std::cout << "missed_when_well " << missed_when_well << "\n";
  std::cout << "missed_in_trouble " << zone.misses() - missed_when_well << "\n";
  return EXIT_SUCCESS;
}

}  // namespace
}  // namespace thaw

int main(int argc, char** argv) {
  try {
    if (argc >= 9) return thaw::run({argv + 1, argv + argc});
    std::cerr << "usage: zone_reads PLAIN_PORT FROZEN_PID KILLED_PID PORT...\n";
  } catch (const std::exception& e) {
    std::cerr << "zone_reads: " << e.what() << "\n";
  }
  return EXIT_FAILURE;
}
