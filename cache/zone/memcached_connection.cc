#include "cache/zone/memcached_connection.h"

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include "lib/base/one_line.h"

namespace thaw {
namespace {

// A value that nobody can have asked for: not worth the time to read past it.
constexpr uint64_t kMaxValueBytes = 2 << 20;

uint64_t size_of(const ValueSink::Into& into) { return into[0].size() + into[1].size(); }

Connection::Options options_of(const ZoneNode& node, const NodeLimits& limits) {
  Connection::Options options;
  options.max_queued_bytes = limits.queued_write_bytes;
  options.connect_timeout = limits.connect;
  if (node.access) options.tls = node.access->tls;
  options.server = node.host;
  return options;
}

// memcached takes the login in a set's value, and ignores its key. A node that wants none stores it: expired,
// so that nobody can read it there.
std::string login_request(const std::string& login) {
  return "set login 0 -1 " + std::to_string(login.size()) + "\r\n" + login + "\r\n";
}

Error late() { return {Code::kTimedOut, "no answer in time"}; }

}  // namespace

MemcachedConnection::MemcachedConnection(EventLoop& loop, const ZoneNode& node, const NodeLimits& limits,
                                         uint32_t max_requests)
    : loop_(loop),
      node_(node),
      limits_(limits),
      max_requests_(max_requests),
      connection_(loop, *this, options_of(node, limits)) {}

MemcachedConnection::~MemcachedConnection() { close({Code::kCancelled, "the node is left"}); }

Status MemcachedConnection::connect(const SocketAddress& address) {
  ++fruitless_;
  last_progress_ = loop_.now();
  THAW_TRY(connection_.connect(address));
  logging_in_ = node_.access && !node_.access->login.empty();
  if (logging_in_) connection_.write({login_request(node_.access->login), {}, {}});
  return {};
}

void MemcachedConnection::close(Error why) {
  connection_.close();
  closed(std::move(why));
}

void MemcachedConnection::closed(Error why) {
  line_used_ = 0;
  in_value_ = false;
  sink_ = {};
  expected_bytes_ = 0;
  refusal_.reset();
  if (why.code == Code::kRefused) refusal_ = why;
  // Out of the way first: a completion may ask anew.
  std::deque<Pending> ended;
  ended.swap(pending_);
  for (Pending& request : ended) {
    if (request.done) request.done(why);
  }
}

MemcachedConnection::Ticket MemcachedConnection::send(NodeRequest request, Completion<NodeReply> done) {
  const uint64_t reply_bytes = size_of(request.into);
  const Ticket ticket = next_ticket_;
  std::string text = std::move(request.line);
  text += " O" + std::to_string(ticket) + "\r\n" + request.value_header;
  const bool has_value = !request.value_header.empty();
  const bool room = pending_.size() < max_requests_ &&
                    expected_bytes_ + reply_bytes <= limits_.reply_bytes_per_connection &&
                    connection_.has_room(text.size() + request.value_body.size() + 2);
  if (!room) {
    done(Error{Code::kFailed, "the node has too much to do"});
    return 0;
  }
  ++next_ticket_;
  if (pending_.empty()) last_progress_ = loop_.now();
  expected_bytes_ += reply_bytes;
  pending_.push_back({ticket, request.into, false, request.deadline, std::move(done)});
  connection_.write({std::move(text), request.value_body, std::move(request.value_owner)});
  if (has_value) connection_.write({"\r\n", {}, {}});
  return ticket;
}

void MemcachedConnection::discard(Ticket ticket) {
  const auto found = std::find_if(pending_.begin(), pending_.end(),
                                  [ticket](const Pending& request) { return request.ticket == ticket; });
  if (found == pending_.end()) return;
  found->discarded = true;
  if (found == pending_.begin() && in_value_) sink_.discard();
}

TimePoint MemcachedConnection::sweep(TimePoint now) {
  std::vector<Completion<NodeReply>> expired;
  TimePoint next = TimePoint::max();
  for (Pending& request : pending_) {
    if (request.done && request.deadline > now) next = std::min(next, request.deadline);
    if (!request.done || request.deadline > now) continue;
    discard(request.ticket);
    expired.push_back(std::move(request.done));
  }
  if (!pending_.empty()) {
    const TimePoint given_up = last_progress_ + limits_.stalled;
    if (given_up <= now) {
      ++fruitless_;
      close({Code::kUnreachable, "it stands still"});
    } else {
      next = std::min(next, given_up);
    }
  }
  for (Completion<NodeReply>& done : expired) done(late());
  return next;
}

ConnectionHandler::Targets MemcachedConnection::read_targets() {
  const MutableBytes line = MutableBytes(line_).subspan(line_used_);
  if (!in_value_ || sink_.left() == 0) return {line, MutableBytes(), MutableBytes()};
  const ValueSink::Into parts = sink_.targets();
  // What follows the value, unless the value is longer than its targets.
  return {parts[0], parts[1], sink_.covered() == sink_.left() ? line : MutableBytes()};
}

void MemcachedConnection::received(size_t bytes) {
  last_progress_ = loop_.now();
  if (in_value_) {
    const size_t taken = std::min<uint64_t>(bytes, sink_.left());
    sink_.advance(taken);
    bytes -= taken;
  }
  line_used_ += bytes;
  parse();
}

void MemcachedConnection::parse() {
  while (connection_.is_open() && (in_value_ ? parse_value() : parse_line())) {
  }
}

// False: more bytes are needed.
bool MemcachedConnection::parse_value() {
  while (sink_.left() > 0 && line_used_ > 0) {  // the beginning came along with its line
    const ValueSink::Into parts = sink_.targets();
    const MutableBytes part = parts[0].empty() ? parts[1] : parts[0];
    const size_t moved = std::min(part.size(), line_used_);
    std::memcpy(part.data(), line_.data(), moved);
    sink_.advance(moved);
    drop_from_line(moved);
  }
  if (sink_.left() > 0 || line_used_ < 2) return false;
  if (line_[0] != '\r' || line_[1] != '\n') {
    garbage();
    return false;
  }
  drop_from_line(2);
  in_value_ = false;
  finish_front(value_fits_ ? Result<NodeReply>(NodeReply::kValue)
                           : Error{Code::kDamaged, "the value has another length"});
  return true;
}

bool MemcachedConnection::parse_line() {
  const auto* end = static_cast<const uint8_t*>(std::memchr(line_.data(), '\n', line_used_));
  if (end == nullptr) {
    if (line_used_ == line_.size()) garbage();
    return false;
  }
  const size_t length = static_cast<size_t>(end - line_.data());
  const std::string_view text = as_text(ByteView(line_).first(length));
  const std::string_view line = text.ends_with('\r') ? text.substr(0, length - 1) : text;
  if (!let_in(line)) return false;
  const bool is_login = std::exchange(logging_in_, false);
  const ReplyLine reply = is_login ? ReplyLine{} : parse_reply_line(line);
  drop_from_line(length + 1);
  if (!is_login) answer(reply);
  return true;
}

// False: the node does not let us in, and the connection has ended.
bool MemcachedConnection::let_in(std::string_view line) {
  if (logging_in_ ? line == "STORED" : line != "CLIENT_ERROR unauthenticated") return true;
  close({Code::kRefused, logging_in_ ? "the login of zone.auth_file is not accepted"
                                     : "it wants a login, and zone.auth_file names none"});
  return false;
}

void MemcachedConnection::answer(const ReplyLine& reply) {
  const bool expected = !pending_.empty() && reply.kind != ReplyLine::Kind::kGarbage &&
                        (reply.kind == ReplyLine::Kind::kRefused || reply.opaque == pending_.front().ticket);
  if (!expected) return garbage();
  switch (reply.kind) {
    case ReplyLine::Kind::kValue:
      return begin_value(reply.value_bytes);
    case ReplyLine::Kind::kDone:
      return finish_front(reply.won ? NodeReply::kWon : NodeReply::kDone);
    case ReplyLine::Kind::kMissing:
      return finish_front(NodeReply::kMissing);
    case ReplyLine::Kind::kNotStored:
      return finish_front(NodeReply::kNotStored);
    case ReplyLine::Kind::kRefused:
    case ReplyLine::Kind::kGarbage:
      return finish_front(Error{Code::kUsage, "it cannot do what is asked: " + one_line(reply.why)});
  }
}

void MemcachedConnection::begin_value(uint64_t bytes) {
  if (bytes > kMaxValueBytes) return garbage();
  const Pending& front = pending_.front();
  in_value_ = true;
  value_fits_ = bytes == size_of(front.into);
  sink_ = value_fits_ && !front.discarded ? ValueSink::into(front.into) : ValueSink::nowhere(bytes);
}

void MemcachedConnection::finish_front(Result<NodeReply> result) {
  fruitless_ = 0;
  Pending front = std::move(pending_.front());
  pending_.pop_front();
  expected_bytes_ -= size_of(front.into);
  if (front.done) front.done(std::move(result));
}

void MemcachedConnection::drop_from_line(size_t bytes) {
  line_used_ -= bytes;
  std::memmove(line_.data(), line_.data() + bytes, line_used_);
}

// Nothing can be told of what follows. The request whose turn it is gets the blame, the others are tried
// elsewhere.
void MemcachedConnection::garbage() {
  connection_.close();
  Completion<NodeReply> blamed;
  if (!pending_.empty()) blamed = std::move(pending_.front().done);
  closed({Code::kUnreachable, "the connection had to be given up"});
  if (blamed) blamed(Error{Code::kDamaged, "the reply is not memcached's"});
}

}  // namespace thaw
