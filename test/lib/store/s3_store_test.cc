#include "lib/store/s3_store.h"

#include "test/lib/store/s3_bucket.h"

namespace thaw::s3_store_test {

TEST_CASE("an object of a bucket comes with its ETag as version, from the signed path", "[s3]") {
  std::string head;
  ScriptedBucket bucket([&](const ScriptedRequest& request) {
    head = request.head;
    return request.method == "HEAD" ? head_of(7, "\"t\"") : answer_with(200, "bytes", "ETag: \"t\"\r\n");
  });
  const auto object = bucket.get("roots/1/root.json");
  REQUIRE(object.ok());
  CHECK(as_text(object->bytes.view()) == "bytes");
  CHECK(object->version == "\"t\"");
  CHECK(head.starts_with("GET /images/p/roots/1/root.json HTTP/1.1\r\n"));
  CHECK(head.find("authorization: AWS4-HMAC-SHA256 Credential=first/") != std::string::npos);
  CHECK(bucket.get("k", 4).error().code == Code::kDamaged);
  CHECK(bucket.size_of("k").value() == 7);
  for (const char* key : {"", "/k", "../k", "a b", "k/"}) {
    CHECK(bucket.get(key).error().code == Code::kUsage);
    CHECK(bucket.size_of(key).error().code == Code::kUsage);
    CHECK(bucket.remove(key).error().code == Code::kUsage);
  }
}

TEST_CASE("answers of a bucket become our errors, each one line that names the object", "[s3]") {
  struct Row {
    int status;
    const char* code;
    Code meaning;
    const char* text;
  };
  const Row rows[] = {
      {404, "NoSuchKey", Code::kNotFound, "there is none"},
      {404, "NoSuchBucket", Code::kFailed, "s3://images at http://127.0.0.1"},
      {403, "SignatureDoesNotMatch", Code::kRefused, "AWS_SECRET_ACCESS_KEY"},
      {403, "AccessDenied", Code::kRefused, "AccessDenied"},
      {403, "RequestTimeTooSkewed", Code::kRefused, "clock"},
      {401, "", Code::kRefused, "401"},
      {400, "ExpiredToken", Code::kRefused, "ExpiredToken"},
      {400, "AuthorizationHeaderMalformed", Code::kUsage, "s3.region"},
      {400, "RequestTimeout", Code::kUnreachable, "RequestTimeout"},
      {400, "Other", Code::kFailed, "Other"},
      {301, "PermanentRedirect", Code::kUsage, "s3.region"},
      {307, "", Code::kUsage, "307"},
      {429, "", Code::kUnreachable, "429"},
      {500, "InternalError", Code::kUnreachable, "InternalError"},
      {503, "SlowDown", Code::kUnreachable, "SlowDown"},
      {501, "NotImplemented", Code::kFailed, "NotImplemented"},
      {418, "in valid\n", Code::kFailed, "418"},
  };
  std::atomic<const Row*> row{nullptr};
  ScriptedBucket bucket(
      [&](const ScriptedRequest&) { return refuse_with(row.load()->status, row.load()->code); });
  for (const Row& each : rows) {
    row = &each;
    INFO(each.status << " " << each.code);
    const auto got = bucket.get("k");
    REQUIRE_FALSE(got.ok());
    CHECK(got.error().code == each.meaning);
    CHECK(got.error().message.starts_with("store object k: "));
    CHECK(got.error().message.find(each.text) != std::string::npos);
    CHECK(got.error().message.find('\n') == std::string::npos);
    CHECK(bucket.list({}).error().code == each.meaning);
    CHECK(bucket.put(PutIf::kAlways).error().code == each.meaning);
  }
}

TEST_CASE("trouble on the way to a bucket is unreachable", "[s3]") {
  ScriptedBucket bucket([](const ScriptedRequest& request) -> ScriptedAnswer {
    if (request.target.ends_with("/short"))
      return {"HTTP/1.1 200 X\r\nContent-Length: 10\r\n\r\n1", AfterAnswer::kClose};
    if (request.target.ends_with("/reset")) return {"HTTP/1.1 200", AfterAnswer::kReset};
    return {"", AfterAnswer::kHang};
  });
  CHECK(bucket.get("short").error().code == Code::kUnreachable);
  CHECK(bucket.get("reset").error().code == Code::kUnreachable);
  GetOptions options;
  options.deadline = steady_clock().now() + std::chrono::milliseconds(50);
  const auto slow =
      await<Object>([&](Completion<Object> done) { bucket.store->get("slow", options, std::move(done)); });
  CHECK(slow.error().code == Code::kTimedOut);
  CHECK(slow.error().message.starts_with("store object slow: "));
}

TEST_CASE("an error document instead of an object is trouble on the way, and no damage", "[s3]") {
  ScriptedBucket bucket([](const ScriptedRequest& request) {
    return answer_with(200, request.target.ends_with("/fails")
                                ? "<?xml version=\"1.0\"?><Error><Code>InternalError</Code></Error>"
                                : "<is an object>");
  });
  CHECK(bucket.get("fails").error().code == Code::kUnreachable);
  CHECK(bucket.get("k").ok());
}

TEST_CASE("a listing goes on until its limit, past what are no objects of a store", "[s3]") {
  std::vector<std::string> targets;
  ScriptedBucket bucket([&](const ScriptedRequest& request) {
    targets.push_back(request.target);
    const bool second = request.target.find("continuation-token=t%2F1") != std::string::npos;
    const auto entry = [](const std::string& key) {
      return "<Contents><Key>p/a/" + key + "</Key><Size>3</Size></Contents>";
    };
    return answer_with(200, "<ListBucketResult>" +
                                (second ? entry("y") + entry("z")
                                        : entry("") + entry("no key") + entry("x") +
                                              "<IsTruncated>true</IsTruncated>"
                                              "<NextContinuationToken>t/1</NextContinuationToken>") +
                                "</ListBucketResult>");
  });
  ListOptions options;
  options.prefix = "a/";
  options.start_after = "a/b";
  const auto all = bucket.list(options);
  REQUIRE(all.ok());
  REQUIRE(all->size() == 3);
  CHECK(all->at(0).key == "a/x");
  CHECK(all->at(2).key == "a/z");
  CHECK(all->at(2).size == 3);
  CHECK(targets.at(0) == "/images?list-type=2&max-keys=1000&prefix=p%2Fa%2F&start-after=p%2Fa%2Fb");
  options.limit = 2;
  CHECK(bucket.list(options)->size() == 2);
  options.prefix = "other/";
  CHECK(bucket.list(options).error().code == Code::kDamaged);
  options.prefix = "a";
  CHECK(bucket.list(options).error().code == Code::kUsage);
}

TEST_CASE("a listing that may not be whole is an error", "[s3]") {
  const std::string break_off = GENERATE("", "<NextContinuationToken>same</NextContinuationToken>");
  ScriptedBucket bucket([&](const ScriptedRequest&) {
    return answer_with(
        200, "<ListBucketResult><IsTruncated>true</IsTruncated>" + break_off + "</ListBucketResult>");
  });
  CHECK(bucket.list({}).error().code == Code::kDamaged);
}

// Some servers do not sort, or know no start-after: a list goes on after its last key here.
TEST_CASE("a listing that is not in the order of keys is an error", "[s3]") {
  ScriptedBucket bucket([](const ScriptedRequest&) {
    return answer_with(200,
                       "<ListBucketResult><Contents><Key>p/b</Key><Size>3</Size></Contents>"
                       "<Contents><Key>p/a</Key><Size>3</Size></Contents></ListBucketResult>");
  });
  ListOptions options;
  CHECK(bucket.list(options).error().code == Code::kDamaged);
  options.limit = 1;
  CHECK(bucket.list(options)->at(0).key == "b");
  options.start_after = "b";
  CHECK(bucket.list(options).error().code == Code::kDamaged);
}

TEST_CASE("removing what is not there is no error", "[s3]") {
  std::atomic<int> status{204};
  ScriptedBucket bucket([&](const ScriptedRequest&) {
    return ScriptedAnswer{"HTTP/1.1 " + std::to_string(status) + " X\r\nContent-Length: 0\r\n\r\n"};
  });
  CHECK(bucket.remove("k").value());
  status = 404;
  CHECK_FALSE(bucket.remove("k").value());
  status = 503;
  CHECK(bucket.remove("k").error().code == Code::kUnreachable);
}

TEST_CASE("refused credentials are read again, once a request", "[s3]") {
  ScriptedBucket bucket([](const ScriptedRequest& request) {
    const bool good = request.head.find("Credential=second/") != std::string::npos;
    return good ? answer_with(200, "bytes") : refuse_with(403, "InvalidAccessKeyId");
  });
  bucket.write_keys("second");
  CHECK(bucket.get("k").ok());
  CHECK(bucket.server.requests() == 2);
  CHECK(bucket.get("k").ok());
  CHECK(bucket.server.requests() == 3);
}

TEST_CASE("rotated credentials are taken before the old ones are refused", "[s3]") {
  std::atomic<bool> rotated{false};
  ScriptedBucket bucket([&](const ScriptedRequest& request) {
    if (request.head.find("Credential=second/") != std::string::npos) rotated = true;
    return answer_with(200, "bytes");
  });
  bucket.write_keys("second");
  CHECK(bucket.get("k").ok());
  CHECK_FALSE(rotated);  // they were read a moment ago
  bucket.clock.advance(AwsCredentialSource::kFresh);
  // The file is read beside the requests.
  for (int i = 0; i < 1000 && !rotated; ++i) CHECK(bucket.get("k").ok());
  CHECK(rotated);
}

TEST_CASE("what a bucket's server says of when to come back is passed on", "[s3]") {
  std::string header;
  int status = 503;
  ScriptedBucket bucket([&](const ScriptedRequest&) { return answer_with(status, "", header); });
  const auto asked = [&](const std::string& value) {
    header = "Retry-After: " + value + "\r\n";
    return bucket.get("k").error().retry_after;
  };
  CHECK(bucket.get("k").error().retry_after == Duration::zero());
  CHECK(asked("7") == std::chrono::seconds(7));
  CHECK(asked("soon") == Duration::zero());
  CHECK(asked("-5") == Duration::zero());
  CHECK(asked("Wed, 21 Oct 2015 07:28:00 GMT") == Duration::zero());
  // A date far away, and a number that fits nowhere, stay numbers.
  CHECK(asked("Fri, 31 Dec 2099 23:59:59 GMT") >= std::chrono::hours(24));
  CHECK(asked("99999999999999999999") >= Duration::zero());
  const std::time_t later = std::time(nullptr) + 60;
  char date[64];
  std::strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", std::gmtime(&later));
  const Duration left = asked(date);
  CHECK(left > std::chrono::seconds(0));
  CHECK(left <= std::chrono::seconds(61));
  for (const int other : {429, 500, 503, 409}) {
    status = other;
    CHECK(asked("3") == std::chrono::seconds(3));
  }
  // Who is refused has no reason to come back.
  status = 403;
  CHECK(asked("3") == Duration::zero());
}

TEST_CASE("without credentials nothing is sent", "[s3]") {
  ScriptedBucket bucket([](const ScriptedRequest&) { return answer_with(200, ""); });
  std::filesystem::remove(bucket.folder / "credentials");
  bucket.open();
  const auto got = bucket.get("k");
  REQUIRE_FALSE(got.ok());
  CHECK(got.error().code == Code::kRefused);
  CHECK(got.error().message.find("no credentials") != std::string::npos);
  CHECK(bucket.server.requests() == 0);
}

}  // namespace thaw::s3_store_test
