#include "lib/manifest/identifier.h"

#include "lib/crypto/random.h"

namespace thaw {

Identifier Identifier::random() {
  Identifier id;
  fill_random(id.bytes);
  return id;
}

std::optional<Identifier> Identifier::from_hex(std::string_view text) {
  Identifier id;
  if (!thaw::from_hex(text, id.bytes)) return std::nullopt;
  return id;
}

}  // namespace thaw
