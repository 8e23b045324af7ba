// SocketTable: the client's open sockets by their local ports. libcurl tells a running transfer its port, but
// not its socket.
//
// One thread, the loop's. As long as libcurl lets it be: a socket leaves when it is closed.
#pragma once

#include <curl/curl.h>

#include <unordered_map>

namespace thaw {

class SocketTable {
 public:
  // Makes the connections that `handle` opens stand in this table, which must outlive them.
  void watch(CURL* handle);

  // Sends the acknowledgement of what was received at once instead of up to 40 ms later.
  void acknowledge(long local_port);

 private:
  static curl_socket_t open(void* self, curlsocktype purpose, curl_sockaddr* address);
  static int close(void* self, curl_socket_t socket);
  curl_socket_t find(long local_port);

  std::unordered_map<curl_socket_t, long> ports_;  // 0 while it is not known
};

}  // namespace thaw
