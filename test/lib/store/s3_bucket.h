// A store in a bucket whose server follows a script, with blocking forms of its calls.
#pragma once

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "lib/base/await.h"
#include "lib/store/s3_store.h"
#include "test/fakes/executors.h"
#include "test/fakes/http_thread.h"
#include "test/fakes/manual_timers.h"
#include "test/fakes/scripted_server.h"
#include "test/temporary_folder.h"

namespace thaw {

inline std::string error_document(const std::string& code) {
  return "<?xml version=\"1.0\"?><Error><Code>" + code + "</Code><Message>m</Message></Error>";
}
inline ScriptedAnswer refuse_with(int status, const std::string& code) {
  return answer_with(status, error_document(code));
}
inline ScriptedAnswer head_of(uint64_t size, const std::string& etag) {
  return {"HTTP/1.1 200 X\r\nContent-Length: " + std::to_string(size) + "\r\nETag: " + etag + "\r\n\r\n"};
}

// A store whose server follows a script, and the credentials to be sent to it.
struct ScriptedBucket {
  TemporaryFolder folder;
  ScriptedServer server;
  HttpThread http;
  ManualTimers clock;                                // of the credentials
  std::unique_ptr<AwsCredentialSource> credentials;  // outlives what threads still do for it
  ThreadPool threads{2};
  std::unique_ptr<S3Store> store;

  explicit ScriptedBucket(ScriptedServer::Script script) : server(std::move(script)) {
    ::unsetenv("AWS_ACCESS_KEY_ID");
    ::unsetenv("AWS_PROFILE");
    ::setenv("AWS_SHARED_CREDENTIALS_FILE", (folder / "credentials").c_str(), 1);
    write_keys("first");
    open();
  }
  ~ScriptedBucket() { http.stop(); }

  // The store anew, with the credentials that there are.
  void open() {
    S3Options options;
    options.endpoint = server.url();
    credentials = std::make_unique<AwsCredentialSource>(clock);
    store = std::make_unique<S3Store>(S3Place::parse("s3://images/p", options).value(), http.client(),
                                      threads, *credentials);
  }

  void write_keys(const std::string& key) const {
    std::ofstream(folder / "credentials")
        << "[default]\naws_access_key_id = " << key << "\naws_secret_access_key = secret\n";
  }
  Result<Object> get(const std::string& key, uint64_t max_bytes = 100) const {
    GetOptions options;
    options.max_bytes = max_bytes;
    return await<Object>([&](Completion<Object> done) { store->get(key, options, std::move(done)); });
  }
  Result<PutOutcome> put(PutIf condition, const std::string& version = "") const {
    const PutOptions options{condition, version, Durability::kNow};
    return await<PutOutcome>(
        [&](Completion<PutOutcome> done) { store->put("k", as_bytes("bytes"), options, std::move(done)); });
  }
  Result<std::vector<ListedObject>> list(const ListOptions& options) const {
    using Listed = std::vector<ListedObject>;
    return await<Listed>([&](Completion<Listed> done) { store->list(options, std::move(done)); });
  }
  Result<uint64_t> size_of(const std::string& key) const {
    return await<uint64_t>([&](Completion<uint64_t> done) { store->size_of(key, std::move(done)); });
  }
  Result<bool> remove(const std::string& key) const {
    return await<bool>([&](Completion<bool> done) { store->remove(key, std::move(done)); });
  }
};

}  // namespace thaw
