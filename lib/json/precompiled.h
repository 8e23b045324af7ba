// nlohmann_json, precompiled once for the rooms that use it: its members are compiled in basic_json.cc alone,
// which saves each of them seconds. Only the build includes this; sources include <nlohmann/json.hpp>.
#pragma once

#include <nlohmann/json.hpp>

extern template class nlohmann::basic_json<>;
