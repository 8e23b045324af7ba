// The object store that a URL names: file:///DIR.
//
// Called at start-up by whoever constructs the parts; blocking.
#pragma once

#include <memory>
#include <string_view>

#include "lib/base/executor.h"
#include "lib/base/result.h"
#include "lib/store/object_store.h"

namespace thaw {

enum class StoreUse : uint8_t {
  kRead,   // touches nothing: a store that is not there yet, or just now, is kUnreachable when it is read
  kBuild,  // makes the folder when it is missing
};

// kUsage for a URL that names no store. `executor` runs the store's blocking calls and must outlive it.
Result<std::unique_ptr<ObjectStore>> open_object_store(std::string_view url, StoreUse use,
                                                       Executor& executor);

}  // namespace thaw
