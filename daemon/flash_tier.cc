#include "daemon/flash_tier.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

#include "daemon/log/log.h"
#include "daemon/processes/worker_pool.h"
#include "lib/crypto/hash.h"
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

bool is_full(const Error& error) {
  return std::ranges::any_of(std::array{ENOSPC, EDQUOT}, [&error](int reason) {
    return error.message.ends_with(std::generic_category().message(reason));
  });
}

const char* remedy(const Error& error) {
  return is_full(error) ? "; make room there, or flash.size smaller, and see 'thaw reload'"
                        : "; see what the kernel's log says of the device";
}

}  // namespace

FlashTier::FlashTier(const Config& config, const Parts& parts)
    : path_(config.flash_path),
      device_(config.flash_path, config.flash_bytes),
      store_({device_, parts.cpu, parts.timers, parts.counters, [this] { return device_.open(); },
              [this](const Status& opened) { tell_opened(opened); },
              [this](const Status& written) { tell_written(written); }},
             sha256(as_bytes(config.store_url)), config.flash_bytes, limits_of(config)),
      writer_(start_thread("flash/writer", [this] { store_.run(); })) {}

void FlashTier::tell_opened(const Status& opened) {
  if (opened.ok()) return log_info("the flash tier is there, with {} chunks", store_.state().chunks);
  log_error("no flash tier until it comes, which is tried again and again: {}", opened.error().message);
}

void FlashTier::tell_written(const Status& written) const {
  if (written.ok()) return log_info("{}: chunks are written to flash again", path_);
  log_error("{}: no chunk can be written to flash, which is tried again and again: {}{}", path_,
            written.error().message, remedy(written.error()));
}

Status FlashTier::resize(uint64_t bytes) {
  if (store_.state().ready)
    return device_.resize(bytes, [this](uint64_t there) { return store_.resize(there); });
  if (device_.set_size(bytes)) return {};
  return Error{Code::kFailed, path_ + " is still being read; reload again in a moment"};
}

void FlashTier::set_admission(const Config& config) {
  store_.set_admission(rule_of(config), static_cast<uint32_t>(config.flash_daily_rewrites));
}

void FlashTier::set_share(const Config& config) { store_.set_read_slots(limits_of(config).reads); }

FlashTier::~FlashTier() {
  store_.stop();
  writer_.join();
  device_.stop();
}

}  // namespace thaw
