#include "lib/crypto/sha256_pair.h"

#include <algorithm>
#include <bit>
#include <cstring>

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#endif

namespace thaw {
namespace {

// FIPS 180-4, 4.2.2.
alignas(64) constexpr std::array<uint32_t, 64> kRoundConstants = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

// 5.3.3, as the words A to H.
constexpr std::array<uint32_t, 8> kInitial = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                              0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
// Where each of them stands in a State: FEBA, then HGDC.
constexpr std::array<size_t, 8> kPlaces = {3, 2, 7, 6, 1, 0, 5, 4};

constexpr size_t kLengthBytes = 8;

// One message on its way through the blocks.
struct Lane {
  std::array<uint32_t, 8>* state;
  const uint8_t* at;
  uint32_t crc = ~0U;
};

#if defined(__x86_64__)

bool has_instructions() {
  constexpr unsigned kSha = 1U << 29;
  unsigned eax = 0;
  unsigned ebx = 0;
  unsigned ecx = 0;
  unsigned edx = 0;
  const bool known = __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) != 0;
  return known && (ebx & kSha) != 0 && __builtin_cpu_supports("sse4.2") != 0;
}

#define THAW_SHA __attribute__((target("sha,sse4.2")))

THAW_SHA inline __m128i load(const void* from) { return _mm_loadu_si128(static_cast<const __m128i*>(from)); }

// The words of rounds 4 * four to 4 * four + 3; `w` has the sixteen before them.
THAW_SHA inline __m128i schedule(__m128i (&w)[4], size_t four, const uint8_t* block) {
  const __m128i big_endian = _mm_set_epi64x(0x0c0d0e0f08090a0bLL, 0x0405060700010203LL);
  __m128i& words = w[four & 3];
  if (four < 4) {
    words = _mm_shuffle_epi8(load(block + sizeof(__m128i) * four), big_endian);
  } else {
    const __m128i sevenths = _mm_alignr_epi8(w[(four + 3) & 3], w[(four + 2) & 3], 4);
    const __m128i begun = _mm_add_epi32(_mm_sha256msg1_epu32(words, w[(four + 1) & 3]), sevenths);
    words = _mm_sha256msg2_epu32(begun, w[(four + 3) & 3]);
  }
  return words;
}

THAW_SHA inline uint64_t sum_word(uint64_t crc, const uint8_t* from) {
  uint64_t word = 0;
  std::memcpy(&word, from, sizeof word);
  return _mm_crc32_u64(crc, word);
}

// The same four rounds of each lane one after the other, so that they overlap; a word of each is summed in
// every eighth round. The use of the instructions is that of Intel's "SHA Extensions" (2013).
template <size_t kLanes>
THAW_SHA void hash_blocks(std::array<Lane, kLanes>& lanes, size_t blocks) {
  __m128i abef[kLanes];
  __m128i cdgh[kLanes];
  uint64_t crc[kLanes];
  for (size_t l = 0; l < kLanes; ++l) {
    abef[l] = load(lanes[l].state->data());
    cdgh[l] = load(lanes[l].state->data() + 4);
    crc[l] = lanes[l].crc;
  }
  for (size_t block = 0; block < blocks; ++block) {
    __m128i a[kLanes];
    __m128i c[kLanes];
    __m128i words[kLanes][4];
    for (size_t l = 0; l < kLanes; ++l) {
      a[l] = abef[l];
      c[l] = cdgh[l];
    }
#pragma GCC unroll 16
    for (size_t four = 0; four < 16; ++four) {
      const __m128i constants = load(kRoundConstants.data() + 4 * four);
      __m128i sums[kLanes];
#pragma GCC unroll 2
      for (size_t l = 0; l < kLanes; ++l) {
        sums[l] = _mm_add_epi32(schedule(words[l], four, lanes[l].at), constants);
        if (four % 2 == 1) crc[l] = sum_word(crc[l], lanes[l].at + sizeof(uint64_t) * (four / 2));
      }
#pragma GCC unroll 2
      for (size_t l = 0; l < kLanes; ++l) c[l] = _mm_sha256rnds2_epu32(c[l], a[l], sums[l]);
#pragma GCC unroll 2
      for (size_t l = 0; l < kLanes; ++l) {
        a[l] = _mm_sha256rnds2_epu32(a[l], c[l], _mm_shuffle_epi32(sums[l], 0x0e));
      }
    }
    for (size_t l = 0; l < kLanes; ++l) {
      abef[l] = _mm_add_epi32(abef[l], a[l]);
      cdgh[l] = _mm_add_epi32(cdgh[l], c[l]);
      lanes[l].at += Sha256Pair::kBlock;
    }
  }
  for (size_t l = 0; l < kLanes; ++l) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(lanes[l].state->data()), abef[l]);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(lanes[l].state->data() + 4), cdgh[l]);
    lanes[l].crc = static_cast<uint32_t>(crc[l]);
  }
}

#else

bool has_instructions() { return false; }

template <size_t kLanes>
void hash_blocks(std::array<Lane, kLanes>&, size_t) {}

#endif

}  // namespace

Sha256Pair::Sha256Pair() {
  // Asked once: in a virtual machine, CPUID costs a way to its host.
  static const bool native = has_instructions();
  if (!native) plain_.emplace();
  for (State& state : states_) {
    for (size_t word = 0; word < state.size(); ++word) state[kPlaces[word]] = kInitial[word];
  }
}

std::array<uint32_t, 2> Sha256Pair::update(const Messages& parts) {
  if (plain_) {
    for (size_t lane = 0; lane < 2; ++lane) plain_->at(lane).update(parts[lane]);
    return {crc32c(parts[0]), crc32c(parts[1])};
  }
  const std::array<size_t, 2> blocks = {parts[0].size() / kBlock, parts[1].size() / kBlock};
  const size_t common = std::min(blocks[0], blocks[1]);
  std::array<Lane, 2> both = {Lane{&states_[0], parts[0].data()}, Lane{&states_[1], parts[1].data()}};
  hash_blocks(both, common);
  std::array<uint32_t, 2> crcs{};
  for (size_t lane = 0; lane < 2; ++lane) {
    std::array<Lane, 1> rest = {both[lane]};
    hash_blocks(rest, blocks[lane] - common);
    lengths_[lane] += blocks[lane] * kBlock;
    crcs[lane] = ~rest[0].crc;
  }
  return crcs;
}

std::array<Digest, 2> Sha256Pair::finish(const Messages& parts) {
  update(
      {parts[0].first(parts[0].size() / kBlock * kBlock), parts[1].first(parts[1].size() / kBlock * kBlock)});
  std::array<Digest, 2> digests;
  for (size_t lane = 0; lane < 2; ++lane) {
    const ByteView tail = parts[lane].subspan(parts[lane].size() / kBlock * kBlock);
    if (plain_) {
      plain_->at(lane).update(tail);
      digests[lane] = plain_->at(lane).finish();
      continue;
    }
    finish_lane(lane, tail);
    for (size_t word = 0; word < kPlaces.size(); ++word) {
      const uint32_t value = __builtin_bswap32(states_[lane][kPlaces[word]]);
      std::memcpy(digests[lane].bytes.data() + word * sizeof value, &value, sizeof value);
    }
  }
  return digests;
}

// The padding of FIPS 180-4, 5.1.1: a one, zeros, the length in bits.
void Sha256Pair::finish_lane(size_t lane, ByteView tail) {
  std::array<uint8_t, 2 * kBlock> last{};
  std::copy(tail.begin(), tail.end(), last.begin());
  last[tail.size()] = 0x80;
  const size_t blocks = tail.size() + 1 + kLengthBytes <= kBlock ? 1 : 2;
  const uint64_t bits = __builtin_bswap64((lengths_[lane] + tail.size()) * 8);
  std::memcpy(last.data() + blocks * kBlock - kLengthBytes, &bits, sizeof bits);
  std::array<Lane, 1> alone = {Lane{&states_[lane], last.data()}};
  hash_blocks(alone, blocks);
}

}  // namespace thaw
