#include "daemon/control/server.h"

#include <httplib.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "daemon/log/log.h"
#include "lib/base/one_line.h"
#include "lib/json/json_text.h"

namespace thaw {
namespace {

using Json = nlohmann::json;

constexpr size_t kMaxRequestBytes = 64 * 1024;
// Each connection has one until it is answered, also who says nothing.
constexpr size_t kThreads = 64;
constexpr time_t kIdleSeconds = 2;

int http_status(Code code) {
  switch (code) {
    case Code::kUsage:
      return 400;
    case Code::kRefused:
      return 403;
    case Code::kNotFound:
      return 404;
    case Code::kDamaged:
      return 422;
    case Code::kUnreachable:
      return 503;
    case Code::kTimedOut:
      return 504;
    case Code::kFailed:
    case Code::kCancelled:
      return 500;
  }
  return 500;
}

void set_error(httplib::Response& response, const Error& error) {
  const Json body = {{"error", {{"code", code_name(error.code)}, {"message", error.message}}}};
  response.status = http_status(error.code);
  response.set_content(json_text(body), "application/json");
}

void answer(const ControlServer::Handler& handler, const httplib::Request& request,
            httplib::Response& response) {
  const Json body = request.body.empty() ? Json::object() : read_json(request.body);
  if (!body.is_object())
    return set_error(response, {Code::kUsage, "the request's body is not a JSON object"});
  auto result = handler(body);
  if (!result.ok()) return set_error(response, result.error());
  response.set_content(json_text(result.value()), "application/json");
}

// httplib limits a body by the length that its head says.
httplib::Server::HandlerResponse refuse_unbounded(const httplib::Request& request,
                                                  httplib::Response& response) {
  if (!request.has_header("Transfer-Encoding") && !request.has_header("Content-Encoding"))
    return httplib::Server::HandlerResponse::Unhandled;
  set_error(response, {Code::kUsage, "the request's body must be plain, with a Content-Length"});
  return httplib::Server::HandlerResponse::Handled;
}

}  // namespace

// httplib binds sockets of its own only; the listener that the supervisor owns is put in its place.
class ControlServer::Http : public httplib::Server {
 public:
  explicit Http(int listener) { svr_sock_ = listener; }
};

ControlServer::ControlServer(Fd listener) : http_(std::make_unique<Http>(listener.release())) {
  http_->new_task_queue = [] { return new httplib::ThreadPool(kThreads); };
  http_->set_payload_max_length(kMaxRequestBytes);
  http_->set_keep_alive_max_count(1);
  http_->set_keep_alive_timeout(kIdleSeconds);
  http_->set_read_timeout(kIdleSeconds);
  http_->set_pre_routing_handler(refuse_unbounded);
  http_->set_logger([](const httplib::Request& request, const httplib::Response& response) {
    log_debug("{} {}: {}{}", request.method, one_line(request.path), response.status,
              response.status == 200 ? "" : " " + response.body);
  });
  http_->set_exception_handler(
      [](const httplib::Request&, httplib::Response& response, std::exception_ptr failure) {
        try {
          std::rethrow_exception(std::move(failure));
        } catch (const Json::exception& e) {
          set_error(response, {Code::kUsage, std::string("the request is not understood: ") + e.what()});
        } catch (const std::exception& e) {
          set_error(response, {Code::kFailed, std::string("the request could not be served: ") + e.what()});
        }
      });
}

ControlServer::~ControlServer() = default;

void ControlServer::on_get(const std::string& path, Handler handler) {
  http_->Get(path,
             [handler = std::move(handler)](const httplib::Request& request, httplib::Response& response) {
               answer(handler, request, response);
             });
}

void ControlServer::on_post(const std::string& path, Handler handler) {
  http_->Post(path,
              [handler = std::move(handler)](const httplib::Request& request, httplib::Response& response) {
                answer(handler, request, response);
              });
}

void ControlServer::run() { http_->listen_after_bind(); }

void ControlServer::stop() { http_->stop(); }

}  // namespace thaw
