// The parts of a manifest that its stored form and its form in memory share. Internal to lib/manifest.
#pragma once

#include "lib/manifest/manifest.h"
#include "lib/manifest/wire.h"

namespace thaw {

void write_clear_part(const Manifest& clear, WireWriter& out);

// kDamaged when a field is outside its limits; bounds the chunk count by what `in` still holds before it
// allocates.
Result<Manifest> read_clear_part(WireReader& in);

size_t details_size(const ImageDetails& details);
void write_details(const ImageDetails& details, WireWriter& out);
ImageDetails read_details(WireReader& in);

Status check_limits(const Manifest& clear, const ImageDetails& details, const KeyTable& keys);

}  // namespace thaw
