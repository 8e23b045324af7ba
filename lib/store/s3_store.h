// S3Store: an object store below a prefix of an S3 bucket (docs/formats/store.md, "A bucket as a store").
//
// What S3 acknowledges is durable and whole, so sync() has nothing to do. A version is the object's ETag.
// Conditional puts use If-None-Match and If-Match; a server that answers that it has none is asked first, and
// then put to (remembered): harmless for objects whose name fixes their bytes, while two writers of one name
// record at the same moment may then both believe that they were first.
//
// Any thread may call; nothing blocks: the HTTP client's loop sends, `executor` hashes what is put. All that
// is passed in must outlive the store, and the store its operations. Errors beyond ObjectStore's: a bucket
// that does not exist is kFailed, another region kUsage, a writer in the way (409) kUnreachable.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "lib/base/executor.h"
#include "lib/store/object_store.h"
#include "lib/store/s3_client.h"

namespace thaw {

class S3Store final : public ObjectStore {
 public:
  S3Store(S3Place place, HttpClient& http, Executor& executor, AwsCredentialSource& credentials)
      : client_(std::move(place), http, executor, credentials), executor_(executor) {}

  void get(const std::string& key, const GetOptions& options, Completion<Object> done) override;
  void size_of(const std::string& key, Completion<uint64_t> done) override;
  void list(const ListOptions& options, Completion<std::vector<ListedObject>> done) override;
  void put(const std::string& key, ByteView bytes, const PutOptions& options,
           Completion<PutOutcome> done) override;
  // True also when there was nothing: S3 does not tell.
  void remove(const std::string& key, Completion<bool> done) override;
  void sync(const std::string& prefix, Completion<bool> done) override;
  void copy(const std::string& from, const std::string& version, const std::string& to,
            Completion<PutOutcome> done) override;
  void remove_all(std::vector<std::string> keys, Completion<bool> done) override;

 private:
  struct Listing;
  struct Put;
  struct Copy;
  using PutPtr = std::unique_ptr<Put>;

  S3Request request_for(HttpMethod method, const std::string& key) const;

  void next_page(std::unique_ptr<Listing> listing);
  void on_page(std::unique_ptr<Listing> listing, Result<HttpResponse> answer);

  // The stages of a put.
  void hash(PutPtr put);
  void look_first(PutPtr put);
  void on_look(PutPtr put, Result<HttpResponse> answer);
  void send(PutPtr put);
  void on_put(PutPtr put, Result<HttpResponse> answer);
  void check_tags(PutPtr put);

  void send(std::unique_ptr<Copy> copy);
  void on_copy(std::unique_ptr<Copy> copy, Result<HttpResponse> answer);

  S3Client client_;
  Executor& executor_;
  std::atomic<bool> no_conditions_{false};  // the server has said so
  std::atomic<bool> bare_tags_{false};      // it knows ETags without their quotes only
  std::atomic<bool> no_copies_{false};      // it does not copy by itself
};

}  // namespace thaw
