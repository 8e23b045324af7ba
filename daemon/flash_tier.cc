#include "daemon/flash_tier.h"

#include <algorithm>
#include <utility>

#include "lib/crypto/hash.h"
#include "lib/io/disk_file.h"
#include "lib/manifest/manifest.h"

namespace thaw {
namespace {

// Reads from flash together hold so much of memory.size at most.
constexpr uint64_t kReadShare = 8;

FlashRule rule_of(const Config& config) {
  return config.flash_admit == "second" ? FlashRule::kSecond : FlashRule::kAll;
}

FlashLimits limits_of(const Config& config) {
  FlashLimits limits;
  limits.reads = Slots::caps(static_cast<uint32_t>(
      std::clamp<uint64_t>(config.memory_bytes / kReadShare / kDefaultChunkSize, 8, limits.reads.all)));
  limits.daily_rewrites = static_cast<uint32_t>(config.flash_daily_rewrites);
  limits.rule = rule_of(config);
  return limits;
}

}  // namespace

Result<std::unique_ptr<FlashTier>> FlashTier::open(const Config& config, const Parts& parts) {
  THAW_ASSIGN(Fd fd, open_disk_file(config.flash_path));
  THAW_ASSIGN(const uint64_t bytes, resize_disk_file(fd.get(), config.flash_bytes));
  if (bytes < kMinFlashBytes) {
    return Error{Code::kUsage, config.flash_path + " has " + format_size(bytes) +
                                   "; the flash tier needs at least " + format_size(kMinFlashBytes)};
  }
  return std::unique_ptr<FlashTier>(new FlashTier(std::move(fd), bytes, config, parts));
}

FlashTier::FlashTier(Fd fd, uint64_t bytes, const Config& config, const Parts& parts)
    : fd_(std::move(fd)),
      bytes_(bytes),
      disk_(fd_.get()),
      store_({disk_.file(), parts.cpu, parts.timers, parts.counters}, sha256(as_bytes(config.store_url)),
             bytes, limits_of(config)),
      writer_(start_thread("flash/writer", [this] { store_.run(); })) {}

// A larger file before the tier grows into it; a smaller one once nothing lies beyond.
Status FlashTier::resize(uint64_t bytes) {
  THAW_ASSIGN(const uint64_t there, resize_disk_file(fd_.get(), std::max(bytes, bytes_)));
  THAW_TRY(store_.resize(std::min(bytes, there)));
  THAW_ASSIGN(bytes_, resize_disk_file(fd_.get(), bytes));
  return {};
}

void FlashTier::set_admission(const Config& config) {
  store_.set_admission(rule_of(config), static_cast<uint32_t>(config.flash_daily_rewrites));
}

void FlashTier::set_share(const Config& config) { store_.set_read_slots(limits_of(config).reads); }

FlashTier::~FlashTier() {
  store_.stop();
  writer_.join();
  disk_.stop();
}

}  // namespace thaw
