#include "lib/keys/kms_documents.h"

#include <catch2/catch.hpp>

#include "lib/base/base64.h"
#include "lib/keys/key_service.h"

namespace thaw::kms_documents_test {
namespace {

constexpr const char* kPlain = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";  // 0, 1, 2, … 31

std::optional<Secret> take(std::string& answer) {
  return take_plaintext({reinterpret_cast<uint8_t*>(answer.data()), answer.size()});
}

}  // namespace

TEST_CASE("requests are spelled as the API's reference has them", "[keys]") {
  CHECK(generate_data_key_request("alias/t/acme/1", as_bytes("con")) ==
        R"({"EncryptionContext":{"thaw":"Y29u"},"KeyId":"alias/t/acme/1","KeySpec":"AES_256"})");
  CHECK(decrypt_request("alias/t/acme/1", as_bytes("w"), as_bytes("con")) ==
        R"({"CiphertextBlob":"dw==","EncryptionContext":{"thaw":"Y29u"},"KeyId":"alias/t/acme/1"})");
  CHECK(re_encrypt_request("alias/1", "alias/2", as_bytes("w"), as_bytes("con")) ==
        R"({"CiphertextBlob":"dw==","DestinationEncryptionContext":{"thaw":"Y29u"},)"
        R"("DestinationKeyId":"alias/2","SourceEncryptionContext":{"thaw":"Y29u"},"SourceKeyId":"alias/1"})");
  CHECK(list_aliases_request("") == R"({"Limit":100})");
  CHECK(list_aliases_request("\"\xff") == "{\"Limit\":100,\"Marker\":\"\\\"\xef\xbf\xbd\"}");
  CHECK(create_key_request("Thaw") ==
        R"({"Description":"Thaw","KeySpec":"SYMMETRIC_DEFAULT","KeyUsage":"ENCRYPT_DECRYPT"})");
  CHECK(create_alias_request("alias/a", "id") == R"({"AliasName":"alias/a","TargetKeyId":"id"})");
  CHECK(key_request("id") == R"({"KeyId":"id"})");
  CHECK(schedule_key_deletion_request("id", 30) == R"({"KeyId":"id","PendingWindowInDays":30})");
}

TEST_CASE("a data key is taken out of its answer", "[keys]") {
  for (const char* between : {"\":\"", "\" : \"", "\"\n:\t\""}) {
    std::string answer =
        R"({"CiphertextBlob":"d3JhcHBlZA==","Plaintext)" + std::string(between) + kPlain + "\"}";
    const auto secret = take(answer);
    REQUIRE(secret);
    CHECK(secret->view().back() == 31);
    CHECK(answer.find("AAEC") == std::string::npos);
    CHECK(answer.find("Hh8=") == std::string::npos);
    CHECK(ciphertext_of(answer).value() == Bytes{'w', 'r', 'a', 'p', 'p', 'e', 'd'});
  }
  // Where the name stands for something else, and "/" is escaped.
  std::string answer =
      R"({"A":"Plaintext","B":"\"Plaintext\":\"x\"","Plaintext":")" + std::string(43, '/') + "\"}";
  answer.replace(answer.find("/////"), 1, "\\/");
  answer.replace(answer.rfind('/'), 1, "8=");
  CHECK(take(answer).value().view()[0] == 0xff);
}

TEST_CASE("what is no data key gives none", "[keys]") {
  const std::string plain = kPlain;
  for (const std::string& value : {std::string(), plain.substr(0, 40), plain + "AAAA", plain.substr(1),
                                   std::string(200, 'A'), plain + '\n'}) {
    std::string answer = R"({"Plaintext":")" + value + "\"}";
    CHECK_FALSE(take(answer));
  }
  for (std::string answer : {std::string(), std::string("{}"), R"({"Plaintext":7})" + std::string(),
                             R"({"Plaintext":")" + plain, R"("Plaintext")" + std::string()}) {
    INFO(answer);
    CHECK_FALSE(take(answer));
  }
  for (const char* answer :
       {"", "[]", "{}", R"({"CiphertextBlob":7})", R"({"CiphertextBlob":""})", R"({"CiphertextBlob":"?"})"}) {
    CHECK_FALSE(ciphertext_of(answer));
  }
  const std::string longer = to_base64(Bytes(kMaxWrappedBytes + 1));
  CHECK_FALSE(ciphertext_of(R"({"CiphertextBlob":")" + longer + "\"}"));
}

TEST_CASE("a page of aliases, and where the list goes on", "[keys]") {
  const auto page = aliases_of(
      R"({"Aliases":[{"AliasName":"alias/aws/s3"},{"AliasName":"alias/t/a/1","TargetKeyId":"k1",
      "CreationDate":1700000000.125},{"AliasName":7,"TargetKeyId":"k"},7],"Truncated":true,"NextMarker":"m"})");
  REQUIRE(page);
  REQUIRE(page->aliases.size() == 1);
  CHECK(page->aliases[0].name == "alias/t/a/1");
  CHECK(page->aliases[0].key == "k1");
  CHECK(page->aliases[0].created == 1700000000);
  CHECK(page->next == "m");
  CHECK(aliases_of(R"({"Aliases":[],"Truncated":false})")->next.empty());
  for (const char* answer : {"", "7", "{}", R"({"Aliases":{}})", R"({"Aliases":[],"Truncated":true})",
                             R"({"Aliases":[],"Truncated":true,"NextMarker":""})"}) {
    CHECK_FALSE(aliases_of(answer));
  }
}

TEST_CASE("a key and its state", "[keys]") {
  const auto key = key_of(R"({"KeyMetadata":{"KeyId":"k","KeyState":"Disabled","Enabled":false}})");
  REQUIRE(key);
  CHECK(key->id == "k");
  CHECK(key->state == "Disabled");
  for (const char* answer : {"", "{}", R"({"KeyMetadata":7})", R"({"KeyMetadata":{"KeyId":"k"}})"})
    CHECK_FALSE(key_of(answer));
}

TEST_CASE("an error's type is a word, and its message one line", "[keys]") {
  CHECK(failure_of(R"({"__type":"NotFoundException","message":"m"})").type == "NotFoundException");
  CHECK(failure_of(R"({"__type":"com.amazonaws.kms#DisabledException"})").type == "DisabledException");
  CHECK(failure_of(R"({"__type":"InternalFailure:http://x"})").type == "InternalFailure");
  CHECK(failure_of(R"({"__type":"a\nb"})").type.empty());
  CHECK(failure_of(R"({"__type":"x","Message":"a\nb\u00e4"})").message == "a?b??");
  CHECK(failure_of(R"({"message":")" + std::string(5000, 'm') + "\"}").message.size() == 300);
  for (const char* answer : {"", "<html>", "[]", "{}", R"({"__type":{}})"}) {
    CHECK(failure_of(answer).type.empty());
    CHECK(failure_of(answer).message.empty());
  }
}

}  // namespace thaw::kms_documents_test
