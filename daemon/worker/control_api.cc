#include "daemon/worker/control_api.h"

#include <chrono>
#include <nlohmann/json.hpp>

#include "daemon/config/or_null.h"
#include "daemon/mounts/mount_id.h"
#include "daemon/worker/explain.h"
#include "lib/base/await.h"
#include "lib/base/base64.h"
#include "lib/json/json_text.h"
#include "lib/json/path_json.h"

namespace thaw {
namespace {

using Json = nlohmann::json;

constexpr Duration kCacheTime = std::chrono::seconds(5);  // for one chunk that is asked for

// What is needed to open an image again, by the next daemon: a request of the API, pinned to the manifest.
struct ImageRequestText {
  std::string tenant;
  ImageName name;
  Outage outage = Outage::kError;
  Rollback rollback = Rollback::kRefuse;
  Replay replay = Replay::kYes;
  bool fill = false;
};

Result<ImageRequestText> parse_request(const Json& request, const Config& config) {
  ImageRequestText parsed;
  THAW_ASSIGN(parsed.name, ImageName::parse(request.value("name", "")));
  parsed.tenant = request.value("tenant", config.tenant);
  const std::string outage = request.value("outage", config.read_outage);
  if (outage != "error" && outage != "wait")
    return Error{Code::kUsage, "\"outage\" must be \"error\" or \"wait\""};
  parsed.outage = outage == "wait" ? Outage::kWait : Outage::kError;
  parsed.rollback = request.value("allow_rollback", false) ? Rollback::kAllow : Rollback::kRefuse;
  parsed.fill = request.value("fill", false);
  const bool prefetch = request.value("prefetch", true) && config.prefetch_replay;
  parsed.replay = prefetch ? Replay::kYes : Replay::kNo;
  return parsed;
}

std::string reopen_text(const ImageRequestText& image) {
  return Json({{"name", image.name.text()},
               {"tenant", image.tenant},
               {"outage", image.outage == Outage::kWait ? "wait" : "error"},
               {"prefetch", image.replay == Replay::kYes},
               {"fill", image.fill}})
      .dump();
}

Json count_by_tier(const ImageCounters& counters) {
  Json counts = Json::object();
  for (size_t tier = 0; tier < kTierCount; ++tier)
    counts[kTierNames.at(tier)] = counters.chunks_fetched.at(tier).load();
  return counts;
}

Json latency_json(const LatencyHistogram& latency) {
  return {{"p50", latency.percentile_us(0.5)},
          {"p99", latency.percentile_us(0.99)},
          {"p999", latency.percentile_us(0.999)}};
}

Json tier_json(const TierCounters& tier, uint64_t in_flight) {
  return {{"hits", tier.hits.load()},
          {"misses", tier.misses.load()},
          {"errors", tier.errors.load()},
          {"bytes", tier.bytes.load()},
          {"evictions", tier.evictions.load()},
          {"in_flight", in_flight},
          {"latency_us", latency_json(tier.latency)}};
}

Json origin_json(const Origin& origin) {
  const Origin::State state = origin.state();
  return {{"open", origin.open()},          {"in_flight", state.in_flight},     {"cap", state.cap},
          {"requests", state.requests},     {"retries", state.retries},         {"hedges", state.hedges},
          {"hedges_won", state.hedges_won}, {"overloaded", origin.overloaded()}};
}

Json flash_json(const FlashStore* flash) {
  if (flash == nullptr) return nullptr;
  const FlashStore::State state = flash->state();
  return {{"ready", state.ready},
          {"stalled", state.stalled},
          {"chunks", state.chunks},
          {"written_bytes", state.written_bytes},
          {"dropped", state.dropped},
          {"buffered_bytes", flash->buffered_bytes()},
          {"budget_left", state.budget_left},
          {"writes_failed", state.writes_failed},
          {"error", state.error}};
}

Json zone_json(const ZoneCounters& zone) {
  return {{"shards_missing", zone.shards_missing.load()},
          {"shards_bad", zone.shards_bad.load()},
          {"shards_late", zone.shards_late.load()},
          {"rebuilt", zone.rebuilt.load()},
          {"repairs", zone.repairs.load()},
          {"fills", zone.fills.load()},
          {"fills_dropped", zone.fills_dropped.load()},
          {"writes_failed", zone.writes_failed.load()},
          {"claims_won", zone.claims_won.load()},
          {"claims_lost", zone.claims_lost.load()},
          {"claims_filled", zone.claims_filled.load()},
          {"ejections", zone.ejections.load()},
          {"readmissions", zone.readmissions.load()},
          {"nodes_out", zone.nodes_out.load()},
          {"refused", zone.refused.load()}};
}

Json collection_json(const CollectionCounters& collection) {
  return {{"alarms", collection.alarms.load()},
          {"hits_checked", collection.hits_checked.load()},
          {"hits_missing", collection.hits_missing.load()}};
}

Json waiting_json(const Remounts& remounts) {
  Json waiting = Json::array();
  for (const Remounts::Waiting& one : remounts.waiting()) {
    waiting.push_back({{"id", one.request.id},
                       {"name", one.request.name},
                       {"mountpoint", or_null(one.request.target)},
                       {"why", or_null(one.why)}});
  }
  return waiting;
}

}  // namespace

void ControlApi::register_with(ControlServer& server) {
  server.on_post("/v1/mounts", [this](const Json& request) { return mount_asked(request); });
  server.on_post("/v1/umount", [this](const Json& request) { return umount(request); });
  server.on_post("/v1/trace", [this](const Json& request) { return record_trace(request); });
  server.on_get("/v1/mounts", [this](const Json&) { return list_mounts(); });
  server.on_post("/v1/explain", [this](const Json& request) { return explain_mount(request); });
  server.on_get("/v1/stats", [this](const Json&) { return stats(); });
  server.on_post("/v1/reload", [this](const Json&) {
    parts_.roots.hurry();
    parts_.remounts.hurry();
    return parts_.live.reload();
  });
  server.on_post("/v1/chunk", [this](const Json& request) { return cached_chunk(request); });
  server.on_get("/v1/config", [this](const Json&) -> Result<Json> { return parts_.live.describe(); });
}

Result<Json> ControlApi::mount(const Json& request, Removed removed) {
  THAW_ASSIGN(ImageRequestText image, parse_request(request, parts_.live.config()));
  Leases::Hold hold(parts_.leases);
  THAW_ASSIGN(const OpenedImage opened,
              parts_.session.open_held({image.tenant, image.name, image.rollback, removed},
                                       [&hold](const Digest& manifest) { return hold.add(manifest); }));
  MountRequest mounting;
  mounting.key = image_key(opened.manifest.digest, image.outage);
  mounting.manifest = opened.manifest.digest.hex();
  mounting.name = image.name.name + ":" + image.name.tag;
  mounting.target = path_member(request, "dir");
  mounting.pid = request.value("pid", 0);
  mounting.id = request.value("id", "");
  if (!mounting.id.empty() && !is_mount_id(mounting.id))
    return Error{Code::kUsage, "\"id\" must be 12 hexadecimal digits, as random as can be"};
  image.name.digest = opened.manifest.digest;
  mounting.reopen = reopen_text(image);
  std::shared_ptr<Traces::Episode> episode;
  if (!parts_.mounts.shows(mounting.key)) {
    // An empty cache asks for much at once; running containers go first.
    if (parts_.chain.origin().overloaded()) {
      return Error{Code::kUnreachable, image.name.text() + ": the store is overloaded, " +
                                           std::to_string(parts_.chain.origin().open()) +
                                           " fetches wait for it; mount it again later"};
    }
    episode = parts_.traces.open(opened, inode_of(mounting.key), image.replay);
  }
  Bytes bytes = image_bytes(opened);
  const auto mounted = parts_.mounts.mount(mounting, bytes);
  wipe(bytes);
  if (!mounted.ok()) {
    if (episode) Traces::give_up(episode);
    parts_.images.forget_unless_shown(opened.manifest.digest);
    return mounted.error();
  }
  if (image.fill) parts_.fills.refresh();
  if (episode) {
    parts_.images.set_trace(mounting.key, Traces::report(episode));
    parts_.traces.watch(episode, parts_.images.first_reads(mounting.key), parts_.images.nearby(mounting.key));
  }
  Json answer = describe(mounted.value());
  answer["config"] = read_json(opened.manifest.details.config);
  return answer;
}

// Whoever mounts something on a directory does not wait for what was there before.
Result<Json> ControlApi::mount_asked(const Json& request) {
  THAW_ASSIGN(Json answer, mount(request, Removed::kRefuse));
  const Status ignored = parts_.remounts.forget(path_member(request, "dir"), request.value("pid", 0));
  static_cast<void>(ignored);
  return answer;
}

Status ControlApi::mount_again(const MountRequest& earlier) {
  Json again = read_json(earlier.reopen);
  if (!again.is_object()) return Error{Code::kDamaged, "what was kept of it cannot be read"};
  again["dir"] = path_json(earlier.target);
  again["pid"] = earlier.pid;
  again["id"] = earlier.id;
  // What was mounted stays, also when its name was removed since.
  const auto mounted = mount(again, Removed::kAllow);
  return mounted.ok() ? Status{} : Status(mounted.error());
}

Result<Json> ControlApi::umount(const Json& request) {
  const std::string target = path_member(request, "target");
  const pid_t pid = request.value("pid", 0);
  const Json answer = {{"target", target}};
  const Status forgotten = parts_.remounts.forget(target, pid);
  if (forgotten.ok()) return answer;
  if (forgotten.error().code != Code::kNotFound) return forgotten.error();
  const Unmount how = request.value("lazy", false) ? Unmount::kLazy : Unmount::kIdle;
  THAW_TRY(parts_.mounts.umount({target, pid, how}));
  parts_.fills.refresh();
  return answer;
}

Result<Json> ControlApi::record_trace(const Json& request) {
  THAW_ASSIGN(const ImageRequestText image, parse_request(request, parts_.live.config()));
  THAW_ASSIGN(const OpenedImage opened,
              parts_.session.open_image(image.name.text(), image.tenant, image.rollback));
  std::string key = image_key(opened.manifest.digest, image.outage);
  auto reads = parts_.images.first_reads(key);
  if (!reads) {  // it may be mounted with the other `outage`
    key = image_key(opened.manifest.digest, image.outage == Outage::kWait ? Outage::kError : Outage::kWait);
    reads = parts_.images.first_reads(key);
  }
  if (!reads) return Error{Code::kNotFound, image.name.text() + " is not mounted; see 'thaw ps'"};
  reads->restart();
  const auto episode = Traces::begin(opened);
  parts_.images.set_trace(key, Traces::report(episode));
  parts_.traces.watch(episode, reads, parts_.images.nearby(key));
  return Json{{"seconds", std::chrono::duration_cast<std::chrono::seconds>(Traces::kRecorded).count()}};
}

Json ControlApi::describe(const Mount& mount) {
  Digest digest;
  if (const auto parsed = Digest::from_hex(mount.manifest)) digest = *parsed;
  const ImageCounters& counters = parts_.counters.image(digest);
  return {{"id", mount.id},
          {"name", mount.name},
          {"manifest", mount.manifest},
          {"file", mount.file},
          {"device", or_null(mount.device)},
          {"mountpoint", or_null(mount.mountpoint)},
          {"direct_io", mount.direct_io},
          {"bytes_read", counters.bytes_read()},
          {"chunks_fetched", count_by_tier(counters)},
          {"fill", fill_json(parts_.fills.report(mount.key))}};
}

Result<Json> ControlApi::list_mounts() {
  Json mounts = Json::array();
  for (const Mount& mount : parts_.mounts.list()) mounts.push_back(describe(mount));
  return Json{{"mounts", mounts}, {"waiting", waiting_json(parts_.remounts)}};
}

Result<Json> ControlApi::explain_mount(const Json& request) {
  const std::string target = path_member(request, "target");
  THAW_ASSIGN(const Mount mount, parts_.mounts.look_up(target, request.value("pid", 0)));
  const auto story = parts_.images.story(mount.key);
  if (!story) return Error{Code::kNotFound, target + " has gone; see 'thaw ps'"};
  Json answer = describe(mount);
  const ImageCounters& counters = parts_.counters.image(Digest::from_hex(mount.manifest).value_or(Digest{}));
  answer.update(explain({counters, *story->slow_reads, story->trace.get(), story->chunk_size}));
  return answer;
}

// Sealed, for a scrub: what the store has lost a cache may still have.
Result<Json> ControlApi::cached_chunk(const Json& request) {
  const auto id = ChunkId::from_hex(request.value("id", ""));
  if (!id) return Error{Code::kUsage, "\"id\" must be a chunk's id, 64 hexadecimal digits"};
  const ChunkRef ref{*id, request.value("stored_length", uint32_t{0})};
  Fetch fetch;
  fetch.deadline = steady_clock().now() + kCacheTime;
  using Found = std::optional<SealedChunk>;
  for (ChunkStore* cache : parts_.chain.caches()) {
    const auto found =
        await<Found>([&](Completion<Found> done) { cache->find(ref, fetch, std::move(done)); });
    if (found.ok() && found.value())
      return Json{{"id", id->hex()}, {"bytes", to_base64(found.value()->bytes())}};
  }
  return Error{Code::kNotFound, "chunk " + id->hex() + " is in no cache of this worker"};
}

Json ControlApi::store_away_seconds() const {
  return std::chrono::duration_cast<std::chrono::seconds>(parts_.chain.origin().away_for()).count();
}

Result<Json> ControlApi::stats() {
  Json tiers = Json::object();
  for (size_t tier = 0; tier < kTierCount; ++tier) {
    tiers[kTierNames.at(tier)] =
        tier_json(parts_.counters.tiers.at(tier), parts_.chain.in_flight(static_cast<Tier>(tier)));
  }
  LatencyHistogram latency{};
  parts_.counters.add_latency_to(latency);
  return Json{{"tiers", tiers},
              {"memory_bytes", parts_.chain.memory().bytes()},
              {"buffer_bytes", buffer_arena().held_bytes()},
              {"origin", origin_json(parts_.chain.origin())},
              {"flash", flash_json(parts_.chain.flash())},
              {"zone", zone_json(parts_.counters.zone)},
              {"collection", collection_json(parts_.counters.collection)},
              {"store_away_s", store_away_seconds()},
              {"reads", parts_.counters.reads.reads.load()},
              {"read_errors", parts_.counters.reads.errors.load()},
              {"bytes_read", parts_.counters.reads.bytes.load()},
              {"latency_us", latency_json(latency)}};
}

}  // namespace thaw
