// A daemon whose images are synthetic: the real supervisor, worker link, session, mount table and helpers,
// around one block file for each image, whose bytes are a file's on disk. Driven over its control socket, one
// JSON line a request.
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <thread>

#include "daemon/log/log.h"
#include "daemon/mounts/earlier_mounts.h"
#include "daemon/mounts/mount_helper.h"
#include "daemon/mounts/mount_table.h"
#include "daemon/processes/supervisor.h"
#include "daemon/processes/worker_link.h"
#include "daemon/processes/worker_pool.h"
#include "fuse/session.h"

namespace thaw {
namespace {

using Json = nlohmann::json;

constexpr uint64_t kCountersBytes = 64 * 1024;

// An opened image's bytes are the path of the file that it shows.
class DiskFiles final : public BlockFiles, public ImageHost {
 public:
  explicit DiskFiles(Executor& readers) : readers_(readers) {}

  Status show(const std::string& key, ByteView image) override {
    auto file = std::make_shared<File>();
    file->fd.reset(::open(std::string(as_text(image)).c_str(), O_RDONLY | O_CLOEXEC));
    struct stat info {};
    if (!file->fd.valid() || ::fstat(file->fd.get(), &info) != 0) return system_error(key, errno);
    file->shown = {key, static_cast<uint64_t>(info.st_size)};
    MutexLock lock(mutex_);
    files_[inode_of(key)] = std::move(file);
    return {};
  }
  void hide(const std::string& key) override {
    MutexLock lock(mutex_);
    files_.erase(inode_of(key));
  }

  std::shared_ptr<const BlockFile> find(uint64_t inode) const override {
    const auto file = file_of(inode);
    if (!file) return nullptr;
    return {file, &file->shown};
  }
  std::vector<BlockFile> list() const override {
    std::vector<BlockFile> all;
    MutexLock lock(mutex_);
    for (const auto& [inode, file] : files_) all.push_back(file->shown);
    return all;
  }
  void read(uint64_t inode, uint64_t offset, ReadReply reply) override {
    // On another thread, so that replies are in flight when the process is killed.
    readers_.post([file = file_of(inode), offset, reply = std::move(reply)]() mutable {
      if (!file) return;
      const Status read =
          reply.answer([&file, offset](MutableBytes out) { return read_exact(file->fd.get(), offset, out); });
      if (!read.ok()) reply.fail();
    });
  }

 private:
  struct File {
    Fd fd;
    BlockFile shown;
  };
  std::shared_ptr<File> file_of(uint64_t inode) const {
    MutexLock lock(mutex_);
    const auto found = files_.find(inode);
    return found == files_.end() ? nullptr : found->second;
  }

  Executor& readers_;
  mutable Mutex mutex_;
  std::map<uint64_t, std::shared_ptr<File>> files_ GUARDED_BY(mutex_);
};

Json to_json(const Mount& mount) {
  return {{"id", mount.id},         {"file", mount.file},
          {"device", mount.device}, {"mountpoint", mount.mountpoint},
          {"key", mount.key},       {"direct_io", mount.direct_io}};
}

Result<Json> carry_out(MountTable& table, const Json& request) {
  const std::string operation = request.at("operation");
  if (operation == "mount") {
    MountRequest parts;
    parts.key = request.at("key");
    parts.name = parts.key;
    parts.target = request.at("target");
    parts.pid = request.at("pid");
    parts.reopen = request.at("image");
    parts.id = request.value("id", "");
    THAW_ASSIGN(const Mount mount, table.mount(parts, as_bytes(parts.reopen)));
    return to_json(mount);
  }
  if (operation == "umount") {
    const Unmount how = request.value("lazy", false) ? Unmount::kLazy : Unmount::kIdle;
    THAW_TRY(table.umount({request.at("target"), request.at("pid"), how}));
    return Json::object();
  }
  if (operation == "list") {
    Json mounts = Json::array();
    for (const Mount& mount : table.list()) mounts.push_back(to_json(mount));
    return Json{{"mounts", mounts}, {"pid", ::getpid()}};
  }
  return Error{Code::kUsage, operation};
}

void serve_client(MountTable& table, const Fd& client) {
  std::array<char, 8192> text{};
  const ssize_t n = ::read(client.get(), text.data(), text.size());
  if (n <= 0) return;
  const Json request = Json::parse(std::string(text.data(), static_cast<size_t>(n)), nullptr, false);
  const Result<Json> answer = carry_out(table, request);
  const Json message = answer.ok() ? answer.value() : Json{{"error", answer.error().message}};
  static_cast<void>(write_all(client.get(), as_bytes(message.dump())).ok());
}

void serve_control(MountTable& table, const Fd& listener) {
  WorkerPool clients("client", 8);
  for (;;) {
    Fd client(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!client.valid()) return;
    clients.post([&table, connection = std::move(client)] { serve_client(table, connection); });
  }
}

void mount_earlier(MountTable& table, const std::vector<Record>& earlier) {
  for (const MountRequest& request : earlier_mounts(earlier)) {
    const auto mounted = table.mount(request, as_bytes(request.reopen));
    if (!mounted.ok()) log_warn("{}", mounted.error().message);
  }
}

Status run_worker(const std::string& run_dir, long linger_ms) {
  WorkerLink link;
  THAW_ASSIGN(Inheritance inheritance, link.inherit());
  WorkerPool pool("reply", 2);
  DiskFiles files(pool);
  HelperClient helpers;
  MountTable table({files, link, helpers, steady_clock()},
                   {.run_dir = run_dir, .linger = std::chrono::milliseconds(linger_ms)});
  THAW_TRY(table.restore(inheritance.records));

  ReadCounters counters;
  SessionOptions options;
  options.recorded_init = std::move(inheritance.fuse_init);
  options.record_init = [&link](ByteView init) {
    return link.put({kFuseInitRecord, std::string(as_text(init)), {}}, Keep::kInMemory);
  };
  THAW_ASSIGN(Session session,
              Session::start(std::move(inheritance.fuse), files, counters, std::move(options)));
  std::array<std::thread, 2> readers;
  for (auto& reader : readers) reader = start_thread("fuse", [&session] { session.run(); });
  THAW_TRY(link.ready());
  table.settle();
  mount_earlier(table, inheritance.earlier);
  std::thread sweeper = start_thread("sweep", [&table] { table.run_sweeper(); });
  std::thread control =
      start_thread("control", [&table, &inheritance] { serve_control(table, inheritance.control); });

  while (link.next_order() != Order::kStop) log_info("reload");
  table.stop();
  ::shutdown(inheritance.control.get(), SHUT_RDWR);
  control.join();
  sweeper.join();
  session.stop();
  for (auto& reader : readers) reader.join();
  return {};
}

int run_daemon(const std::string& run_dir, const std::string& state_dir, const std::string& linger_ms) {
  SupervisorOptions options;
  options.resources = {run_dir, state_dir, "", kCountersBytes};
  options.worker_arguments = {"test-daemon", "--worker", run_dir, linger_ms};
  return run_supervisor(options);
}

}  // namespace
}  // namespace thaw

int main(int argc, char** argv) {
  thaw::start_log();
  const std::vector<std::string> words(argv + 1, argv + argc);
  if (words.size() == 1 && words[0] == "--mount-helper") return thaw::mount_helper_main();
  if (words.size() == 3 && words[0] == "--worker") {
    const thaw::Status status = thaw::run_worker(words[1], std::stol(words[2]));
    if (!status.ok()) thaw::log_error("worker: {}", status.error().message);
    return status.ok() ? 0 : 1;
  }
  if (words.size() == 3) return thaw::run_daemon(words[0], words[1], words[2]);
  return 2;
}
