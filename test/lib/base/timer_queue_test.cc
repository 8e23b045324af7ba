#include "lib/base/timer_queue.h"

#include <catch2/catch.hpp>

#include <future>
#include <memory>
#include <thread>
#include <vector>

namespace thaw::timer_queue_test {
namespace {

using std::chrono::milliseconds;

}  // namespace

TEST_CASE("timers run in the order of their times, not before them, and not inside the call",
          "[timer_queue]") {
  TimerQueue queue;
  std::vector<int> order;
  std::promise<TimePoint> last;
  const TimePoint start = queue.now();
  queue.call_at(start + milliseconds(3), [&] { last.set_value(queue.now()); });
  queue.call_at(start + milliseconds(2), [&] { order.push_back(2); });
  queue.call_at(start - milliseconds(1), [&] { order.push_back(1); });
  CHECK(order.empty());
  std::thread runner([&] { queue.run(); });
  CHECK(last.get_future().get() >= start + milliseconds(3));
  queue.stop();
  runner.join();
  CHECK(order == std::vector<int>{1, 2});
}

TEST_CASE("an earlier timer overtakes one that is waited for", "[timer_queue]") {
  TimerQueue queue;
  std::thread runner([&] { queue.run(); });
  queue.call_at(TimePoint::max(), [] { FAIL("never due"); });
  std::promise<void> ran;
  queue.call_at(queue.now(), [&] { ran.set_value(); });
  ran.get_future().get();
  queue.stop();
  runner.join();
}

TEST_CASE("tasks that never ran are destroyed with the queue", "[timer_queue]") {
  auto held = std::make_shared<int>(1);
  {
    TimerQueue queue;
    queue.call_at(TimePoint::max(), [held] { FAIL("never due"); });
    queue.stop();
    queue.run();
    CHECK(held.use_count() == 2);
  }
  CHECK(held.use_count() == 1);
}

}  // namespace thaw::timer_queue_test
