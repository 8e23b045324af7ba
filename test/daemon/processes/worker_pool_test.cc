#include "daemon/processes/worker_pool.h"

#include <pthread.h>

#include <catch2/catch.hpp>
#include <future>
#include <set>

#include "lib/base/completion.h"

namespace thaw::worker_pool_test {

TEST_CASE("tasks run on the pool's own threads, all at the same time") {
  WorkerPool pool("pool", 3);
  Mutex mutex;
  CondVar all_there;
  std::set<std::thread::id> threads;
  std::array<std::promise<std::string>, 3> names;
  for (auto& name : names) {
    pool.post([&] {
      // Each waits for the others: with fewer threads this would never end.
      MutexLock lock(mutex);
      threads.insert(std::this_thread::get_id());
      all_there.notify_all();
      while (threads.size() < 3) all_there.wait(mutex);
      std::array<char, 16> text{};
      ::pthread_getname_np(::pthread_self(), text.data(), text.size());
      name.set_value(text.data());
    });
  }
  std::set<std::string> seen;
  for (auto& name : names) seen.insert(name.get_future().get());
  CHECK(threads.size() == 3);
  CHECK_FALSE(threads.contains(std::this_thread::get_id()));
}

TEST_CASE("what a task holds goes with it, also when there is no other task") {
  WorkerPool pool("pool", 1);
  std::promise<Code> code;
  Completion<int> forgotten([&code](Result<int> result) { code.set_value(result.error().code); });
  pool.post([completion = std::move(forgotten)] { static_cast<void>(completion); });
  CHECK(code.get_future().get() == Code::kCancelled);
}

TEST_CASE("a pool that stops completes what waits with an error") {
  WorkerPool pool("pool", 1);
  std::promise<void> started;
  std::promise<void> go_on;
  pool.post([&] {
    started.set_value();
    go_on.get_future().wait();
  });
  started.get_future().wait();
  std::promise<Code> code;
  Completion<int> waiting([&code](Result<int> result) { code.set_value(result.error().code); });
  pool.post([completion = std::move(waiting)]() mutable { completion(1); });
  std::thread stopper([&pool] { pool.stop(); });
  CHECK(code.get_future().get() == Code::kCancelled);  // while the first still runs
  go_on.set_value();
  stopper.join();

  bool destroyed = false;
  Completion<int> late([&destroyed](Result<int> result) { destroyed = !result.ok(); });
  pool.post([completion = std::move(late)]() mutable { completion(1); });
  CHECK(destroyed);
}

}  // namespace thaw::worker_pool_test
