// RegistryBlob: a blob as a ByteStream that goes on where it broke off: over broken connections, silent and
// busy servers, and from a mirror to the registry; and that can begin anew when a mirror gave other bytes.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/digest.h"
#include "lib/crypto/hash.h"
#include "lib/oci/byte_stream.h"
#include "lib/oci/registry_client.h"
#include "lib/oci/registry_retries.h"

namespace thaw {

// Who has an image: its mirrors, in the order in which they are asked, and last the registry itself.
class RegistryServers {
 public:
  // Hears one line for people; any thread calls it.
  using Warn = std::function<void(const std::string&)>;
  explicit RegistryServers(Warn warn) : warn_(std::move(warn)) {}

  void add(std::unique_ptr<RegistryClient> client, DownloadLimits limits) {
    servers_.push_back({std::move(client), limits});
  }

  struct Server {
    std::unique_ptr<RegistryClient> client;
    DownloadLimits limits;
  };
  const Server& operator[](size_t position) const { return servers_[position]; }
  // `position`, or the next one that is not given up; the last one never is.
  size_t usable_from(size_t position) const {
    while (!is_last(position) && servers_[position].client->is_given_up()) ++position;
    return position;
  }
  bool is_last(size_t position) const { return position + 1 >= servers_.size(); }
  const std::string& name(size_t position) const { return servers_[position].client->place().name; }

  // A mirror gave other bytes than the `part` that it was asked for: others are asked first from then on.
  // REQUIRES: !is_last(position)
  void distrust(size_t position, const std::string& part) const;
  void warn(const std::string& line) const {
    if (warn_) warn_(line);
  }

 private:
  const Warn warn_;
  std::vector<Server> servers_;
};

class RegistryBlob final : public ByteStream {
 public:
  struct Part {
    std::string name;   // "blobs/sha256:…"
    uint64_t size = 0;  // bytes
    Digest digest;
  };

  // REQUIRES: `servers` outlive it
  RegistryBlob(const RegistryServers& servers, Part part, std::stop_token stop);

  // kDamaged when there are more or fewer bytes than `size`, and when those that a mirror had a part in have
  // another digest. The digest of what came of the registry alone is the reader's affair.
  Result<Buffer> next() override;

  // Whether what came may be used before the end, because all of it came of the registry itself.
  bool is_settled() const { return servers_.is_last(first_giver_); }

  // After an error of next(): begins anew with another server, next() then starts at the first byte. False
  // when the error stands.
  bool start_over();

 private:
  // Of the rest, which is not empty.
  Result<Buffer> try_next();
  Result<Buffer> at_end();
  Status check_digest();
  Error too_long() const;
  Status open();
  // Of the answer's first bytes, those that were there before.
  Status pass_over(uint64_t bytes);
  Status after(Error error);
  void use_server(size_t position);

  const RegistryServers& servers_;
  const Part part_;
  const std::stop_token stop_;
  uint64_t position_ = 0;
  size_t server_ = 0;
  size_t first_giver_ = 0;  // of the bytes up to position_; the server to be asked when there are none
  bool wrong_ = false;      // whoever gave them: they are not the blob
  Sha256 hash_;             // of unsettled bytes
  std::optional<RegistryRetries> retries_;  // with that server
  std::unique_ptr<HttpStream> answer_;
  Buffer ahead_;  // came with the last of the bytes that were passed over
};

}  // namespace thaw
