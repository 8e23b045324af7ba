#include "lib/oci/image.h"

#include "lib/oci/context.h"
#include "lib/oci/decode_ahead.h"
#include "lib/oci/decoder.h"
#include "lib/oci/layer_applier.h"
#include "lib/oci/registry_reference.h"
#include "lib/oci/registry_source.h"
#include "lib/oci/sources.h"
#include "lib/oci/stream_guards.h"

namespace thaw {
namespace {

// Tells the progress callback what passes.
class CountedStream final : public ByteStream {
 public:
  CountedStream(std::unique_ptr<ByteStream> inner, const ReadOptions& options, uint64_t& done, uint64_t total)
      : inner_(std::move(inner)), options_(options), done_(done), total_(total) {}

  Result<Buffer> next() override {
    THAW_ASSIGN(Buffer buffer, inner_->next());
    done_ += buffer.size();
    if (options_.progress && !buffer.empty()) options_.progress(done_, total_);
    return buffer;
  }

 private:
  std::unique_ptr<ByteStream> inner_;
  const ReadOptions& options_;
  uint64_t& done_;
  const uint64_t total_;
};

constexpr std::string_view kRegistryScheme = "docker://";

Result<std::unique_ptr<ImageSource>> open_registry(const std::string& source, const ReadOptions& options) {
  THAW_ASSIGN(RegistryReference reference, parse_registry_reference(source.substr(kRegistryScheme.size())));
  return make_registry_source(std::move(reference), options.registry, {options.spool_folder, options.limits});
}

Result<std::unique_ptr<ImageSource>> open_files(const std::string& kind, const std::string& path,
                                                const std::string& reference, const ReadOptions& options) {
  if (kind == "oci") {
    THAW_ASSIGN(auto files, open_directory_files(path));
    return make_oci_layout(std::move(files), reference, options.limits);
  }
  THAW_ASSIGN(auto files, open_archive_files(path, options.spool_folder, options.limits));
  if (kind == "oci-archive") return make_oci_layout(std::move(files), reference, options.limits);
  return make_docker_archive(std::move(files), reference, options.limits);
}

Result<std::unique_ptr<ImageSource>> open_source(const std::string& source, const ReadOptions& options) {
  if (source.starts_with(kRegistryScheme)) return open_registry(source, options);
  const size_t first = source.find(':');
  const std::string kind = source.substr(0, first);
  const bool known = kind == "oci" || kind == "oci-archive" || kind == "docker-archive";
  const size_t second = std::min(source.find(':', first + 1), source.size());
  if (!known || first == std::string::npos || second == first + 1) {
    return Error{Code::kUsage,
                 "not oci:DIR[:REF], oci-archive:FILE[:REF], docker-archive:FILE[:REF] or "
                 "docker://HOST/REPOSITORY[:TAG]"};
  }
  const std::string path = source.substr(first + 1, second - first - 1);
  const std::string reference = second < source.size() ? source.substr(second + 1) : std::string();
  return open_files(kind, path, reference, options);
}

}  // namespace

// One image being read: what its layers share.
class SourceImage::Reader {
 public:
  Reader(std::string subject, std::unique_ptr<ImageSource> source, const ReadOptions& options)
      : subject_(std::move(subject)), source_(std::move(source)), options_(options) {}

  const std::string& subject() const { return subject_; }  // of errors
  Status read_head();
  const ImageHead& head() const { return head_; }
  Result<Image> read_layers();

 private:
  Status read_config();
  Status check_platform() const;
  Status count_stored_bytes();
  Result<std::unique_ptr<ByteStream>> open_layer(const Descriptor& layer);
  Status read_layer(const Descriptor& layer, const Digest& diff_id, LayerApplier& applier);

  const std::string subject_;
  const std::unique_ptr<ImageSource> source_;
  const ReadOptions options_;
  ImageParts parts_;
  std::vector<Digest> diff_ids_;
  ImageHead head_;
  ExpandedBytes expanded_;
  uint64_t stored_done_ = 0;
  uint64_t stored_total_ = 0;
};

Status SourceImage::Reader::read_head() {
  THAW_ASSIGN(parts_, source_->choose(options_.platform));
  THAW_TRY(read_config());
  head_.source_digest = parts_.digest;
  head_.config_digest = "sha256:" + parts_.config.digest->hex();
  return {};
}

Result<Image> SourceImage::Reader::read_layers() {
  THAW_TRY(count_stored_bytes());
  Image image{head_, {}, {}};
  THAW_ASSIGN(image.spool, Spool::create(options_.spool_folder));
  LayerApplier applier(image.tree, image.spool, options_.limits);
  for (size_t i = 0; i < parts_.layers.size(); ++i) {
    Status layer = read_layer(parts_.layers[i], diff_ids_[i], applier);
    if (layer.ok()) continue;
    return about("layer " + std::to_string(i + 1) + " of " + std::to_string(parts_.layers.size()),
                 std::move(layer).error());
  }
  THAW_TRY(applier.finish());
  image.tree.count_links();
  return image;
}

Status SourceImage::Reader::read_config() {
  THAW_ASSIGN(const std::string text, read_document(*source_, parts_.config, options_.limits));
  auto config = parse_image_config(text, options_.limits);
  if (!config.ok()) return about("config " + parts_.config.name, std::move(config).error());
  head_.config = std::move(config->runtime);
  head_.platform = std::move(config->platform);
  diff_ids_ = std::move(config->diff_ids);
  if (diff_ids_.size() != parts_.layers.size()) {
    return damaged("the image has " + std::to_string(parts_.layers.size()) + " layers, its config lists " +
                   std::to_string(diff_ids_.size()));
  }
  return check_platform();
}

Status SourceImage::Reader::check_platform() const {
  const Platform& is = head_.platform;
  const bool known = !is.os.empty() && !is.architecture.empty();
  if (!known || (is.os == options_.platform.os && is.architecture == options_.platform.architecture))
    return {};
  return Error{Code::kNotFound, "the image is for " + printable(is.text()) + ", not for " +
                                    options_.platform.text() + " (see --platform)"};
}

Status SourceImage::Reader::count_stored_bytes() {
  for (const Descriptor& layer : parts_.layers) {
    THAW_ASSIGN(const uint64_t size, source_->stored_size(layer));
    stored_total_ += size;
  }
  return {};
}

Result<std::unique_ptr<ByteStream>> SourceImage::Reader::open_layer(const Descriptor& layer) {
  THAW_ASSIGN(const uint64_t stored, source_->stored_size(layer));
  THAW_ASSIGN(auto stream, source_->open(layer));
  stream = std::make_unique<CountedStream>(std::move(stream), options_, stored_done_, stored_total_);
  stream =
      std::make_unique<VerifiedStream>(std::move(stream), Expected{layer.name, layer.digest, layer.size});
  THAW_ASSIGN(stream, decode(std::move(stream)));
  stream = std::make_unique<ExpansionGuard>(std::move(stream), stored, options_.limits, expanded_);
  if (options_.executor == nullptr) return stream;
  return std::unique_ptr<ByteStream>(std::make_unique<DecodeAhead>(std::move(stream), *options_.executor));
}

Status SourceImage::Reader::read_layer(const Descriptor& layer, const Digest& diff_id,
                                       LayerApplier& applier) {
  THAW_ASSIGN(auto decoded, open_layer(layer));
  VerifiedStream stream(std::move(decoded), Expected{"uncompressed", diff_id, std::nullopt});
  return applier.apply(stream);
}

Platform this_platform() {
#if defined(__x86_64__)
  return {"linux", "amd64", ""};
#elif defined(__aarch64__)
  return {"linux", "arm64", ""};
#elif defined(__riscv)
  return {"linux", "riscv64", ""};
#elif defined(__powerpc64__)
  return {"linux", "ppc64le", ""};
#elif defined(__s390x__)
  return {"linux", "s390x", ""};
#else
#error "name this machine's architecture as Go does"
#endif
}

Result<std::string> read_document(BlobSource& source, const Descriptor& blob, const Limits& limits) {
  THAW_ASSIGN(auto bytes, source.open(blob));
  VerifiedStream verified(std::move(bytes), Expected{blob.name, blob.digest, blob.size});
  return read_small(verified, limits);
}

Result<SourceImage> SourceImage::open(const std::string& source, const ReadOptions& options) {
  const std::string subject = "image " + printable(without_login(source));
  auto opened = open_source(source, options);
  if (!opened.ok()) return about(subject, std::move(opened).error());
  auto reader = std::make_unique<Reader>(subject, std::move(opened).value(), options);
  Status head = reader->read_head();
  if (!head.ok()) return about(subject, std::move(head).error());
  return SourceImage(std::move(reader));
}

SourceImage::SourceImage(std::unique_ptr<Reader> reader) : reader_(std::move(reader)) {}
SourceImage::SourceImage(SourceImage&&) noexcept = default;
SourceImage& SourceImage::operator=(SourceImage&&) noexcept = default;
SourceImage::~SourceImage() = default;

const ImageHead& SourceImage::head() const { return reader_->head(); }

Result<Image> SourceImage::read() {
  auto image = reader_->read_layers();
  if (!image.ok()) return about(reader_->subject(), std::move(image).error());
  return image;
}

}  // namespace thaw
