#include "daemon/config/config_reader.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto config = thaw::accepted(thaw::read_config(text, "fuzz"));
  // What is shown is read back as the same.
  if (!config.ok()) return 0;
  const auto again = thaw::parse_config(thaw::config_text(config.value()), "fuzz");
  if (!again.ok() || !thaw::changed_keys(config.value(), again.value()).empty()) __builtin_trap();
  return 0;
}
