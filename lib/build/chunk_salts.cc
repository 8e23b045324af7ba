#include "lib/build/chunk_salts.h"

#include "lib/crypto/hash.h"
#include "lib/manifest/wire.h"

namespace thaw {
namespace {

// Each ends in a zero byte; no message under one is a message under another.
constexpr std::string_view kApartLabel("thaw salt apart v1\0", 19);
constexpr std::string_view kGroupLabel("thaw salt group v1\0", 19);
constexpr std::string_view kTagLabel("thaw chunk use v1\0", 18);
constexpr std::string_view kImageLabel("thaw image use v1\0", 18);

Digest derive(const Secret& salt, std::string_view label, const WireWriter& message) {
  WireWriter all;
  all.bytes(as_bytes(label));
  all.bytes(message.view());
  return hmac_sha256(salt.view(), all.view());
}

uint64_t number_in(const Digest& digest) {
  WireReader in(digest.view());
  return in.u64();
}

// The salt itself where nothing is set: what was built before is shared.
Secret salt_of_place(const Secret& salt, const SaltApart& apart, uint64_t period) {
  if (apart.by_time.count() == 0 && apart.by_zone.empty()) return salt;
  WireWriter message;
  message.u64(static_cast<uint64_t>(apart.by_time.count()));
  message.u64(period);
  message.text16(apart.by_zone);
  return Secret(derive(salt, kApartLabel, message).bytes);
}

}  // namespace

std::string uses_file(const BuildPlace& place, const SaltApart& apart) {
  return apart.uses_folder + "/" + place.store_id.hex() + "." + place.salt.id.hex();
}

Result<std::unique_ptr<ChunkSalts>> ChunkSalts::create(const BuildPlace& place, const SaltApart& apart,
                                                       const Image& image, std::chrono::milliseconds now) {
  std::unique_ptr<ChunkSalts> salts(new ChunkSalts());
  if (apart.by_time.count() > 0) salts->period_ = static_cast<uint64_t>(now / apart.by_time);
  salts->salt_ = salt_of_place(place.salt.secret, apart, salts->period_);
  if (apart.popular > 0) THAW_TRY(salts->know_uses(place, apart, image));
  return salts;
}

// Tags and groups outlive a period: they come of the salt itself.
Status ChunkSalts::know_uses(const BuildPlace& place, const SaltApart& apart, const Image& image) {
  const Secret& salt = place.salt.secret;
  popular_ = apart.popular;
  tag_key_ = Secret(derive(salt, kTagLabel, {}).bytes);
  WireWriter name;
  name.text16(image.tenant);
  name.text16(image.name);
  const uint64_t number = number_in(derive(salt, kImageLabel, name));
  image_bit_ = uint64_t{1} << (number % 64);
  WireWriter group;
  group.u64((number / 64) % apart.groups);
  popular_salt_ = Secret(derive(salt_, kGroupLabel, group).bytes);
  uses_file_ = uses_file(place, apart);
  THAW_ASSIGN(uses_, ChunkUses::read(uses_file_));
  return {};
}

const Secret& ChunkSalts::salt_of(const Digest& content) {
  if (popular_ == 0) return salt_;
  const ChunkUses::Tag tag = number_in(hmac_sha256(tag_key_.view(), content.view()));
  // This image counts, whether it was built before or not: built twice it decides the same.
  const bool popular = images_counted(uses_.images_of(tag) | image_bit_) > popular_;
  const MutexLock lock(mutex_);
  if (used_.insert(tag).second && popular) ++popular_chunks_;
  return popular ? popular_salt_ : salt_;
}

uint64_t ChunkSalts::popular_chunks() {
  const MutexLock lock(mutex_);
  return popular_chunks_;
}

Status ChunkSalts::remember() {
  if (popular_ == 0) return {};
  std::vector<ChunkUses::Tag> used;
  {
    const MutexLock lock(mutex_);
    used.assign(used_.begin(), used_.end());
  }
  return ChunkUses::remember(uses_file_, std::move(used), image_bit_);
}

}  // namespace thaw
