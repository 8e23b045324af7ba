#include "test/lib/store/s3_bucket.h"

namespace thaw::s3_put_test {

TEST_CASE("conditional puts say what became of them", "[s3]") {
  std::atomic<int> status{200};
  std::string head;
  ScriptedBucket bucket([&](const ScriptedRequest& request) {
    if (request.method == "HEAD") return head_of(5, "\"other\"");
    head = request.head;
    return answer_with(status, "");
  });
  CHECK(bucket.put(PutIf::kAbsent).value() == PutOutcome::kStored);
  CHECK(head.find("if-none-match: *\r\n") != std::string::npos);
  CHECK(head.find("SignedHeaders=host;if-none-match;") != std::string::npos);
  CHECK(bucket.put(PutIf::kUnchanged, "\"t\"").value() == PutOutcome::kStored);
  CHECK(head.find("if-match: \"t\"\r\n") != std::string::npos);
  CHECK(bucket.put(PutIf::kAlways).value() == PutOutcome::kStored);
  CHECK(head.find("match:") == std::string::npos);
  status = 412;
  CHECK(bucket.put(PutIf::kAbsent).value() == PutOutcome::kKept);
  CHECK(bucket.put(PutIf::kUnchanged, "\"t\"").value() == PutOutcome::kKept);
  status = 404;
  CHECK(bucket.put(PutIf::kUnchanged, "\"t\"").value() == PutOutcome::kKept);
  status = 409;
  CHECK(bucket.put(PutIf::kAbsent).error().code == Code::kUnreachable);
  const int before = bucket.server.requests();
  CHECK(bucket.put(PutIf::kUnchanged, "").value() == PutOutcome::kKept);
  CHECK(bucket.server.requests() == before);
}

TEST_CASE("a server without conditions is asked first, and this is learnt once", "[s3]") {
  std::atomic<bool> there{false};
  std::string methods;
  ScriptedBucket bucket([&](const ScriptedRequest& request) {
    methods += request.method[0];
    if (request.method == "HEAD") return there ? head_of(5, "\"t\"") : answer_with(404, "");
    const bool conditional = request.head.find("match: ") != std::string::npos;
    return conditional ? refuse_with(501, "NotImplemented") : answer_with(200, "");
  });
  CHECK(bucket.put(PutIf::kAbsent).value() == PutOutcome::kStored);
  CHECK(methods == "PHP");
  CHECK(bucket.put(PutIf::kAbsent).value() == PutOutcome::kStored);
  CHECK(methods == "PHPHP");
  there = true;
  CHECK(bucket.put(PutIf::kAbsent).value() == PutOutcome::kKept);
  CHECK(bucket.put(PutIf::kUnchanged, "\"t\"").value() == PutOutcome::kStored);
  CHECK(bucket.put(PutIf::kUnchanged, "\"u\"").value() == PutOutcome::kKept);
  CHECK(methods == "PHPHPHHPH");
}

TEST_CASE("a server that knows ETags without quotes only is spoken to in its way", "[s3]") {
  std::string matches;
  ScriptedBucket bucket([&](const ScriptedRequest& request) {
    if (request.method == "HEAD") return head_of(5, "\"t\"");
    const bool bare = request.head.find("if-match: t\r\n") != std::string::npos;
    matches += bare ? 'b' : 'q';
    return answer_with(bare ? 200 : 412, "");
  });
  CHECK(bucket.put(PutIf::kUnchanged, "\"t\"").value() == PutOutcome::kStored);
  CHECK(bucket.put(PutIf::kUnchanged, "\"t\"").value() == PutOutcome::kStored);
  CHECK(matches == "qbb");
  CHECK(bucket.put(PutIf::kUnchanged, "\"old\"").value() == PutOutcome::kKept);
}

TEST_CASE("an error document in a successful answer to a put is an error", "[s3]") {
  ScriptedBucket bucket([](const ScriptedRequest&) { return refuse_with(200, "InternalError"); });
  const auto put = bucket.put(PutIf::kAlways);
  REQUIRE_FALSE(put.ok());
  CHECK(put.error().code == Code::kUnreachable);
}

TEST_CASE("the store copies by itself what was read, and says when it did not", "[s3]") {
  std::string head;
  std::atomic<int> refused{0};  // how many of the next copies
  std::atomic<int> status{412};
  ScriptedBucket bucket([&](const ScriptedRequest& request) {
    head = request.head;
    if (refused > 0) {
      --refused;
      return answer_with(status, "");
    }
    return answer_with(200, "<CopyObjectResult><ETag>t</ETag></CopyObjectResult>");
  });
  const auto copy = [&](const std::string& version) {
    return await<PutOutcome>(
        [&](Completion<PutOutcome> done) { bucket.store->copy("a/b", version, "c/d", std::move(done)); });
  };
  CHECK(copy("\"t\"").value() == PutOutcome::kStored);
  CHECK(head.starts_with("PUT /images/p/c/d "));
  CHECK(head.find("x-amz-copy-source: /images/p/a/b\r\n") != std::string::npos);
  CHECK(head.find("x-amz-copy-source-if-match: \"t\"\r\n") != std::string::npos);
  // A server that compares tags without their quotes.
  refused = 1;
  CHECK(copy("\"t\"").value() == PutOutcome::kStored);
  CHECK(head.find("x-amz-copy-source-if-match: t\r\n") != std::string::npos);
  refused = 2;
  CHECK(copy("\"t\"").value() == PutOutcome::kKept);
  CHECK(copy("").value() == PutOutcome::kKept);
  status = 503;
  refused = 1;
  CHECK(copy("\"t\"").error().code == Code::kUnreachable);
  // One that cannot is asked once.
  status = 501;
  refused = 1;
  CHECK(copy("\"t\"").value() == PutOutcome::kKept);
  const int before = bucket.server.requests();
  CHECK(copy("\"t\"").value() == PutOutcome::kKept);
  CHECK(bucket.server.requests() == before);
}

TEST_CASE("many objects are removed with one request, and none is left without a word", "[s3]") {
  std::string head;
  std::string answer = "<DeleteResult/>";
  ScriptedBucket bucket([&](const ScriptedRequest& request) {
    head = request.head;
    return answer_with(200, answer);
  });
  const auto remove = [&](std::vector<std::string> keys) {
    return await<bool>(
        [&](Completion<bool> done) { bucket.store->remove_all(std::move(keys), std::move(done)); });
  };
  CHECK(remove({"a", "b/c"}).value());
  CHECK(head.starts_with("POST /images?delete= "));
  // Of the document with both keys.
  CHECK(head.find("content-md5: ") != std::string::npos);
  CHECK(head.find("SignedHeaders=content-md5;host;") != std::string::npos);
  answer = "<DeleteResult><Error><Key>p/a</Key><Code>AccessDenied</Code></Error></DeleteResult>";
  CHECK(remove({"a"}).error().code == Code::kRefused);
  answer = "<DeleteResult><Error><Key>p/a</Key><Code>InternalError</Code></Error></DeleteResult>";
  CHECK(remove({"a"}).error().code == Code::kUnreachable);
  answer = "<html>";
  CHECK_FALSE(remove({"a"}).ok());
  CHECK(remove({"../a"}).error().code == Code::kUsage);
  const int before = bucket.server.requests();
  CHECK(remove({}).value());
  CHECK(bucket.server.requests() == before);
}

}  // namespace thaw::s3_put_test
