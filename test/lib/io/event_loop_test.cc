#include "lib/io/event_loop.h"

#include <sys/epoll.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <functional>
#include <future>
#include <thread>

#include "test/fakes/loop_thread.h"

namespace thaw::event_loop_test {
namespace {

using std::chrono::milliseconds;

struct Pipe {
  Pipe() {
    std::array<int, 2> ends{};
    REQUIRE(::pipe(ends.data()) == 0);
    read_end.reset(ends[0]);
    write_end.reset(ends[1]);
  }
  Fd read_end;
  Fd write_end;
};

struct Listener final : FdEvents {
  void on_events(uint32_t events) override { heard(events); }
  std::function<void(uint32_t)> heard = [](uint32_t) {};
};

}  // namespace

TEST_CASE("posted tasks run on the loop's thread, in order", "[event_loop]") {
  LoopThread loop;
  std::vector<int> order;
  std::thread::id where;
  loop.loop().post([&] { order.push_back(1); });
  loop.loop().post([&] { order.push_back(2); });
  loop.run([&] { where = std::this_thread::get_id(); });
  CHECK(order == std::vector<int>{1, 2});
  CHECK(where != std::this_thread::get_id());
}

TEST_CASE("timers run in the order of their times and not before them", "[event_loop]") {
  LoopThread loop;
  std::vector<int> order;
  std::promise<TimePoint> last;
  const TimePoint start = loop.loop().now();
  loop.loop().call_at(start + milliseconds(3), [&] { last.set_value(loop.loop().now()); });
  loop.loop().call_at(start + milliseconds(2), [&] { order.push_back(2); });
  loop.loop().call_at(start - milliseconds(1), [&] { order.push_back(1); });
  loop.loop().call_at(TimePoint::max(), [] { FAIL("never due"); });
  CHECK(last.get_future().get() >= start + milliseconds(3));
  CHECK(order == std::vector<int>{1, 2});
}

TEST_CASE("tasks that never ran are destroyed", "[event_loop]") {
  auto held = std::make_shared<int>(1);
  {
    auto loop = EventLoop::create().value();
    loop->post([held] { FAIL("the loop never runs"); });
    loop->call_at(TimePoint::max(), [held] { FAIL("never due"); });
    CHECK(held.use_count() == 3);
    loop->stop();
    loop->post([held] { FAIL("the loop was stopped"); });
    CHECK(held.use_count() == 3);
    loop->run();
  }
  CHECK(held.use_count() == 1);
}

TEST_CASE("a watch hears until it ends", "[event_loop]") {
  Pipe pipe;
  Listener listener;
  LoopThread loop;
  std::promise<uint32_t> heard;
  int times = 0;
  EventLoop::WatchId watch = 0;
  listener.heard = [&](uint32_t events) {
    ++times;
    loop.loop().unwatch(watch);
    heard.set_value(events);
  };
  loop.run([&] { watch = loop.loop().watch(pipe.read_end.get(), EPOLLIN, listener).value(); });
  REQUIRE(::write(pipe.write_end.get(), "x", 1) == 1);
  CHECK((heard.get_future().get() & EPOLLIN) != 0);
  loop.run([] {});
  CHECK(times == 1);
}

}  // namespace thaw::event_loop_test
