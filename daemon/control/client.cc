#include "daemon/control/client.h"

#include <curl/curl.h>

#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>

#include "lib/json/json_text.h"

namespace thaw {
namespace {

using Json = nlohmann::json;

constexpr size_t kMaxAnswerBytes = size_t{64} << 20;
constexpr long kAnswerSeconds = 150;
constexpr int kAttempts = 20;
constexpr long kTooLarge = 413;
constexpr std::chrono::milliseconds kPause{250};

struct FreeHandle {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

size_t append(char* data, size_t size, size_t count, void* target) {
  auto& text = *static_cast<std::string*>(target);
  if (text.size() + size * count > kMaxAnswerBytes) return 0;
  text.append(data, size * count);
  return size * count;
}

struct Exchange {
  CURLcode code = CURLE_OK;
  long status = 0;
  std::string answer;
};

Exchange exchange_once(const std::string& socket, const std::string& path,
                       const std::optional<std::string>& body) {
  const std::unique_ptr<CURL, FreeHandle> handle(curl_easy_init());
  const std::unique_ptr<curl_slist, FreeHandle> headers(
      curl_slist_append(nullptr, "Content-Type: application/json"));
  Exchange exchange;
  CURL* curl = handle.get();
  curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, socket.c_str());
  curl_easy_setopt(curl, CURLOPT_URL, ("http://thaw" + path).c_str());
  curl_easy_setopt(curl, CURLOPT_PROXY, "");
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_TIMEOUT, kAnswerSeconds);
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, append);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &exchange.answer);
  if (body) curl_easy_setopt(curl, CURLOPT_COPYPOSTFIELDS, body->c_str());
  exchange.code = curl_easy_perform(curl);
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &exchange.status);
  return exchange;
}

// The supervisor listens all the time: a connection that broke means a worker that died and is being
// restarted.
bool worth_retrying(CURLcode code) {
  return code == CURLE_GOT_NOTHING || code == CURLE_RECV_ERROR || code == CURLE_SEND_ERROR ||
         code == CURLE_PARTIAL_FILE;
}

Result<Json> parse_answer(const Exchange& exchange) {
  Json answer = read_json(exchange.answer);
  if (exchange.status == 200 && answer.is_object()) return answer;
  if (exchange.status == kTooLarge) return Error{Code::kUsage, "the arguments are longer than thawd takes"};
  const auto error = answer.is_object() ? answer.find("error") : answer.end();
  if (!answer.is_object() || error == answer.end() || !error->is_object()) {
    return Error{Code::kFailed, "the daemon answered with HTTP status " + std::to_string(exchange.status)};
  }
  return Error{code_from_name(error->value("code", "failed")), error->value("message", "no message")};
}

Result<Json> call(const std::string& socket, const std::string& path, const std::optional<std::string>& body,
                  int* attempts) {
  Exchange exchange;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    if (attempts != nullptr) *attempts = attempt + 1;
    exchange = exchange_once(socket, path, body);
    if (!worth_retrying(exchange.code)) break;
    std::this_thread::sleep_for(kPause);
  }
  if (exchange.code == CURLE_OK) return parse_answer(exchange);
  if (exchange.code == CURLE_COULDNT_CONNECT && ::access(socket.c_str(), W_OK) != 0 && errno == EACCES) {
    return Error{Code::kRefused, "you may not write to " + socket + "; run this as root"};
  }
  if (exchange.code == CURLE_COULDNT_CONNECT) {
    return Error{Code::kUnreachable,
                 "no daemon listens on " + socket + "; start thawd with this configuration"};
  }
  return Error{Code::kUnreachable,
               "the daemon on " + socket + " does not answer: " + curl_easy_strerror(exchange.code)};
}

}  // namespace

Result<Json> ControlClient::get(const std::string& path) const {
  return call(socket_, path, std::nullopt, nullptr);
}

Result<Json> ControlClient::post(const std::string& path, const Json& body, int* attempts) const {
  return call(socket_, path, json_text(body), attempts);
}

}  // namespace thaw
