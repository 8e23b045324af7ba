// RegistryBlob: a blob as a ByteStream that goes on where it broke off: over broken connections, silent and
// busy servers, and from a mirror to the registry.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "lib/oci/byte_stream.h"
#include "lib/oci/registry_client.h"
#include "lib/oci/registry_retries.h"

namespace thaw {

// Who has an image: its mirrors, in the order in which they are asked, and last the registry itself.
class RegistryServers {
 public:
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

 private:
  std::vector<Server> servers_;
};

class RegistryBlob final : public ByteStream {
 public:
  struct Part {
    std::string name;   // "blobs/sha256:…"
    uint64_t size = 0;  // bytes
  };

  // REQUIRES: `servers` outlive it
  RegistryBlob(const RegistryServers& servers, Part part, std::stop_token stop);

  // kDamaged when there are more or fewer bytes than `size`; their digest is the reader's affair.
  Result<Buffer> next() override;

 private:
  // Of the rest, which is not empty.
  Result<Buffer> try_next();
  Result<Buffer> at_end();
  Error too_long() const;
  Status open();
  // Of the answer's first bytes, those that were there before.
  Status pass_over(uint64_t bytes);
  Status after(Error error);

  const RegistryServers& servers_;
  const Part part_;
  const std::stop_token stop_;
  uint64_t position_ = 0;
  size_t server_ = 0;
  std::optional<RegistryRetries> retries_;  // with that server
  std::unique_ptr<HttpStream> answer_;
  Buffer ahead_;  // came with the last of the bytes that were passed over
};

}  // namespace thaw
