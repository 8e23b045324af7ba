// How the ids of keys are spelled: "acme/2". Ids come from the store, so whatever is not spelled like that is
// refused before a file is opened. Pure. Internal to lib/keys; see is_key_of() in key_service.h.
#pragma once

#include <string_view>

namespace thaw {

bool is_tenant_key_id(std::string_view id);

}  // namespace thaw
