// FakeNode: a cache node on 127.0.0.1 that lies as it is told to. Speaks as much of the meta protocol as the
// zone tier does (mg, ms, md with an opaque); real threads, blocking sockets.
#pragma once

#include <atomic>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "lib/erasure/shard_format.h"
#include "test/cache/zone/memcached_process.h"

namespace thaw {

enum class Lie : uint8_t {
  kNone,
  kOtherChunk,     // the bytes of another key
  kFlippedHeader,  // one bit
  kFlippedPayload,
  kForged,       // another payload with a header that fits it
  kShort,        // a shorter value
  kLong,         // a longer one
  kHuge,         // claims 4 GB
  kCut,          // ends the connection inside the value
  kGarbage,      // not memcached's protocol
  kWrongOpaque,  // answers another request
  kSilence,      // reads and answers nothing
  kEndless,      // a line that never ends
};

class FakeNode {
 public:
  FakeNode() : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    SocketAddress address = resolve_address("127.0.0.1", 0).value();
    REQUIRE(::bind(listener_.get(), address.get(), address.length) == 0);
    REQUIRE(::listen(listener_.get(), 64) == 0);
    ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address.storage), &address.length);
    port_ = ntohs(reinterpret_cast<const sockaddr_in*>(&address.storage)->sin_port);
    acceptor_ = std::thread([this] { accept_all(); });
  }
  ~FakeNode() {
    ::shutdown(listener_.get(), SHUT_RDWR);
    acceptor_.join();
    for (const auto& socket : sockets_) ::shutdown(socket->get(), SHUT_RDWR);
    for (std::thread& server : servers_) server.join();
  }

  std::string name() const { return "127.0.0.1:" + std::to_string(port_); }
  void tell(Lie lie) { lie_ = lie; }
  size_t items() const {
    const std::lock_guard lock(mutex_);
    return items_.size();
  }
  std::atomic<uint32_t> gets = 0;
  std::atomic<uint32_t> sets = 0;
  std::atomic<uint32_t> removes = 0;
  std::atomic<uint32_t> replies = 0;  // sent

 private:
  void accept_all() {
    while (true) {
      auto socket = std::make_unique<Fd>(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!socket->valid()) return;
      const int fd = socket->get();
      sockets_.push_back(std::move(socket));
      servers_.emplace_back([this, fd] { serve(fd); });
    }
  }

  void serve(int fd) {
    std::string input;
    std::array<char, 65536> block;
    const auto more = [&] {
      const ssize_t got = ::recv(fd, block.data(), block.size(), 0);
      if (got > 0) input.append(block.data(), static_cast<size_t>(got));
      return got > 0;
    };
    while (true) {
      const size_t end = input.find("\r\n");
      if (end == std::string::npos) {
        if (!more()) return;
        continue;
      }
      std::istringstream words(input.substr(0, end));
      std::string command;
      std::string key;
      words >> command >> key;
      input.erase(0, end + 2);
      std::string value;
      if (command == "ms") {
        size_t length = 0;
        words >> length;
        while (input.size() < length + 2) {
          if (!more()) return;
        }
        value = input.substr(0, length);
        input.erase(0, length + 2);
      }
      std::string word;
      std::string opaque;
      while (words >> word) {
        if (word.front() == 'O') opaque = " " + word;
      }
      const std::string reply = answer(command, key, value, opaque);
      if (!reply.empty() && ::send(fd, reply.data(), reply.size(), MSG_NOSIGNAL) < 0) return;
      if (!reply.empty()) ++replies;
      if (lie_ == Lie::kCut && command == "mg" && reply.starts_with("VA")) {
        ::shutdown(fd, SHUT_RDWR);
        return;
      }
    }
  }

  std::string answer(const std::string& command, const std::string& key, const std::string& value,
                     const std::string& opaque) {
    const Lie lie = lie_;
    if (lie == Lie::kSilence) return "";
    const std::lock_guard lock(mutex_);
    if (command == "ms") {
      ++sets;
      items_[key] = value;
      return "HD" + opaque + "\r\n";
    }
    if (command == "md") {
      ++removes;
      return (items_.erase(key) > 0 ? "HD" : "NF") + opaque + "\r\n";
    }
    ++gets;
    if (lie == Lie::kGarbage) return "HTTP/1.1 400 Bad Request\r\n";
    if (lie == Lie::kEndless) return std::string(5000, 'x');
    if (lie == Lie::kHuge) return "VA 4000000000" + opaque + "\r\n";
    if (lie == Lie::kWrongOpaque) return "EN O123456789\r\n";
    const auto found = items_.find(key);
    if (found == items_.end()) return "EN" + opaque + "\r\n";
    return value_of(found, lie, opaque);
  }

  std::string value_of(std::map<std::string, std::string>::iterator found, Lie lie,
                       const std::string& opaque) {
    if (lie == Lie::kOtherChunk) {
      auto other = std::next(found);
      found = other == items_.end() ? items_.begin() : other;
    }
    std::string value = found->second;
    if (lie == Lie::kFlippedHeader) value[20] = static_cast<char>(value[20] ^ 4);
    if (lie == Lie::kFlippedPayload) value[value.size() / 2] = static_cast<char>(value[value.size() / 2] ^ 4);
    if (lie == Lie::kForged) forge(value);
    if (lie == Lie::kShort) value.resize(value.size() - 1);
    if (lie == Lie::kLong) value += "more";
    std::string reply = "VA " + std::to_string(value.size()) + opaque + "\r\n" + value + "\r\n";
    if (lie == Lie::kCut) reply.resize(reply.size() / 2);
    return reply;
  }

  // What a node could do that knows the format.
  static void forge(std::string& value) {
    value.back() = static_cast<char>(value.back() ^ 1);
    const ByteView bytes = as_bytes(value);
    ShardName name;
    std::copy(bytes.begin() + 16, bytes.begin() + 48, name.chunk.id.bytes.begin());
    for (size_t i = 0; i < 4; ++i) name.chunk.stored_length |= uint32_t{bytes[8 + i]} << (8 * i);
    name.data_shards = bytes[5];
    name.parity_shards = bytes[6];
    name.index = bytes[7];
    const ShardHeader header = make_shard_header(name, bytes.subspan(kShardHeaderBytes));
    std::copy(header.begin(), header.end(), value.begin());
  }

  const Fd listener_;
  uint16_t port_ = 0;
  std::atomic<Lie> lie_ = Lie::kNone;
  mutable std::mutex mutex_;
  std::map<std::string, std::string> items_;
  // Of the acceptor's thread until it ends.
  std::vector<std::unique_ptr<Fd>> sockets_;
  std::vector<std::thread> servers_;
  std::thread acceptor_;
};

}  // namespace thaw
