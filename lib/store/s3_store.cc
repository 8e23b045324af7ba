#include "lib/store/s3_store.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "lib/crypto/hash.h"
#include "lib/store/paths.h"
#include "lib/store/s3_documents.h"

namespace thaw {
namespace {

// 1000 keys of at most 1024 bytes, each byte up to six in XML, and what stands around them.
constexpr uint64_t kMaxListBytes = 8 * 1024 * 1024;

std::string object_named(const std::string& key) { return "store object " + key; }

Error no_key(const std::string& key) {
  return {Code::kUsage, "\"" + key.substr(0, 80) + "\" is no key of a store's object"};
}

bool is_folder(const std::string& prefix) {
  return prefix.empty() ||
         (prefix.back() == '/' && is_object_key(std::string_view(prefix).substr(0, prefix.size() - 1)));
}

Error no_folder(const std::string& prefix) {
  return {Code::kUsage, "\"" + prefix.substr(0, 80) + "\" is no folder of a store"};
}

Error with_object(const std::string& key, const Error& error) {
  return {error.code, object_named(key) + ": " + error.message};
}

// A server that failed after it had begun to answer may say so in a body of status 200: trouble on the way,
// and no damage of what is stored. No object of a store begins like that.
bool is_error_document(ByteView body) {
  return as_text(body).starts_with('<') && !parse_error_code(body).empty();
}

Digest hash_of_nothing() {
  static const Digest digest = sha256({});
  return digest;
}

}  // namespace

struct S3Store::Listing {
  // Of a store below this prefix of the bucket.
  Status take(const std::string& prefix, S3ListPage page);

  ListOptions options;
  std::string next;  // continuation token; empty after the last page
  std::string last;  // nothing up to it comes any more
  std::vector<ListedObject> found;
  Completion<std::vector<ListedObject>> done;
};

// What a list leaves out without a word is unused to a collector, so one that may not be whole is an error.
Status S3Store::Listing::take(const std::string& prefix, S3ListPage page) {
  for (S3ListedKey& listed : page.keys) {
    if (!listed.key.starts_with(prefix + options.prefix))
      return Error{Code::kDamaged, "the server lists other folders"};
    std::string key = listed.key.substr(prefix.size());
    // What is no key was not put there by a store.
    if (!is_object_key(key) || found.size() == options.limit) continue;
    if (key <= last) return Error{Code::kDamaged, "the server does not list in the order of keys"};
    last = key;
    found.push_back({std::move(key), listed.size, listed.modified});
  }
  const std::string before = std::exchange(next, std::string());
  if (!page.truncated || found.size() == options.limit) return {};
  if (page.next.empty() || page.next == before)
    return Error{Code::kDamaged, "the server's list breaks off and does not say how it goes on"};
  next = std::move(page.next);
  return {};
}

struct S3Store::Put {
  std::string key;
  ByteView bytes;
  PutOptions options;
  Digest payload;
  bool bare_tag = false;
  Completion<PutOutcome> done;
};

S3Request S3Store::request_for(HttpMethod method, const std::string& key) const {
  S3Request request;
  request.method = method;
  request.path = client_.place().object_path(key);
  request.payload = hash_of_nothing();
  return request;
}

void S3Store::get(const std::string& key, const GetOptions& options, Completion<Object> done) {
  if (!is_object_key(key)) return done(no_key(key));
  S3Request request = request_for(HttpMethod::kGet, key);
  request.max_bytes = options.max_bytes;
  request.deadline = options.deadline;
  request.stop = options.stop;
  client_.send(std::move(request), [this, key, done = std::move(done)](Result<HttpResponse> answer) mutable {
    if (!answer.ok()) return done(with_object(key, std::move(answer).error()));
    if (answer->status != 200 || is_error_document(answer->body.view())) {
      return done(client_.error_of(object_named(key), answer.value()));
    }
    std::string version(answer->header("etag"));
    done(Object{std::move(answer->body), std::move(version)});
  });
}

void S3Store::size_of(const std::string& key, Completion<uint64_t> done) {
  if (!is_object_key(key)) return done(no_key(key));
  client_.send(request_for(HttpMethod::kHead, key), [this, key, done = std::move(done)](
                                                        Result<HttpResponse> answer) mutable {
    if (!answer.ok()) return done(with_object(key, std::move(answer).error()));
    if (answer->status != 200) return done(client_.error_of(object_named(key), answer.value()));
    const std::string_view text = answer->header("content-length");
    uint64_t size = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), size);
    if (text.empty() || error != std::errc{} || end != text.data() + text.size())
      return done(Error{Code::kFailed, object_named(key) + ": the server does not tell its size"});
    done(size);
  });
}

void S3Store::list(const ListOptions& options, Completion<std::vector<ListedObject>> done) {
  if (!is_folder(options.prefix)) return done(no_folder(options.prefix));
  auto listing = std::make_unique<Listing>();
  listing->options = options;
  listing->last = options.start_after;
  listing->done = std::move(done);
  if (options.limit == 0) return listing->done(std::move(listing->found));
  next_page(std::move(listing));
}

void S3Store::next_page(std::unique_ptr<Listing> listing) {
  const std::string& prefix = client_.place().prefix();
  const ListOptions& options = listing->options;
  S3Request request;
  request.path = client_.place().bucket_path();
  request.payload = hash_of_nothing();
  request.max_bytes = kMaxListBytes;
  request.query = {{"list-type", "2"},
                   {"prefix", prefix + options.prefix},
                   {"max-keys", std::to_string(std::min(options.limit, kMaxS3KeysPerPage))}};
  if (!listing->next.empty()) {
    request.query.emplace_back("continuation-token", listing->next);
  } else if (!options.start_after.empty()) {
    request.query.emplace_back("start-after", prefix + options.start_after);
  }
  client_.send(std::move(request), [this, listing = std::move(listing)](Result<HttpResponse> answer) mutable {
    on_page(std::move(listing), std::move(answer));
  });
}

void S3Store::on_page(std::unique_ptr<Listing> listing, Result<HttpResponse> answer) {
  const std::string what = "store folder " + listing->options.prefix;
  const auto fail = [&](const Error& error) {
    listing->done(Error{error.code, what + ": " + error.message});
  };
  if (!answer.ok()) return fail(answer.error());
  if (answer->status != 200) return listing->done(client_.error_of(what, answer.value()));
  Result<S3ListPage> page = parse_list_page(answer->body.view());
  if (!page.ok()) return fail(page.error());
  const Status taken = listing->take(client_.place().prefix(), std::move(page).value());
  if (!taken.ok()) return fail(taken.error());
  if (listing->next.empty()) return listing->done(std::move(listing->found));
  next_page(std::move(listing));
}

void S3Store::put(const std::string& key, ByteView bytes, const PutOptions& options,
                  Completion<PutOutcome> done) {
  if (!is_object_key(key)) return done(no_key(key));
  // Nothing has no version.
  if (options.condition == PutIf::kUnchanged && options.version.empty()) return done(PutOutcome::kKept);
  auto put = std::make_unique<Put>(Put{key, bytes, options, {}, bare_tags_, std::move(done)});
  executor_.post([this, put = std::move(put)]() mutable { hash(std::move(put)); });
}

void S3Store::hash(PutPtr put) {
  put->payload = sha256(put->bytes);
  if (put->options.condition != PutIf::kAlways && no_conditions_) return look_first(std::move(put));
  send(std::move(put));
}

void S3Store::look_first(PutPtr put) {
  S3Request request = request_for(HttpMethod::kHead, put->key);
  client_.send(std::move(request), [this, put = std::move(put)](Result<HttpResponse> answer) mutable {
    on_look(std::move(put), std::move(answer));
  });
}

void S3Store::on_look(PutPtr put, Result<HttpResponse> answer) {
  if (!answer.ok()) return put->done(with_object(put->key, std::move(answer).error()));
  if (answer->status != 200 && answer->status != 404)
    return put->done(client_.error_of(object_named(put->key), answer.value()));
  const bool there = answer->status == 200;
  const bool wanted = put->options.condition == PutIf::kAbsent
                          ? !there
                          : there && answer->header("etag") == put->options.version;
  if (!wanted) return put->done(PutOutcome::kKept);
  put->options.condition = PutIf::kAlways;
  send(std::move(put));
}

void S3Store::send(PutPtr put) {
  S3Request request = request_for(HttpMethod::kPut, put->key);
  request.body = put->bytes;
  request.payload = put->payload;
  request.max_bytes = kMaxErrorBodyBytes;
  if (put->options.condition == PutIf::kAbsent) request.headers.emplace_back("if-none-match", "*");
  if (put->options.condition == PutIf::kUnchanged)
    request.headers.emplace_back("if-match",
                                 put->bare_tag ? without_quotes(put->options.version) : put->options.version);
  client_.send(std::move(request), [this, put = std::move(put)](Result<HttpResponse> answer) mutable {
    on_put(std::move(put), std::move(answer));
  });
}

void S3Store::on_put(PutPtr put, Result<HttpResponse> answer) {
  if (!answer.ok()) return put->done(with_object(put->key, std::move(answer).error()));
  const std::string code = parse_error_code(answer->body.view());
  if (answer->succeeded() && code.empty()) {
    if (put->bare_tag) bare_tags_ = true;
    return put->done(PutOutcome::kStored);
  }
  const bool conditional = put->options.condition != PutIf::kAlways;
  if (conditional && (answer->status == 501 || code == "NotImplemented")) {
    no_conditions_ = true;
    return look_first(std::move(put));
  }
  const bool gone =
      put->options.condition == PutIf::kUnchanged && answer->status == 404 && code != "NoSuchBucket";
  if (answer->status == 412 && put->options.condition == PutIf::kUnchanged && !put->bare_tag)
    return check_tags(std::move(put));
  if (conditional && (answer->status == 412 || gone)) return put->done(PutOutcome::kKept);
  put->done(client_.error_of(object_named(put->key), answer.value()));
}

// Ceph 16 compares If-Match with an ETag that has no quotes, although it sends them: where the version did
// not change, ask once more in its way.
void S3Store::check_tags(PutPtr put) {
  S3Request request = request_for(HttpMethod::kHead, put->key);
  client_.send(std::move(request), [this, put = std::move(put)](Result<HttpResponse> answer) mutable {
    const bool same = answer.ok() && answer->status == 200 && answer->header("etag") == put->options.version;
    if (!same && answer.ok()) return put->done(PutOutcome::kKept);
    if (!answer.ok()) return put->done(with_object(put->key, std::move(answer).error()));
    put->bare_tag = true;
    send(std::move(put));
  });
}

void S3Store::remove(const std::string& key, Completion<bool> done) {
  if (!is_object_key(key)) return done(no_key(key));
  client_.send(request_for(HttpMethod::kDelete, key),
               [this, key, done = std::move(done)](Result<HttpResponse> answer) mutable {
                 if (!answer.ok()) return done(with_object(key, std::move(answer).error()));
                 if (answer->succeeded()) return done(true);
                 Error error = client_.error_of(object_named(key), answer.value());
                 if (error.code == Code::kNotFound) return done(false);
                 done(std::move(error));
               });
}

void S3Store::sync(const std::string& prefix, Completion<bool> done) {
  if (!is_folder(prefix)) return done(no_folder(prefix));
  done(true);
}

}  // namespace thaw
