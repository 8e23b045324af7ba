#include "daemon/control/metrics_server.h"

#include <httplib.h>

#include <utility>

namespace thaw {
namespace {

constexpr const char* kContentType = "text/plain; version=0.0.4; charset=utf-8";
constexpr size_t kScrapeThreads = 2;

}  // namespace

class MetricsServer::Http : public httplib::Server {};

MetricsServer::MetricsServer(ListenAddress address, std::function<std::string()> text)
    : address_(std::move(address)), http_(std::make_unique<Http>()) {
  http_->new_task_queue = [] { return new httplib::ThreadPool(kScrapeThreads); };
  // Not the library's SO_REUSEPORT: two daemons would answer in turn.
  http_->set_socket_options([](socket_t socket) {
    const int yes = 1;
    ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  });
  http_->Get("/metrics", [text = std::move(text)](const httplib::Request&, httplib::Response& response) {
    response.set_content(text(), kContentType);
  });
}

MetricsServer::~MetricsServer() = default;

Status MetricsServer::bind() {
  if (http_->bind_to_port(address_.host, address_.port)) return {};
  return Error{Code::kFailed, "metrics.listen: " + address_.host + ":" + std::to_string(address_.port) +
                                  " cannot be listened on; is it in use?"};
}

void MetricsServer::run() { http_->listen_after_bind(); }
void MetricsServer::stop() { http_->stop(); }

}  // namespace thaw
