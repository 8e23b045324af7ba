#include "lib/oci/registry_blob.h"

#include <algorithm>
#include <utility>

#include "lib/oci/context.h"

namespace thaw {

void RegistryServers::distrust(size_t position, const std::string& part) const {
  servers_[position].client->give_up();
  warn("mirror " + name(position) + " has other bytes under " + part + "; it is asked no more, but " +
       name(usable_from(position + 1)));
}

RegistryBlob::RegistryBlob(const RegistryServers& servers, Part part, std::stop_token stop)
    : servers_(servers), part_(std::move(part)), stop_(std::move(stop)) {
  use_server(0);
}

// Before anything came of another one, or to go on where that one ended.
void RegistryBlob::use_server(size_t position) {
  server_ = servers_.usable_from(position);
  if (position_ == 0) first_giver_ = server_;
  retries_.emplace(servers_[server_].limits, stop_);
}

Result<Buffer> RegistryBlob::next() {
  while (position_ < part_.size) {
    auto piece = try_next();
    if (piece.ok()) {
      if (!is_settled()) hash_.update(piece->view());
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
  wrong_ = more.ok() && !more->empty();
  if (wrong_) return too_long();
  THAW_TRY(check_digest());
  return Buffer();
}

Status RegistryBlob::check_digest() {
  if (is_settled()) return {};
  const Digest is = hash_.finish();
  wrong_ = is != part_.digest;
  if (!wrong_) return {};
  return damaged(part_.name + ": the bytes have the digest sha256:" + is.hex());
}

// Who gave all of it is not asked again. When two had a part in it, either may be wrong: the later one is
// asked for all of it.
bool RegistryBlob::start_over() {
  if (!wrong_ || is_settled() || stop_.stop_requested()) return false;
  const bool alone = first_giver_ == server_;
  if (alone) {
    servers_.distrust(server_, part_.name);
  } else {
    servers_.warn("mirror " + servers_.name(first_giver_) + " broke off, and with the rest from " +
                  servers_.name(server_) + " the bytes of " + part_.name + " are wrong; " +
                  servers_.name(server_) + " is asked for all of it");
  }
  wrong_ = false;
  position_ = 0;
  hash_ = Sha256();
  use_server(alone ? server_ + 1 : server_);
  return true;
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
  if (servers_.usable_from(server_) != server_) use_server(server_);
  THAW_ASSIGN(answer_, servers_[server_].client->open({part_.name, position_, stop_}));
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
  if (stop_.stop_requested()) return again;
  if (again.error().code == Code::kDamaged) wrong_ = true;
  if (wrong_ || servers_.is_last(server_)) return again;
  if (again.error().code != Code::kNotFound) servers_[server_].client->give_up();
  use_server(server_ + 1);
  return {};
}

}  // namespace thaw
