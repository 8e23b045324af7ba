#include "lib/oci/registry_source.h"

#include <algorithm>
#include <deque>
#include <stop_token>

#include "lib/crypto/hash.h"
#include "lib/oci/context.h"
#include "lib/oci/layer_download.h"
#include "lib/oci/manifest.h"
#include "lib/oci/registry_answer.h"
#include "lib/oci/registry_blob.h"

namespace thaw {
namespace {

// A mirror that does not answer must not hold a build up: the registry is asked instead.
constexpr unsigned kMirrorFailures = 2;

// What a server says that an answer to a tag is: a mirror passes on what the registry said.
std::optional<Digest> said_of(const HttpResponse& head) {
  auto digest = parse_digest(std::string(head.header("docker-content-digest")));
  return digest.ok() ? std::optional<Digest>(digest.value()) : std::nullopt;
}

// A document in memory as a stream.
class DocumentStream final : public ByteStream {
 public:
  explicit DocumentStream(std::string text) : text_(std::move(text)) {}
  Result<Buffer> next() override {
    Buffer all = Buffer::copy_of(as_bytes(text_));
    text_.clear();
    return all;
  }

 private:
  std::string text_;
};

class RegistrySource final : public ImageSource {
 public:
  RegistrySource(RegistryReference reference, RegistryOptions options, const RegistryRoom& room)
      : reference_(std::move(reference)),
        options_(std::move(options)),
        room_(room),
        http_(options_.http),
        servers_(options_.warn) {}

  Status add_servers();
  Result<ImageParts> choose(const Platform& platform) override;
  Result<std::unique_ptr<ByteStream>> open(const Descriptor& blob) override;
  Result<uint64_t> stored_size(const Descriptor& blob) override { return *blob.size; }

 private:
  // Manifests and indexes, which a registry keeps apart from other blobs.
  class Manifests;
  // A layer of the chosen image, in its place.
  struct Layer {
    Descriptor blob;
    std::unique_ptr<LayerDownload> download;  // until it is opened
  };

  void add_server(WebAddress address, const std::string& name, const DownloadLimits& limits);
  Result<std::string> fetch(const std::string& part, const std::optional<Digest>& digest) const;
  Result<std::string> fetch_from(const RegistryServers::Server& server, const std::string& part,
                                 const std::optional<Digest>& digest) const;
  Result<std::string> fetch_once(RegistryClient& client, const std::string& part,
                                 const std::optional<Digest>& digest) const;
  Status download_ahead();
  Result<std::unique_ptr<LayerDownload>> download_of(const Descriptor& blob) const;

  const RegistryReference reference_;
  const RegistryOptions options_;
  const RegistryRoom room_;
  HttpStreams http_;
  RegistryServers servers_;
  std::optional<Digest> config_;
  std::deque<Layer> layers_;  // that were not opened yet
};

class RegistrySource::Manifests final : public BlobSource {
 public:
  Manifests(const RegistrySource& source, Descriptor top, std::string text)
      : source_(source), top_(std::move(top)), text_(std::move(text)) {}

  Result<std::unique_ptr<ByteStream>> open(const Descriptor& blob) override {
    std::string text = text_;
    if (blob.digest != top_.digest) {
      THAW_ASSIGN(text, source_.fetch("manifests/" + blob.name, blob.digest));
    }
    return std::unique_ptr<ByteStream>(std::make_unique<DocumentStream>(std::move(text)));
  }
  Result<uint64_t> stored_size(const Descriptor& blob) override { return *blob.size; }

 private:
  const RegistrySource& source_;
  const Descriptor top_;
  const std::string text_;
};

Status RegistrySource::add_servers() {
  const auto mirrors = options_.mirrors.find(reference_.registry);
  if (mirrors != options_.mirrors.end()) {
    DownloadLimits limits = options_.retries;
    limits.failures = std::min(limits.failures, kMirrorFailures);
    for (const std::string& mirror : mirrors->second) {
      const auto address = parse_web_address(mirror);
      if (!address || address->target != "/")
        return Error{Code::kUsage, "mirror \"" + printable(mirror) + "\": not https://HOST[:PORT]"};
      add_server(*address, address->authority, limits);
    }
  }
  const bool plain = options_.transport == RegistryTransport::kPlainHttp;
  const auto address = parse_web_address((plain ? "http://" : "https://") + reference_.server());
  if (!address) return Error{Code::kUsage, "\"" + printable(reference_.registry) + "\" is no HOST[:PORT]"};
  add_server(*address, reference_.registry, options_.retries);
  return {};
}

void RegistrySource::add_server(WebAddress address, const std::string& name, const DownloadLimits& limits) {
  const auto login = [this, name] {
    return find_login(name, reference_.repository, options_.credential_files, room_.limits);
  };
  servers_.add(std::make_unique<RegistryClient>(
                   http_, RegistryPlace{std::move(address), name, reference_.repository}, login),
               limits);
}

Result<ImageParts> RegistrySource::choose(const Platform& platform) {
  std::optional<Digest> wanted;
  if (!reference_.digest.empty()) {
    THAW_ASSIGN(wanted, parse_digest(reference_.digest));
  }
  THAW_ASSIGN(std::string text, fetch("manifests/" + reference_.target(), wanted));
  const Digest digest = sha256(as_bytes(text));
  IndexEntry top;
  top.blob = {"sha256:" + digest.hex(), digest, text.size()};
  Manifests manifests(*this, top.blob, std::move(text));
  THAW_ASSIGN(ImageParts parts, choose_image(manifests, {top}, platform, room_.limits));
  config_ = parts.config.digest;
  layers_.clear();
  for (const Descriptor& layer : parts.layers) {
    if (*layer.size > room_.limits.max_expanded_bytes) {
      return over_limit("layer " + layer.name, "max_expanded_bytes", room_.limits.max_expanded_bytes);
    }
    layers_.push_back({layer, nullptr});
  }
  return parts;
}

// The first answer that is right, of the mirrors' and the registry's.
Result<std::string> RegistrySource::fetch(const std::string& part,
                                          const std::optional<Digest>& digest) const {
  for (size_t position = servers_.usable_from(0);; position = servers_.usable_from(position + 1)) {
    const RegistryServers::Server& server = servers_[position];
    auto text = fetch_from(server, part, digest);
    if (text.ok() || servers_.is_last(position)) return text;
    if (text.error().code == Code::kDamaged) {
      servers_.distrust(position, part);
    } else if (text.error().code != Code::kNotFound) {
      server.client->give_up();
    }
  }
}

Result<std::string> RegistrySource::fetch_from(const RegistryServers::Server& server, const std::string& part,
                                               const std::optional<Digest>& digest) const {
  RegistryRetries retries(server.limits, {});
  for (;;) {
    auto text = fetch_once(*server.client, part, digest);
    if (text.ok()) return text;
    THAW_TRY(retries.after(std::move(text).error()));
  }
}

Result<std::string> RegistrySource::fetch_once(RegistryClient& client, const std::string& part,
                                               const std::optional<Digest>& digest) const {
  THAW_ASSIGN(const auto answer, client.open({part, 0, {}}));
  THAW_ASSIGN(std::string text, read_body(*answer, room_.limits.max_json_bytes));
  const Digest is = sha256(as_bytes(text));
  const std::optional<Digest> promised = digest ? digest : said_of(answer->head());
  if (!promised || is == *promised) return text;
  return damaged("registry " + client.place().name + " answers to " + part +
                 " with bytes whose digest is sha256:" + is.hex() +
                 "; do not trust it, and push the image again");
}

Result<std::unique_ptr<ByteStream>> RegistrySource::open(const Descriptor& blob) {
  if (!layers_.empty() && layers_.front().blob.digest == blob.digest) {
    THAW_TRY(download_ahead());
    std::unique_ptr<ByteStream> download = std::move(layers_.front().download);
    layers_.pop_front();
    return download;
  }
  if (blob.digest == config_) {
    THAW_ASSIGN(std::string text, fetch("blobs/" + blob.name, blob.digest));
    return std::unique_ptr<ByteStream>(std::make_unique<DocumentStream>(std::move(text)));
  }
  THAW_ASSIGN(std::unique_ptr<ByteStream> download, download_of(blob));
  return download;
}

Status RegistrySource::download_ahead() {
  const size_t ahead = options_.executor == nullptr ? 1 : std::min(kLayersAhead, layers_.size());
  for (size_t i = 0; i < ahead; ++i) {
    Layer& layer = layers_[i];
    if (layer.download) continue;
    THAW_ASSIGN(layer.download, download_of(layer.blob));
    if (options_.executor != nullptr) layer.download->start(*options_.executor);
  }
  return {};
}

Result<std::unique_ptr<LayerDownload>> RegistrySource::download_of(const Descriptor& blob) const {
  THAW_ASSIGN(Spool spool, Spool::create(room_.spool_folder));
  const auto begin = [this, &blob](std::stop_token stop) {
    const RegistryBlob::Part part{"blobs/" + blob.name, *blob.size, *blob.digest};
    return std::make_unique<RegistryBlob>(servers_, part, std::move(stop));
  };
  return std::make_unique<LayerDownload>(begin, std::move(spool));
}

}  // namespace

Result<std::unique_ptr<ImageSource>> make_registry_source(RegistryReference reference,
                                                          RegistryOptions options, const RegistryRoom& room) {
  auto source = std::make_unique<RegistrySource>(std::move(reference), std::move(options), room);
  THAW_TRY(source->add_servers());
  return std::unique_ptr<ImageSource>(std::move(source));
}

}  // namespace thaw
