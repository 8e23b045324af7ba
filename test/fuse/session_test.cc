// Real FUSE: needs root and /dev/fuse.
#include "fuse/session.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cerrno>
#include <filesystem>
#include <set>
#include <thread>

#include "fuse/mount.h"
#include "test/fuse/synthetic_files.h"

namespace thaw::session_test {
namespace {

constexpr uint64_t kFileBytes = 64 << 20;

class MountedFolder {
 public:
  MountedFolder() {
    if (::geteuid() != 0 || ::access("/dev/fuse", F_OK) != 0) FAIL("needs root and /dev/fuse");
    REQUIRE(::mkdtemp(path_.data()) != nullptr);
    auto mounted = mount_fuse(path_);
    if (!mounted.ok()) FAIL(mounted.error().message);
    device_ = std::move(mounted).value();
  }
  ~MountedFolder() {
    ::umount2(path_.c_str(), MNT_FORCE);  // nothing may wait for a session that is gone
    ::umount2(path_.c_str(), MNT_DETACH);
    ::rmdir(path_.c_str());
  }

  Fd device() const { return Fd(::fcntl(device_.get(), F_DUPFD_CLOEXEC, 3)); }
  std::string file(const std::string& name) const { return path_ + "/" + name; }
  const std::string& path() const { return path_; }

 private:
  std::string path_ = "/tmp/thaw-fuse-test-XXXXXX";
  Fd device_;
};

SessionOptions fresh(Bytes& record) {
  SessionOptions options;
  options.record_init = [&record](ByteView message) {
    record.assign(message.begin(), message.end());
    return Status{};
  };
  return options;
}

// A session with two readers.
class Served {
 public:
  Served(const MountedFolder& folder, BlockFiles& files, SessionOptions options) {
    auto started = Session::start(folder.device(), files, counters, std::move(options));
    if (!started.ok()) FAIL(started.error().message);
    session_ = std::make_unique<Session>(std::move(started).value());
    for (auto& reader : readers_) reader = std::thread([this] { session_->run(); });
  }
  ~Served() {
    session_->stop();
    for (auto& reader : readers_) reader.join();
  }

  ReadCounters counters;

 private:
  std::unique_ptr<Session> session_;
  std::array<std::thread, 2> readers_;
};

Bytes read_at(const std::string& path, uint64_t offset, size_t size, int flags) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | flags));
  if (!fd.valid()) FAIL(path << ": " << std::strerror(errno));
  Buffer out(size);
  const ssize_t n = ::pread(fd.get(), out.data(), size, static_cast<off_t>(offset));
  if (n < 0) FAIL(path << ": " << std::strerror(errno));
  return Bytes(out.data(), out.data() + n);
}

std::set<std::string> names_in(const std::string& path) {
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(path)) names.insert(entry.path().filename());
  return names;
}

int open_error(const std::string& path, int flags) {
  const Fd fd(::open(path.c_str(), flags | O_CLOEXEC));
  return fd.valid() ? 0 : errno;
}

}  // namespace

TEST_CASE("block files are shown and read through FUSE") {
  const MountedFolder folder;
  SyntheticFiles files;
  files.add({"image", kFileBytes});
  files.add({"odd", 10'001});
  Bytes record;
  const Served served(folder, files, fresh(record));

  SECTION("attributes") {
    struct stat info {};
    REQUIRE(::stat(folder.file("image").c_str(), &info) == 0);
    CHECK(info.st_size == kFileBytes);
    CHECK(info.st_mode == (S_IFREG | 0400));
    CHECK(info.st_uid == 0);
    CHECK(info.st_ino == inode_of("image"));
    struct statvfs volume {};
    REQUIRE(::statvfs(folder.path().c_str(), &volume) == 0);
    CHECK(volume.f_files == 2);
  }
  SECTION("buffered, direct, across the end") {
    CHECK(read_at(folder.file("image"), 12'345, 300'000, 0) == synthetic(12'345, 300'000));
    CHECK(read_at(folder.file("image"), 1 << 20, 1 << 20, O_DIRECT) == synthetic(1 << 20, 1 << 20));
    CHECK(read_at(folder.file("odd"), 8192, 4096, 0) == synthetic(8192, 10'001 - 8192));
    CHECK(read_at(folder.file("odd"), 8192, 4096, O_DIRECT) == synthetic(8192, 10'001 - 8192));
    CHECK(read_at(folder.file("odd"), 20'480, 4096, O_DIRECT).empty());
  }
  SECTION("a direct read of 1 MiB is one request") {
    const uint64_t before = served.counters.reads;
    read_at(folder.file("image"), 4 << 20, 1 << 20, O_DIRECT);
    CHECK(served.counters.reads - before == 1);
  }
  SECTION("nothing can be written") {
    CHECK(open_error(folder.file("image"), O_WRONLY) == EROFS);
    CHECK(open_error(folder.file("image"), O_RDWR) == EROFS);
    CHECK(open_error(folder.file("new"), O_WRONLY | O_CREAT) == EROFS);
    CHECK(::unlink(folder.file("image").c_str()) != 0);
  }
  CHECK(served.counters.errors == 0);
}

TEST_CASE("files come and go while the session runs") {
  const MountedFolder folder;
  SyntheticFiles files;
  Bytes record;
  const Served served(folder, files, fresh(record));
  CHECK(names_in(folder.path()).empty());
  CHECK(open_error(folder.file("image"), O_RDONLY) == ENOENT);

  files.add({"image", 4096});
  CHECK(names_in(folder.path()) == std::set<std::string>{"image"});
  CHECK(open_error(folder.file("image"), O_RDONLY) == 0);
  files.remove("image");
  CHECK(names_in(folder.path()).empty());
  CHECK(open_error(folder.file("image"), O_RDONLY) == ENOENT);

  std::set<std::string> many;
  for (int i = 0; i < 2000; ++i) {
    many.insert("image-" + std::to_string(i));
    files.add({"image-" + std::to_string(i), 4096});
  }
  CHECK(names_in(folder.path()) == many);
}

TEST_CASE("a session goes on where another one stopped") {
  const MountedFolder folder;
  SyntheticFiles files;
  files.add({"image", kFileBytes});
  Bytes record;
  { const Served first(folder, files, fresh(record)); }
  REQUIRE_FALSE(record.empty());

  Fd open_before = [&] {
    const Served second(folder, files, {.recorded_init = record, .record_init = {}});
    return Fd(::open(folder.file("image").c_str(), O_RDONLY | O_DIRECT | O_CLOEXEC));
  }();
  REQUIRE(open_before.valid());
  const Served third(folder, files, {.recorded_init = record, .record_init = {}});
  Buffer out(1 << 20);
  REQUIRE(::pread(open_before.get(), out.data(), out.size(), 0) == static_cast<ssize_t>(out.size()));
  CHECK(Bytes(out.data(), out.data() + out.size()) == synthetic(0, 1 << 20));
}

TEST_CASE("a record that is none is refused") {
  const MountedFolder folder;
  SyntheticFiles files;
  ReadCounters counters;
  auto started =
      Session::start(folder.device(), files, counters, {.recorded_init = Bytes(80, 1), .record_init = {}});
  REQUIRE_FALSE(started.ok());
  CHECK(started.error().code == Code::kDamaged);
}

TEST_CASE("a connection that nobody can record is not served") {
  const MountedFolder folder;
  SyntheticFiles files;
  ReadCounters counters;
  SessionOptions options;
  options.record_init = [](ByteView) -> Status { return Error{Code::kUnreachable, "nobody keeps it"}; };
  auto started = Session::start(folder.device(), files, counters, std::move(options));
  REQUIRE_FALSE(started.ok());
  CHECK(started.error().code == Code::kUnreachable);

  // The next process still finds the FUSE_INIT, unanswered in the kernel.
  files.add({"image", 4096});
  Bytes record;
  const Served served(folder, files, fresh(record));
  CHECK(read_at(folder.file("image"), 0, 4096, 0) == synthetic(0, 4096));
}

namespace {

// Says that a read has arrived, and never answers it.
class HoldingFiles final : public BlockFiles {
 public:
  explicit HoldingFiles(int arrived) : arrived_(arrived) {}
  std::shared_ptr<const BlockFile> find(uint64_t) const override {
    return std::make_shared<BlockFile>(BlockFile{"image", kFileBytes});
  }
  std::vector<BlockFile> list() const override { return {{"image", kFileBytes}}; }
  void read(uint64_t, uint64_t, ReadReply reply) override {
    MutexLock lock(mutex_);
    held_.push_back(std::move(reply));
    const char byte = 1;
    if (::write(arrived_, &byte, 1) != 1) ::_exit(3);
  }

 private:
  int arrived_;
  Mutex mutex_;
  std::vector<ReadReply> held_ GUARDED_BY(mutex_);
};

struct Pipe {
  Pipe() {
    int ends[2];
    REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    out.reset(ends[0]);
    in.reset(ends[1]);
  }
  Fd out;
  Fd in;
};

[[noreturn]] void serve_and_exit(const MountedFolder& folder, BlockFiles& files, SessionOptions options) {
  ReadCounters counters;
  auto session = Session::start(folder.device(), files, counters, std::move(options));
  if (session.ok()) session.value().run();
  ::_exit(4);
}

// A server that takes reads without answering; it writes its FUSE_INIT and then a byte for each read.
pid_t fork_holder(const MountedFolder& folder, const Pipe& news) {
  const pid_t pid = ::fork();
  if (pid != 0) return pid;
  HoldingFiles files(news.in.get());
  SessionOptions options;
  options.record_init = [&news](ByteView message) { return write_all(news.in.get(), message); };
  serve_and_exit(folder, files, std::move(options));
}

// A server that waits for the record of the connection.
pid_t fork_successor(const MountedFolder& folder, const Pipe& record) {
  const pid_t pid = ::fork();
  if (pid != 0) return pid;
  SyntheticFiles files;
  files.add({"image", kFileBytes});
  Bytes init(4096);
  const ssize_t n = ::read(record.out.get(), init.data(), init.size());
  if (n <= 0) ::_exit(5);
  init.resize(static_cast<size_t>(n));
  serve_and_exit(folder, files, {.recorded_init = std::move(init), .record_init = {}});
}

void kill_and_reap(pid_t pid) {
  ::kill(pid, SIGKILL);
  ::waitpid(pid, nullptr, 0);
}

}  // namespace

TEST_CASE("reads in flight when a process is killed are answered by the next one") {
  constexpr int kReaders = 8;
  const MountedFolder folder;
  const Pipe news;
  const Pipe record;
  const pid_t holder = fork_holder(folder, news);
  const pid_t successor = fork_successor(folder, record);
  Bytes init(4096);
  const ssize_t n = ::read(news.out.get(), init.data(), init.size());
  REQUIRE(n > 0);

  std::array<Bytes, kReaders> answers;
  std::array<std::thread, kReaders> readers;
  for (size_t i = 0; i < kReaders; ++i) {
    readers[i] = std::thread([&answers, &folder, i] {
      answers[i].resize(128 << 10);
      Buffer out(answers[i].size());
      const Fd fd(::open(folder.file("image").c_str(), O_RDONLY | O_DIRECT | O_CLOEXEC));
      if (::pread(fd.get(), out.data(), out.size(), static_cast<off_t>(i << 20)) > 0) {
        answers[i].assign(out.data(), out.data() + out.size());
      }
    });
  }
  for (int arrived = 0; arrived < kReaders; ++arrived) {
    char byte = 0;
    REQUIRE(::read(news.out.get(), &byte, 1) == 1);
  }
  kill_and_reap(holder);
  CHECK(write_all(record.in.get(), ByteView(init).first(static_cast<size_t>(n))).ok());
  for (auto& reader : readers) reader.join();
  kill_and_reap(successor);
  for (size_t i = 0; i < kReaders; ++i) CHECK(answers[i] == synthetic(i << 20, 128 << 10));
}

}  // namespace thaw::session_test
