// What a registry says in answers that are no layer.
#pragma once

#include <string>

#include "lib/http/http_stream.h"

namespace thaw {

// The whole body; kFailed when it is longer than `max_bytes`. Blocks.
Result<std::string> read_body(HttpStream& answer, uint64_t max_bytes);

// "HTTP status 404, MANIFEST_UNKNOWN", for a message; reads the body.
std::string said_by(HttpStream& answer);

// Whether another try may help: 408, 429 and most of the 5xx.
bool is_passing(int status);

}  // namespace thaw
