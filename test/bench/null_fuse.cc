// null_fuse DIR BYTES [READERS]: a FUSE file DIR/null that is answered from memory, over the same session
// with the same settings as thawd: the ceiling that reads through Thaw are held against. Ends with SIGTERM or
// SIGINT, and unmounts. Needs root and /dev/fuse.
#include <signal.h>
#include <sys/mount.h>

#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

#include "fuse/mount.h"
#include "fuse/session.h"

namespace thaw {
namespace {

class NullFile final : public BlockFiles {
 public:
  explicit NullFile(uint64_t size)
      : file_(std::make_shared<BlockFile>(BlockFile{"null", size})), bytes_(kMaxReadBytes, 0x5a) {}

  std::shared_ptr<const BlockFile> find(uint64_t inode) const override {
    if (inode != inode_of(file_->name)) return nullptr;
    return file_;
  }
  std::vector<BlockFile> list() const override { return {*file_}; }
  void read(uint64_t, uint64_t, ReadReply reply) override {
    const uint32_t length = reply.length();
    reply.answer_bytes(ByteView(bytes_).first(length));
  }

 private:
  const std::shared_ptr<const BlockFile> file_;
  const Bytes bytes_;
};

sigset_t block_stop_signals() {
  sigset_t set;
  ::sigemptyset(&set);
  ::sigaddset(&set, SIGTERM);
  ::sigaddset(&set, SIGINT);
  ::sigprocmask(SIG_BLOCK, &set, nullptr);
  return set;
}

Status serve(const std::string& folder, uint64_t bytes, size_t readers) {
  const sigset_t stop_signals = block_stop_signals();
  NullFile file(bytes);
  ReadCounters counters;
  SessionOptions options;
  options.record_init = [](ByteView) { return Status{}; };
  THAW_ASSIGN(Fd device, mount_fuse(folder));
  auto session = Session::start(std::move(device), file, counters, std::move(options));
  if (session.ok()) {
    std::vector<std::thread> threads;
    for (size_t i = 0; i < readers; ++i) threads.emplace_back([&session] { session->run(); });
    std::printf("ready\n");
    std::fflush(stdout);
    int number = 0;
    ::sigwait(&stop_signals, &number);
    session->stop();
    for (auto& thread : threads) thread.join();
  }
  ::umount2(folder.c_str(), MNT_DETACH);
  return session.ok() ? Status{} : Status(session.error());
}

}  // namespace
}  // namespace thaw

int main(int argc, char** argv) {
  const uint64_t bytes = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 0;
  const uint64_t readers = argc > 3 ? std::strtoull(argv[3], nullptr, 10) : 2;
  if (bytes == 0 || readers == 0 || readers > 64) {
    std::fprintf(stderr, "usage: null_fuse DIR BYTES [READERS]\n");
    return 2;
  }
  const thaw::Status status = thaw::serve(argv[1], bytes, readers);
  if (!status.ok()) std::fprintf(stderr, "null_fuse: %s\n", status.error().message.c_str());
  return status.ok() ? 0 : 1;
}
