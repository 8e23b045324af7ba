// How the ids of keys are spelled: "acme/2", "builder/wrap-1". Ids come from the store, so whatever is not
// spelled like that is refused before a file or a token is asked for it. And what all keyrings say of keys.
//
// Pure. Internal to lib/keys; see is_key_of() in key_service.h.
#pragma once

#include <string>
#include <string_view>

#include "lib/keys/key_service.h"

namespace thaw {

bool is_tenant_key_id(std::string_view id);
bool is_builder_key_id(std::string_view id);

bool by_tenant_and_number(const KeyVersion& a, const KeyVersion& b);

Error no_tenant(const std::string& tenant);
Error no_key_yet(const std::string& tenant);
Error no_such_key(const std::string& key_id);
// Of what is wrapped (`what`: "manifest") with a key that is not there.
Error unknown_key(std::string_view what, const std::string& key_id);
Error not_authentic(const std::string& key_id);
// Of a tenant's newest key, which cannot go.
Error still_wraps(const KeyVersion& newest);

}  // namespace thaw
