// flash_index: how long a flash log of two million chunks takes until its index is back, and how long one
// reader takes to read the footers of its regions one after another, which it cannot do without;
// test/bench/flash.sh holds them against each other. The log is simulated: its superblock, first record
// headers and footers lie on the file, the chunks are holes.
//
//   flash_index write FILE           makes it; prints its chunks
//   flash_index open FILE ring|threads     prints milliseconds
//   flash_index footers FILE               the same, of the plain reads
#include <chrono>
#include <cstring>
#include <iostream>
#include <random>
#include <stdexcept>
#include <string>

#include "cache/flash/flash_log.h"
#include "lib/base/units.h"
#include "lib/crypto/hash.h"
#include "test/fakes/disk_files.h"

namespace thaw {
namespace {

constexpr uint64_t kBytes = 64 * kGiB;
constexpr uint32_t kChunk = 8 * kKiB;
constexpr size_t kReadThreads = 16;  // as the daemon has without a ring

FlashGeometry geometry() { return FlashGeometry::of(kBytes); }
Digest whose() { return sha256(as_bytes("bench")); }

void require(bool good, const char* what) {
  if (!good) throw std::runtime_error(what);
}

void write_at(int fd, uint64_t offset, ByteView bytes) {
  require(::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset)) ==
              static_cast<ssize_t>(bytes.size()),
          "cannot write");
}

std::vector<FlashRecord> random_records(std::mt19937_64& random) {
  std::vector<FlashRecord> records;
  for (uint32_t page = 0; records.size() < geometry().max_records();) {
    FlashRecord record{{}, page, kChunk};
    for (size_t i = 0; i < record.id.bytes.size(); i += 8) {
      const uint64_t bits = random();
      std::memcpy(record.id.bytes.data() + i, &bits, sizeof bits);
    }
    page = record.end_page();
    if (page > geometry().record_pages()) break;
    records.push_back(record);
  }
  return records;
}

uint64_t write_log(int fd) {
  FlashSuperblock superblock{whose(), {1, 2, 3}, geometry()};
  Buffer page(kFlashPage);
  write_superblock(superblock, page.mutable_view());
  write_at(fd, 0, page.view());
  std::mt19937_64 random(1);
  uint64_t chunks = 0;
  Buffer footer(geometry().footer_pages() * kFlashPage);
  for (uint32_t region = 0; region < geometry().regions; ++region) {
    const std::vector<FlashRecord> records = random_records(random);
    const FlashRegionHeader header{superblock.log, region + 1};
    write_record_header(header, records.front(), page.mutable_view());
    write_footer(geometry(), header, records, footer.mutable_view());
    write_at(fd, geometry().region_offset(region), page.view());
    write_at(fd, geometry().region_offset(region) + geometry().record_pages() * kFlashPage, footer.view());
    chunks += records.size();
  }
  require(::fsync(fd) == 0, "cannot sync");
  return chunks;
}

double milliseconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

double open_log(int fd, DiskKind kind) {
  RunningDiskFile disk(kind, fd, kReadThreads);
  FlashIndex index;
  FlashLog log(disk.file(), index, whose());
  const auto start = std::chrono::steady_clock::now();
  require(log.open(kBytes).ok(), "the log does not open");
  const double took = milliseconds_since(start);
  require(index.size() > 1'900'000, "chunks are missing");
  disk.stop();
  return took;
}

double read_footers(int fd) {
  Buffer footer(geometry().footer_pages() * kFlashPage);
  const auto start = std::chrono::steady_clock::now();
  for (uint32_t region = 0; region < geometry().regions; ++region) {
    const uint64_t offset = geometry().region_offset(region) + geometry().record_pages() * kFlashPage;
    require(::pread(fd, footer.mutable_view().data(), footer.size(), static_cast<off_t>(offset)) ==
                static_cast<ssize_t>(footer.size()),
            "cannot read");
  }
  return milliseconds_since(start);
}

int run(const std::vector<std::string>& words) {
  if (words.size() < 2) return 2;
  const Fd fd = open_disk_file(words[1]).value();
  require(resize_disk_file(fd.get(), kBytes).value() == kBytes, "the file does not grow");
  if (words[0] == "write") std::cout << write_log(fd.get()) << "\n";
  if (words[0] == "open")
    std::cout << open_log(fd.get(), words.at(2) == "ring" ? DiskKind::kRing : DiskKind::kThreads) << "\n";
  if (words[0] == "footers") std::cout << read_footers(fd.get()) << "\n";
  return 0;
}

}  // namespace
}  // namespace thaw

int main(int argc, char** argv) {
  try {
    return thaw::run({argv + 1, argv + argc});
  } catch (const std::exception& error) {
    std::cerr << "flash_index: " << error.what() << "\n";
    return 1;
  }
}
