#include "daemon/worker/image_fill.h"

#include <algorithm>
#include <utility>

#include "daemon/log/log.h"

namespace thaw {
namespace {

constexpr std::string_view kTooLarge =
    "flash.size is too small for what is filled, which may have 80 % of it";
constexpr std::string_view kBudgetSpent = "the daily budget of flash is spent (flash.daily_rewrites)";

// What a chunk takes of the log; nothing when it is too long for it.
std::optional<uint64_t> log_bytes(const ChunkRef& ref) {
  const FlashRecord record{ref.id, 0, ref.stored_length};
  if (record.data_pages() > kFlashMaxRecordPages) return std::nullopt;
  return record.end_page() * kFlashPage;
}

void drop_repeated(std::vector<ChunkRef>& chunks) {
  std::unordered_set<ChunkId, ChunkIdHash> seen;
  std::erase_if(chunks, [&seen](const ChunkRef& ref) { return !seen.insert(ref.id).second; });
}

// Whether it says nothing of the other chunks.
bool is_of_one_chunk(const Error& error) {
  return error.code == Code::kDamaged || error.code == Code::kNotFound;
}

}  // namespace

ImageFill::ImageFill(const Parts& parts, Plan plan)
    : parts_(parts), plan_(std::move(plan)), has_room_(plan_.chunks.size()) {
  report_ = blank();
}

ImageFill::~ImageFill() { give_room_back(); }

FillReport ImageFill::blank() const {
  FillReport report;
  report.tier = parts_.flash != nullptr ? Tier::kFlash : Tier::kMemory;
  report.chunks = plan_.chunks.size();
  return report;
}

std::shared_ptr<ImageFill> ImageFill::start(const Parts& parts, Plan plan) {
  drop_repeated(plan.chunks);
  std::shared_ptr<ImageFill> fill(new ImageFill(parts, std::move(plan)));
  fill->call_step(Duration::zero());
  return fill;
}

FillReport ImageFill::report() const {
  MutexLock lock(mutex_);
  return report_;
}

void ImageFill::call_step(Duration after) {
  parts_.timers.call_at(parts_.timers.now() + after, [weak = weak_from_this()] {
    if (const auto fill = weak.lock()) fill->step();
  });
}

void ImageFill::step() {
  if (stopped_) return;
  if (!passing_) begin_pass();
  take_arrived();
  offer_held();
  ask();
  const Duration next = pass_ended() ? end_pass() : kStep;
  if (next > Duration::zero()) call_step(next);
}

bool ImageFill::is_kept(const ChunkId& id) const {
  return parts_.flash != nullptr ? parts_.flash->holds(id) : fetched_.contains(id);
}

// Only what all fills together have room for: they would push out each other's chunks for ever.
bool ImageFill::take_room(size_t chunk, uint64_t most) {
  const ChunkRef& ref = plan_.chunks[chunk];
  const std::optional<uint64_t> takes = log_bytes(ref);
  has_room_[chunk] = takes && parts_.room.take(ref.id, *takes, most);
  return has_room_[chunk];
}

void ImageFill::give_room_back() {
  for (size_t i = 0; i < has_room_.size(); ++i) {
    if (!has_room_[i]) continue;
    parts_.room.give_back(plan_.chunks[i].id, log_bytes(plan_.chunks[i]).value());
    has_room_[i] = false;
  }
}

// Looks at each chunk anew: flash may have given some up since, or have been told of others.
void ImageFill::begin_pass() {
  passing_ = true;
  pass_ = blank();
  give_room_back();
  const uint64_t most = parts_.flash != nullptr ? parts_.flash->bytes() / 100 * kShareOfFlash : 0;
  for (size_t i = 0; i < plan_.chunks.size(); ++i) {
    const bool fits = parts_.flash == nullptr || take_room(i, most);
    if (is_kept(plan_.chunks[i].id)) {
      ++pass_.kept;
    } else if (fits) {
      todo_.push_back(plan_.chunks[i]);
    } else {
      ++pass_.left_out;
    }
  }
  std::ranges::reverse(todo_);
  if (pass_.left_out > 0) pass_.why = kTooLarge;
  if (parts_.flash != nullptr) give_up_without_flash();
  MutexLock lock(mutex_);
  report_.kept = pass_.kept;
  report_.left_out = pass_.left_out;
  if (report_.why.empty()) report_.why = pass_.why;
}

void ImageFill::give_up_without_flash() {
  const FlashStore::State flash = parts_.flash->state();
  if (flash.ready) return;
  give_up(pass_.not_written, "the flash tier is not ready" + (flash.error.empty() ? "" : ": " + flash.error));
}

void ImageFill::give_up(uint64_t& count, std::string why) {
  count += todo_.size();
  todo_.clear();
  pass_.why = std::move(why);
}

std::vector<Result<Fetched>> ImageFill::arrivals() {
  MutexLock lock(mutex_);
  return std::exchange(arrived_, {});
}

void ImageFill::take_arrived() {
  for (Result<Fetched>& result : arrivals()) {
    if (result.ok()) {
      held_.push_back(std::move(result->chunk));
      continue;
    }
    ++pass_.not_fetched;
    pass_.why = result.error().message;
    if (!is_of_one_chunk(result.error())) give_up(pass_.not_fetched, result.error().message);
  }
}

FlashStore::Offer ImageFill::offer(const SealedChunk& chunk) {
  if (parts_.flash != nullptr) return parts_.flash->offer(chunk);
  fetched_.insert(chunk.id());
  return FlashStore::Offer::kKept;
}

void ImageFill::offer_held() {
  using Offer = FlashStore::Offer;
  const uint64_t kept_before = pass_.kept;
  std::vector<SealedChunk> waiting;
  for (SealedChunk& chunk : held_) {
    const Offer answer = offer(chunk);
    if (answer == Offer::kTaken || answer == Offer::kFull) {
      waiting.push_back(std::move(chunk));
    } else if (answer == Offer::kKept) {
      ++pass_.kept;
    } else {
      ++pass_.not_written;
      const bool spent = answer == Offer::kSpent;
      give_up(pass_.not_written,
              spent ? std::string(kBudgetSpent) : "flash takes nothing: " + parts_.flash->state().error);
    }
  }
  held_ = std::move(waiting);
  held_bytes_ = 0;
  for (const SealedChunk& chunk : held_) held_bytes_ += chunk.stored_length();
  if (pass_.kept == kept_before) return;
  MutexLock lock(mutex_);
  report_.kept = pass_.kept;
}

bool ImageFill::may_ask() const {
  if (todo_.empty() || held_bytes_ >= kFlashBacklog) return false;
  if (parts_.flash != nullptr && parts_.flash->buffered_bytes() >= kFlashBacklog) return false;
  MutexLock lock(mutex_);
  return in_flight_ + arrived_.size() < kWindow;
}

void ImageFill::ask() {
  while (may_ask()) {
    const ChunkRef ref = todo_.back();
    todo_.pop_back();
    {
      MutexLock lock(mutex_);
      ++in_flight_;
    }
    Fetch fetch;
    fetch.deadline = parts_.timers.now() + kFetchTime;
    fetch.priority = Priority::kPrefetch;
    fetch.mount = plan_.mount;
    parts_.source.get(ref, fetch, [self = shared_from_this()](Result<Fetched> result) {
      self->arrived(std::move(result));
    });
  }
}

void ImageFill::arrived(Result<Fetched> result) {
  if (result.ok() && plan_.fetched && !stopped_) plan_.fetched(result.value());
  MutexLock lock(mutex_);
  --in_flight_;
  arrived_.push_back(std::move(result));
}

bool ImageFill::pass_ended() const {
  if (!todo_.empty() || !held_.empty()) return false;
  MutexLock lock(mutex_);
  return in_flight_ == 0 && arrived_.empty();
}

Duration ImageFill::end_pass() {
  passing_ = false;
  FillReport now;
  {
    MutexLock lock(mutex_);
    report_ = pass_;
    now = report_;
  }
  tell(now);
  if (now.not_fetched + now.not_written > 0)
    return std::exchange(pause_, std::min(pause_ * 2, kLongestPause));
  pause_ = kFirstPause;
  return parts_.flash != nullptr ? kLookAgain : Duration::zero();
}

// Once for each outcome: passes are many.
void ImageFill::tell(const FillReport& report) {
  const std::string outcome = report.why.empty() ? "all is there" : report.why;
  if (std::exchange(told_, outcome) == outcome) return;
  const char* where = parts_.flash != nullptr ? "on flash" : "fetched, and there is no flash tier to keep it";
  if (report.why.empty()) return log_info("{}: all {} chunks are {}", plan_.image, report.chunks, where);
  log_warn("{}: {} of {} chunks are {}: {}; see 'thaw explain'", plan_.image, report.kept, report.chunks,
           where, report.why);
}

}  // namespace thaw
