// chunk_hashes: how much processor time it takes to verify chunks two at a time, over what it takes one at a
// time. In turn, a few milliseconds each, so that both see the same machine. Prints MiB/s of both and the
// ratio.
#include <time.h>

#include <cstdio>
#include <cstdlib>
#include <vector>

#include "lib/base/units.h"
#include "lib/chunk/sealed_chunk.h"

namespace {

using namespace thaw;

constexpr uint32_t kChunk = 512 * kKiB;
constexpr size_t kChunks = 8;  // 4 MiB: they have just arrived, and lie in a cache
constexpr int kRounds = 300;

double thread_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

std::vector<Unverified> arrived_chunks() {
  std::vector<Unverified> chunks;
  for (size_t i = 0; i < kChunks; ++i) {
    Buffer bytes(kChunk);
    for (uint8_t& byte : bytes.mutable_view()) byte = static_cast<uint8_t>(std::rand());
    const ChunkId id = sha256(bytes.view());
    chunks.push_back({{id, kChunk}, std::move(bytes)});
  }
  return chunks;
}

// Buffers are given back as they are: a chunk that was verified keeps its own.
double seconds_of(const std::vector<Unverified>& arrived, size_t at_once) {
  std::vector<Unverified> chunks;
  for (const Unverified& chunk : arrived)
    chunks.push_back({chunk.ref, Buffer::copy_of(chunk.ciphertext.view())});
  const double start = thread_seconds();
  for (size_t i = 0; i < chunks.size(); i += at_once) {
    bool right = true;
    if (at_once == 1) {
      right = SealedChunk::verify(chunks[i].ref, std::move(chunks[i].ciphertext)).ok();
    } else {
      const auto both = SealedChunk::verify_both(chunks[i], chunks[i + 1]);
      right = both[0].ok() && both[1].ok();
    }
    if (!right) std::abort();
  }
  return thread_seconds() - start;
}

}  // namespace

int main() {
  const std::vector<Unverified> arrived = arrived_chunks();
  double alone = 0;
  double paired = 0;
  for (int round = 0; round < kRounds; ++round) {
    alone += seconds_of(arrived, 1);
    paired += seconds_of(arrived, 2);
  }
  const double mib = static_cast<double>(kChunks * kChunk) * kRounds / kMiB;
  std::printf("%.0f %.0f %.3f\n", mib / alone, mib / paired, paired / alone);
  return 0;
}
