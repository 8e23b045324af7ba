#include "lib/io/uring_disk_file.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <iterator>
#include <numeric>
#include <thread>
#include <utility>

namespace thaw {
namespace {

// The registered files.
constexpr int kFile = 0;
constexpr int kWake = 1;

// What the kernel hands back with the read of the eventfd; all other numbers are slots.
constexpr uint64_t kWakeResult = ~uint64_t{0};

// A result is an int.
constexpr size_t kMostAtOnce = 1U << 30;

// The kernel had no memory to take an operation.
constexpr std::chrono::milliseconds kNoMemoryPause{1};

Error cancelled() { return {Code::kCancelled, "the file was closed before the operation began"}; }

}  // namespace

UringDiskFile::UringDiskFile(uint32_t depth)
    : depth_(depth), wake_(::eventfd(0, EFD_CLOEXEC)), in_flight_(depth), free_slots_(depth) {
  std::iota(free_slots_.rbegin(), free_slots_.rend(), 0U);
}

Result<std::unique_ptr<UringDiskFile>> UringDiskFile::create(int fd, uint32_t depth) {
  auto file = std::unique_ptr<UringDiskFile>(new UringDiskFile(depth));
  if (!file->wake_.valid()) return system_error("eventfd", errno);
  THAW_TRY(file->open_ring(fd));
  THAW_TRY(file->try_ring());
  return file;
}

Status UringDiskFile::open_ring(int fd) {
  // One more for the eventfd: then there is always room, since each operation has one entry at a time.
  const int opened = ::io_uring_queue_init(depth_ + 1, &ring_, 0);
  if (opened < 0) return system_error("io_uring_setup", -opened);
  open_ = true;
  const std::array<int, 2> files = {fd, wake_.get()};
  const int added = ::io_uring_register_files(&ring_, files.data(), static_cast<unsigned>(files.size()));
  if (added < 0) return system_error("io_uring_register", -added);
  return {};
}

// A filter may let the ring be made and refuse to enter it, and an old kernel lacks operations.
Status UringDiskFile::try_ring() {
  const std::unique_ptr<io_uring_probe, void (*)(io_uring_probe*)> probe(::io_uring_get_probe_ring(&ring_),
                                                                         ::io_uring_free_probe);
  for (const int needed : {IORING_OP_READ, IORING_OP_WRITE, IORING_OP_FSYNC}) {
    if (!probe || ::io_uring_opcode_supported(probe.get(), needed) == 0) {
      return Error{Code::kFailed, "io_uring of this kernel cannot read and write files"};
    }
  }
  ::io_uring_prep_nop(::io_uring_get_sqe(&ring_));
  int entered = 0;
  do {
    entered = ::io_uring_submit_and_wait(&ring_, 1);
  } while (entered == -EINTR);
  if (entered < 0) return system_error("io_uring_enter", -entered);
  io_uring_cqe* result = nullptr;
  const int waited = ::io_uring_wait_cqe(&ring_, &result);
  if (waited < 0) return system_error("io_uring_enter", -waited);
  ::io_uring_cqe_seen(&ring_, result);
  return {};
}

UringDiskFile::~UringDiskFile() {
  stop();
  if (open_) ::io_uring_queue_exit(&ring_);
  // What run() never saw completes with an error, outside the lock: it may ask for more.
  Operations queued;
  MutexLock lock(mutex_);
  queued.swap(queued_);
}

void UringDiskFile::read(uint64_t offset, Buffer buffer, Completion<Buffer> done) {
  submit({Kind::kRead, offset, std::move(buffer), std::move(done)});
}

void UringDiskFile::write(uint64_t offset, Buffer buffer, Completion<Buffer> done) {
  submit({Kind::kWrite, offset, std::move(buffer), std::move(done)});
}

void UringDiskFile::sync(Completion<bool> done) {
  submit({Kind::kSync, 0, Buffer(), [done = std::move(done)](Result<Buffer> result) mutable {
            if (!result.ok()) return done(result.error());
            done(true);
          }});
}

void UringDiskFile::submit(Operation operation) {
  if (!enqueue(operation)) operation.done(cancelled());
}

// False: it is too late, and `operation` is untouched.
bool UringDiskFile::enqueue(Operation& operation) {
  bool must_wake = false;
  {
    MutexLock lock(mutex_);
    if (stopping_) return false;
    queued_.push_back(std::move(operation));
    must_wake = !std::exchange(woken_, true);
  }
  if (must_wake) wake();
  return true;
}

void UringDiskFile::stop() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  wake();
}

void UringDiskFile::wake() {
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(wake_.get(), &one, sizeof one);
}

void UringDiskFile::run() {
  while (true) {
    const bool stopping = begin_queued();
    if (stopping && !listening_ && free_slots_.size() == depth_) return;
    if (!stopping && !listening_) listen();
    wait();
    take_results();
  }
}

// Gives the kernel what it has room for, or cancels all when it is time to stop: true.
bool UringDiskFile::begin_queued() {
  Operations taken;
  bool stopping = false;
  {
    MutexLock lock(mutex_);
    stopping = stopping_;
    if (stopping || queued_.size() <= free_slots_.size()) {
      taken.swap(queued_);
    } else {
      const auto end = queued_.begin() + static_cast<ptrdiff_t>(free_slots_.size());
      std::move(queued_.begin(), end, std::back_inserter(taken));
      queued_.erase(queued_.begin(), end);
    }
  }
  for (Operation& operation : taken) {
    if (stopping) {
      operation.done(cancelled());
      continue;
    }
    const uint32_t slot = free_slots_.back();
    free_slots_.pop_back();
    in_flight_.at(slot) = std::move(operation);
    begin(slot);
  }
  return stopping;
}

// Also for the rest of an operation that the kernel cut short.
void UringDiskFile::begin(uint32_t slot) {
  Operation& operation = in_flight_.at(slot);
  uint8_t* const start = operation.buffer.data() + operation.moved;
  const auto bytes = static_cast<unsigned>(std::min(operation.buffer.size() - operation.moved, kMostAtOnce));
  const uint64_t offset = operation.offset + operation.moved;
  io_uring_sqe* const entry = ::io_uring_get_sqe(&ring_);
  switch (operation.kind) {
    case Kind::kRead:
      ::io_uring_prep_read(entry, kFile, start, bytes, offset);
      break;
    case Kind::kWrite:
      ::io_uring_prep_write(entry, kFile, start, bytes, offset);
      break;
    case Kind::kSync:
      ::io_uring_prep_fsync(entry, kFile, IORING_FSYNC_DATASYNC);
      break;
  }
  ::io_uring_sqe_set_flags(entry, IOSQE_FIXED_FILE);
  ::io_uring_sqe_set_data64(entry, slot);
}

void UringDiskFile::listen() {
  io_uring_sqe* const entry = ::io_uring_get_sqe(&ring_);
  ::io_uring_prep_read(entry, kWake, &woken_times_, sizeof woken_times_, 0);
  ::io_uring_sqe_set_flags(entry, IOSQE_FIXED_FILE);
  ::io_uring_sqe_set_data64(entry, kWakeResult);
  listening_ = true;
}

// Hands over what was begun and waits for one result at least.
void UringDiskFile::wait() {
  const int taken = ::io_uring_submit_and_wait(&ring_, 1);
  // What was not taken stays in the ring and goes with the next call.
  if (taken < 0 && taken != -EINTR) std::this_thread::sleep_for(kNoMemoryPause);
}

void UringDiskFile::take_results() {
  io_uring_cqe* entry = nullptr;
  while (::io_uring_peek_cqe(&ring_, &entry) == 0) {
    const uint64_t data = ::io_uring_cqe_get_data64(entry);
    const int result = entry->res;
    ::io_uring_cqe_seen(&ring_, entry);
    if (data != kWakeResult) {
      take_result(static_cast<uint32_t>(data), result);
      continue;
    }
    listening_ = false;
    MutexLock lock(mutex_);
    woken_ = false;
  }
}

void UringDiskFile::take_result(uint32_t slot, int result) {
  Operation& operation = in_flight_.at(slot);
  const char* const name = operation.kind == Kind::kRead    ? "read"
                           : operation.kind == Kind::kWrite ? "write"
                                                            : "sync";
  if (result == -EINTR || result == -EAGAIN) return begin(slot);
  if (result < 0) return finish(slot, system_error(name, -result));
  operation.moved += static_cast<size_t>(result);
  if (operation.moved == operation.buffer.size()) return finish(slot, std::move(operation.buffer));
  if (result > 0) return begin(slot);
  if (operation.kind == Kind::kWrite) return finish(slot, system_error(name, EIO));
  finish(slot, Error{Code::kDamaged, "the file is shorter than it should be"});
}

void UringDiskFile::finish(uint32_t slot, Result<Buffer> result) {
  Operation operation = std::exchange(in_flight_.at(slot), {});
  free_slots_.push_back(slot);
  operation.done(std::move(result));
}

}  // namespace thaw
