#include "lib/store/s3_documents.h"

#include <catch2/catch.hpp>

#include "lib/store/xml_scanner.h"

namespace thaw::s3_documents_test {
namespace {

Result<S3ListPage> page_of(const std::string& text) { return parse_list_page(as_bytes(text)); }
std::string code_of(const std::string& text) { return parse_error_code(as_bytes(text)); }

std::string list_of(const std::string& inside) {
  return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
         "<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">" +
         inside + "</ListBucketResult>\n";
}

std::string contents(const std::string& key, const std::string& size) {
  return "<Contents><Key>" + key + "</Key><LastModified>2009-10-12T17:50:30.000Z</LastModified><Size>" +
         size + "</Size><Owner><ID>x</ID></Owner></Contents>";
}

}  // namespace

TEST_CASE("a page of a listing is read", "[s3]") {
  const auto page =
      page_of(list_of("<Name>b</Name><IsTruncated>true</IsTruncated>" + contents("a/b", "12") +
                      "\n  <!-- <Contents> -->" + contents("a&amp;&lt;&#228;&#x1F600;&quot;", "0") +
                      "<NextContinuationToken>t/k==</NextContinuationToken><Prefix/>"));
  REQUIRE(page.ok());
  REQUIRE(page->keys.size() == 2);
  CHECK(page->keys[0].key == "a/b");
  CHECK(page->keys[0].size == 12);
  CHECK(page->keys[0].modified == 1255369830);
  CHECK(page->keys[1].key == "a&<\xc3\xa4\xf0\x9f\x98\x80\"");
  CHECK(page->truncated);
  CHECK(page->next == "t/k==");
  const auto empty = page_of(list_of("<IsTruncated>false</IsTruncated>"));
  REQUIRE(empty.ok());
  CHECK(empty->keys.empty());
  CHECK_FALSE(empty->truncated);
}

TEST_CASE("what is no listing is damage", "[s3]") {
  const std::string good = list_of(contents("a", "1"));
  REQUIRE(page_of(good).ok());
  for (size_t length = 0; length + 1 < good.size(); ++length) {
    INFO(length);
    CHECK_FALSE(page_of(good.substr(0, length)).ok());
  }
  for (const std::string& text : {std::string("<Error><Code>SlowDown</Code></Error>"),
                                  list_of(contents("", "1")),
                                  list_of(contents("a", "-1")),
                                  list_of(contents("a", "1x")),
                                  list_of(contents("a", "")),
                                  list_of(contents("a", "99999999999999999999999")),
                                  list_of(contents(std::string(1025, 'a'), "1")),
                                  list_of("<Contents><Key>a</Key></Contents>"),
                                  list_of(contents("&nbsp;", "1")),
                                  list_of(contents("&#0;", "1")),
                                  list_of(contents("&#xD800;", "1")),
                                  list_of(contents("&#x110000;", "1")),
                                  list_of(contents("a&b", "1")),
                                  list_of("<a></b>"),
                                  list_of("<![CDATA[x]]>"),
                                  good + "<x/>",
                                  good + "x",
                                  "<!DOCTYPE x [<!ENTITY a \"b\">]>" + good,
                                  std::string("<ListBucketResult/>x"),
                                  "<ListBucketResult>" + std::string(100, '<')}) {
    INFO(text.substr(0, 200));
    const auto page = page_of(text);
    REQUIRE_FALSE(page.ok());
    CHECK(page.error().code == Code::kDamaged);
  }
  CHECK(page_of("<ListBucketResult/>").ok());
}

TEST_CASE("depth and number are bounded", "[s3]") {
  std::string deep;
  for (int i = 0; i < 100'000; ++i) deep += "<a>";
  CHECK_FALSE(page_of(list_of(deep)).ok());
  CHECK(code_of("<Error>" + deep).empty());
  std::string many;
  for (size_t i = 0; i < kMaxS3KeysPerPage; ++i) many += contents("k", "1");
  CHECK(page_of(list_of(many)).ok());
  CHECK_FALSE(page_of(list_of(many + contents("k", "1"))).ok());
}

TEST_CASE("an error's code is read, also of a document that was cut off", "[s3]") {
  CHECK(code_of("<?xml version=\"1.0\"?><Error><Message>a</Message><Code>NoSuchKey</Code></Error>") ==
        "NoSuchKey");
  CHECK(code_of("<Error><Code>NoSuchKey</Code><Mess") == "NoSuchKey");
  CHECK(code_of("<Error><Code>No such\nkey</Code></Error>").empty());
  CHECK(code_of("<Error><Code>" + std::string(65, 'a') + "</Code></Error>").empty());
  CHECK(code_of("<Error/>").empty());
  CHECK(code_of("<html><Code>X</Code></html>").empty());
  CHECK(code_of("").empty());
  CHECK(code_of("\xff\xfe\0x").empty());
}

TEST_CASE("the answer to a removal of many names the first that failed", "[s3]") {
  const auto answer = [](const std::string& inside) {
    return parse_removal_answer(
        as_bytes("<?xml version=\"1.0\"?><DeleteResult xmlns=\"x\">" + inside + "</DeleteResult>"));
  };
  CHECK(answer("")->empty());
  CHECK(answer("<Deleted><Key>a</Key></Deleted>")->empty());
  CHECK(answer("<Error><Key>a</Key><Code>AccessDenied</Code><Message>m</Message></Error>"
               "<Error><Key>b</Key><Code>InternalError</Code></Error>")
            .value() == "AccessDenied");
  for (const char* text :
       {"", "<Error><Code>SlowDown</Code></Error>", "<DeleteResult>", "<DeleteResult><Error></DeleteResult>"})
    CHECK(parse_removal_answer(as_bytes(text)).error().code == Code::kDamaged);
  CHECK(removal_document({"a&b", "c<d>"}) ==
        "<Delete><Quiet>true</Quiet><Object><Key>a&amp;b</Key></Object><Object><Key>c&lt;d&gt;</Key></"
        "Object></Delete>");
}

}  // namespace thaw::s3_documents_test
