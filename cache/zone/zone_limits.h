// What bounds the zone tier, by name; and what it counts.
#pragma once

#include <atomic>
#include <cstdint>

#include "cache/slots.h"
#include "lib/base/clock.h"

namespace thaw {

// One node, as seen from one worker.
struct NodeLimits {
  uint32_t read_connections = 2;
  uint32_t reads_per_connection = 64;              // asked and not answered, late ones included
  uint32_t writes_per_connection = 1024;           // the same; their bytes count more
  uint64_t reply_bytes_per_connection = 16 << 20;  // asked and not arrived
  uint64_t queued_write_bytes = 8 << 20;           // of a connection; reads and writes have their own
  Duration connect = std::chrono::milliseconds(500);
  Duration stalled = std::chrono::seconds(1);  // a connection that gives nothing for so long is given up
  Duration first_reconnect = std::chrono::milliseconds(20);
  Duration longest_reconnect = std::chrono::seconds(1);
  Duration look_up_again = std::chrono::seconds(5);  // at the earliest, a name whose node is not reached
};

struct HealthLimits {
  Duration window = std::chrono::seconds(10);
  uint32_t bad_percent = 5;     // of the window's replies: more of them bad or late, and the node is ejected
  uint32_t least_replies = 20;  // fewer say nothing
  Duration first_probe = std::chrono::seconds(1);
  Duration longest_probe = std::chrono::seconds(60);
  uint32_t trial_replies = 20;  // all of them good, and a node that came back is trusted again
};

struct ZoneLimits {
  Duration turn = std::chrono::seconds(1);           // a read waits for its turn; then it is a miss
  Duration read = std::chrono::milliseconds(200);    // one read as a whole, from its turn on; the same
  Duration write = std::chrono::milliseconds(1000);  // one fill, repair or deletion
  Slots::Caps reads = Slots::caps(48);               // in flight; each holds k + m shards' memory
  uint32_t open_reads = 65536;                       // also those that wait for their turn
  uint64_t write_bytes = 16 << 20;                   // fills and repairs under way, with parity
  uint32_t repairs_in_flight = 16;
  uint32_t kept_chunks = 8;  // answered, and kept until it is known what else of it has to be repaired
  // One worker of a zone fetches what all lack; the others wait for its fill, but no longer than this (0: not
  // at all), looking again after first_look and then ever more rarely.
  Duration claim_wait = std::chrono::milliseconds(200);
  Duration first_look = std::chrono::milliseconds(10);
  std::chrono::seconds claim_lasts{2};
  uint64_t node_write_rate = 150'000'000;  // bytes a second of fills and repairs that one node gets
  uint32_t combinations = 64;              // of shards that are tried when a chunk's bytes are wrong
  NodeLimits node;
  HealthLimits health;
};

// Plain atomics without pointers, like TierCounters. Any thread.
struct ZoneCounters {
  std::atomic<uint64_t> shards_missing;  // a node does not hold one, while others hold theirs
  std::atomic<uint64_t> shards_bad;      // damaged, or another's bytes
  std::atomic<uint64_t> shards_late;     // no answer in time, none at all, or too many are awaited already
  std::atomic<uint64_t> rebuilt;         // reads that needed parity
  std::atomic<uint64_t> repairs;         // shards that a read writes back
  std::atomic<uint64_t> fills;           // chunks written
  std::atomic<uint64_t> writes_failed;   // shards of fills and repairs that no node took
  std::atomic<uint64_t> fills_dropped;   // chunks not written: beyond a limit
  std::atomic<uint64_t> claims_won;      // misses that this worker fills
  std::atomic<uint64_t> claims_lost;     // misses that another one was about to fill
  std::atomic<uint64_t> claims_filled;   // those of them that it did fill in time
  std::atomic<uint64_t> ejections;
  std::atomic<uint64_t> readmissions;
  std::atomic<uint64_t> nodes_out;  // a gauge
  std::atomic<uint64_t> refused;    // requests to nodes that do not let us in, or say that they cannot
};

}  // namespace thaw
