#include "cache/flash/flash_format.h"

#include <catch2/catch.hpp>
#include <random>

#include "test/fakes/sample_chunks.h"

namespace thaw::flash_format_test {
namespace {

const FlashGeometry kGeometry = FlashGeometry::of(65ULL << 20);
const FlashLogId kLog = {1, 2, 3};

TEST_CASE("a flash file's geometry never takes more than it may") {
  for (const uint64_t mib : {64, 65, 100, 500, 1000, 20'480, 1'000'000}) {
    const uint64_t bytes = mib << 20;
    const FlashGeometry geometry = FlashGeometry::of(bytes);
    CAPTURE(mib);
    CHECK(geometry.regions >= 15);
    CHECK(geometry.file_bytes() <= bytes);
    CHECK(bytes - geometry.file_bytes() < 17 << 20);
    CHECK(geometry.record_pages() < geometry.region_pages);
  }
}

TEST_CASE("superblock, ledger, record header and footer are read back as they were written") {
  Bytes page(kFlashPage, 0xEE);
  write_superblock({sha256(page), kLog, kGeometry}, page);
  const auto superblock = read_superblock(page);
  REQUIRE(superblock);
  CHECK(superblock->log == kLog);
  CHECK(superblock->geometry == kGeometry);

  write_ledger({123'456'789'012, 1'800'000'000}, page);
  const auto ledger = read_ledger(page);
  REQUIRE(ledger);
  CHECK(ledger->spent == 123'456'789'012);
  CHECK(ledger->at_unix == 1'800'000'000);

  const FlashRecord record{sample_ref(1).id, 7, 8192};
  write_record_header({kLog, 42}, record, page);
  const auto header = read_record_header(kGeometry, kLog, 7, page);
  REQUIRE(header);
  CHECK(header->sequence == 42);
  CHECK(header->record.id == record.id);
  CHECK(header->record.end_page() == 10);
  CHECK_FALSE(read_record_header(kGeometry, kLog, 8, page));
  CHECK_FALSE(read_record_header(kGeometry, FlashLogId{}, 7, page));

  Bytes footer(kGeometry.footer_pages() * kFlashPage);
  const std::vector<FlashRecord> records(kGeometry.max_records(), record);
  write_footer(kGeometry, {kLog, 43}, records, footer);
  const auto read = read_footer(kGeometry, kLog, footer);
  REQUIRE(read);
  CHECK(read->sequence == 43);
  CHECK(read->records.size() == records.size());
}

TEST_CASE("one flipped bit anywhere makes a page of the flash format nothing") {
  std::mt19937 random(3);
  const FlashRecord record{sample_ref(1).id, 7, 8192};
  Bytes header(kFlashPage);
  write_record_header({kLog, 42}, record, header);
  Bytes footer(kGeometry.footer_pages() * kFlashPage);
  write_footer(kGeometry, {kLog, 43}, {record, record, record}, footer);
  Bytes superblock(kFlashPage);
  write_superblock({sha256(footer), kLog, kGeometry}, superblock);
  Bytes ledger(kFlashPage);
  write_ledger({1, 2}, ledger);
  for (int i = 0; i < 2000; ++i) {
    const auto flip = [](Bytes bytes, size_t bit) {
      bytes.at(bit / 8) ^= static_cast<uint8_t>(1 << (bit % 8));
      return bytes;
    };
    CHECK_FALSE(read_ledger(flip(ledger, random() % (28 * 8))));
    CHECK_FALSE(read_record_header(kGeometry, kLog, 7, flip(header, random() % (76 * 8))));
    CHECK_FALSE(read_footer(kGeometry, kLog, flip(footer, random() % (40 * 8))));
    CHECK_FALSE(read_footer(kGeometry, kLog, flip(footer, 64 * 8 + random() % (120 * 8))));
    CHECK_FALSE(read_superblock(flip(superblock, random() % (68 * 8))));
  }
}

TEST_CASE("a record or a footer that reaches out of its region is refused, whatever its checksum says") {
  Bytes page(kFlashPage);
  write_record_header({kLog, 1}, {sample_ref(1).id, 7, 0xFFFFFFFF}, page);
  CHECK_FALSE(read_record_header(kGeometry, kLog, 7, page));
  write_record_header({kLog, 1}, {sample_ref(1).id, kGeometry.record_pages() - 1, 8192}, page);
  CHECK_FALSE(read_record_header(kGeometry, kLog, kGeometry.record_pages() - 1, page));
  Bytes footer(kGeometry.footer_pages() * kFlashPage);
  write_footer(kGeometry, {kLog, 1}, {{sample_ref(1).id, kGeometry.region_pages, 8192}}, footer);
  CHECK_FALSE(read_footer(kGeometry, kLog, footer));
}

}  // namespace
}  // namespace thaw::flash_format_test
