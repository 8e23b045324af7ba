// S3Store's copies and removals of many objects; the rest is in s3_store.cc.
#include "lib/aws/uri_encoding.h"
#include "lib/base/base64.h"
#include "lib/crypto/hash.h"
#include "lib/store/paths.h"
#include "lib/store/s3_documents.h"
#include "lib/store/s3_store.h"

namespace thaw {

struct S3Store::Copy {
  std::string from;
  std::string version;
  std::string to;
  bool bare_tag = false;
  Completion<PutOutcome> done;
};

void S3Store::copy(const std::string& from, const std::string& version, const std::string& to,
                   Completion<PutOutcome> done) {
  // Without its version it could be something else by now.
  if (no_copies_ || version.empty() || !is_object_key(from) || !is_object_key(to))
    return done(PutOutcome::kKept);
  send(std::make_unique<Copy>(Copy{from, version, to, bare_tags_, std::move(done)}));
}

void S3Store::send(std::unique_ptr<Copy> copy) {
  const S3Place& place = client_.place();
  S3Request request;
  request.method = HttpMethod::kPut;
  request.path = place.object_path(copy->to);
  request.payload = sha256({});
  request.max_bytes = kMaxErrorBodyBytes;
  request.headers.emplace_back(
      "x-amz-copy-source",
      "/" + place.bucket() + "/" + uri_encode(place.prefix() + copy->from, UriPart::kPath));
  request.headers.emplace_back("x-amz-copy-source-if-match",
                               copy->bare_tag ? without_quotes(copy->version) : copy->version);
  client_.send(std::move(request), [this, copy = std::move(copy)](Result<HttpResponse> answer) mutable {
    on_copy(std::move(copy), std::move(answer));
  });
}

// A server may also fail after it has begun to answer with 200 (parse_error_code).
void S3Store::on_copy(std::unique_ptr<Copy> copy, Result<HttpResponse> answer) {
  const std::string what = "store object " + copy->to;
  if (!answer.ok()) return copy->done(Error{answer.error().code, what + ": " + answer.error().message});
  const std::string code = parse_error_code(answer->body.view());
  if (answer->succeeded() && code.empty()) return copy->done(PutOutcome::kStored);
  if (answer->status == 412 && !copy->bare_tag) {
    copy->bare_tag = true;
    return send(std::move(copy));
  }
  if (answer->status == 501 || code == "NotImplemented") no_copies_ = true;
  const bool cannot =
      answer->status == 412 || answer->status == 404 || answer->status == 501 || code == "NotImplemented";
  if (cannot && code != "NoSuchBucket") return copy->done(PutOutcome::kKept);
  copy->done(client_.error_of(what, answer.value()));
}

void S3Store::remove_all(std::vector<std::string> keys, Completion<bool> done) {
  if (keys.empty()) return done(true);
  for (std::string& key : keys) {
    if (!is_object_key(key))
      return done(Error{Code::kUsage, "\"" + key.substr(0, 80) + "\" is no key of an object"});
    key = client_.place().prefix() + key;
  }
  // Lives until the answer is there.
  auto body = std::make_unique<std::string>(removal_document(keys));
  S3Request request;
  request.method = HttpMethod::kPost;
  request.path = client_.place().bucket_path();
  request.query = {{"delete", ""}};
  request.body = as_bytes(*body);
  request.payload = sha256(request.body);
  request.max_bytes = kMaxErrorBodyBytes + 1024 * keys.size();
  request.headers.emplace_back("content-md5", to_base64(md5(request.body)));
  client_.send(std::move(request),
               [this, body = std::move(body), done = std::move(done)](Result<HttpResponse> answer) mutable {
                 const std::string what = "removing store objects";
                 if (!answer.ok())
                   return done(Error{answer.error().code, what + ": " + answer.error().message});
                 if (!answer->succeeded() || !parse_error_code(answer->body.view()).empty())
                   return done(client_.error_of(what, answer.value()));
                 const Result<std::string> failed = parse_removal_answer(answer->body.view());
                 if (!failed.ok())
                   return done(Error{failed.error().code, what + ": " + failed.error().message});
                 if (failed->empty()) return done(true);
                 const bool refused = failed.value() == "AccessDenied";
                 done(Error{refused ? Code::kRefused : Code::kUnreachable,
                            what + ": the server leaves some of them (" + failed->substr(0, 64) + ")"});
               });
}

}  // namespace thaw
