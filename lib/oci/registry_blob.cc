#include "lib/oci/registry_blob.h"

#include <algorithm>
#include <utility>

#include "lib/oci/context.h"

namespace thaw {

RegistryBlob::RegistryBlob(const RegistryServers& servers, Part part, std::stop_token stop)
    : servers_(servers), part_(std::move(part)), stop_(std::move(stop)) {}

Result<Buffer> RegistryBlob::next() {
  while (position_ < part_.size) {
    auto piece = try_next();
    if (piece.ok()) {
      position_ += piece->size();
      retries_->progressed();
      return piece;
    }
    THAW_TRY(after(std::move(piece).error()));
  }
  return at_end();
}

// Whatever becomes of the connection now: all bytes are there.
Result<Buffer> RegistryBlob::at_end() {
  if (!answer_) return Buffer();
  const auto more = answer_->next();
  answer_.reset();
  if (more.ok() && !more->empty()) return too_long();
  return Buffer();
}

Error RegistryBlob::too_long() const {
  return damaged(part_.name + ": the registry has more than the " + std::to_string(part_.size) +
                 " bytes that the image promises");
}

Result<Buffer> RegistryBlob::try_next() {
  if (!answer_) THAW_TRY(open());
  Buffer piece = std::exchange(ahead_, Buffer());
  if (piece.empty()) {
    THAW_ASSIGN(piece, answer_->next());
  }
  if (piece.size() > part_.size - position_) return too_long();
  if (piece.empty()) {
    return Error{Code::kUnreachable, part_.name + ": the registry's answer ends after " +
                                         std::to_string(position_) + " of " + std::to_string(part_.size) +
                                         " bytes"};
  }
  return piece;
}

Status RegistryBlob::open() {
  const size_t usable = servers_.usable_from(server_);
  if (usable != server_) retries_.reset();
  server_ = usable;
  const RegistryServers::Server& server = servers_[server_];
  if (!retries_) retries_.emplace(server.limits, stop_);
  THAW_ASSIGN(answer_, server.client->open({part_.name, position_, stop_}));
  if (answer_->head().status == 200) return pass_over(position_);
  const std::string wanted = "bytes " + std::to_string(position_) + "-";
  if (answer_->head().header("content-range").starts_with(wanted)) return {};
  return Error{Code::kUnreachable, part_.name + ": the registry answers with another part of it"};
}

Status RegistryBlob::pass_over(uint64_t bytes) {
  while (bytes > 0) {
    THAW_ASSIGN(const Buffer piece, answer_->next());
    if (piece.empty()) {
      return Error{Code::kUnreachable, part_.name + ": the registry's answer is shorter than the one before"};
    }
    const size_t passed = static_cast<size_t>(std::min<uint64_t>(bytes, piece.size()));
    bytes -= passed;
    if (passed < piece.size()) ahead_ = Buffer::copy_of(piece.view().subspan(passed));
  }
  return {};
}

// The same server again, or the next one.
Status RegistryBlob::after(Error error) {
  answer_.reset();
  ahead_ = Buffer();
  Status again = retries_->after(std::move(error));
  if (again.ok()) return again;
  if (stop_.stop_requested() || servers_.is_last(server_)) return again;
  if (again.error().code != Code::kNotFound) servers_[server_].client->give_up();
  ++server_;
  retries_.reset();
  return {};
}

}  // namespace thaw
