// Every way to cut or alter a message by one byte, and a seeded run of coarser damage.
#pragma once

#include <catch2/catch.hpp>
#include <random>

#include "lib/base/buffer.h"
#include "lib/base/result.h"

namespace thaw {

// Calls code_of(bytes) for each damaged form; it must say kDamaged or kRefused. `code_of` returns the
// parser's code, and fails the test itself when the parser accepts.
template <class CodeOf>
void refuse_all_damage(const Bytes& good, CodeOf&& code_of) {
  const auto refuse = [&code_of](const Bytes& bytes) {
    const Code code = code_of(ByteView(bytes));
    if (code != Code::kDamaged && code != Code::kRefused)
      FAIL("damage was answered with " << code_name(code));
  };
  for (size_t size = 0; size < good.size(); ++size)
    refuse(Bytes(good.begin(), good.begin() + static_cast<long>(size)));
  Bytes longer = good;
  longer.push_back(0);
  refuse(longer);
  for (size_t i = 0; i < good.size(); ++i) {
    for (const uint8_t flip : {uint8_t{1}, uint8_t{0x80}, uint8_t{0xff}}) {
      Bytes altered = good;
      altered[i] ^= flip;
      refuse(altered);
    }
  }
}

// `rounds` messages with several bytes overwritten, inserted or removed; for parsers whose answer may be
// anything but must come without a crash.
template <class Parse>
void mutate(const Bytes& good, unsigned rounds, Parse&& parse) {
  std::mt19937 random(20231017);
  for (unsigned round = 0; round < rounds; ++round) {
    Bytes bytes = good;
    for (unsigned change = random() % 8 + 1; change > 0 && !bytes.empty(); --change) {
      const auto at = static_cast<long>(random() % bytes.size());
      switch (random() % 4) {
        case 0:
          bytes[static_cast<size_t>(at)] = static_cast<uint8_t>(random());
          break;
        case 1:
          bytes[static_cast<size_t>(at)] = 0xff;
          break;
        case 2:
          bytes.erase(bytes.begin() + at,
                      bytes.begin() + std::min<long>(at + 8, static_cast<long>(bytes.size())));
          break;
        default:
          bytes.insert(bytes.begin() + at, static_cast<uint8_t>(random()));
          break;
      }
    }
    if (bytes != good) parse(ByteView(bytes));
  }
}

}  // namespace thaw
