// Decoders: gzip (RFC 1952, by ISA-L: about twice as fast as zlib), zstd (RFC 8878) and plain bytes.
//
// What a layer is follows from its first bytes; its media type only claims it.
#pragma once

#include <memory>

#include "lib/oci/byte_stream.h"

namespace thaw {

// A stream of the uncompressed bytes of `inner`. Reads the first bytes at once; blocks. kDamaged for a
// compression that OCI images do not have. Data that ends early, or that goes on behind its end, is kDamaged
// when it is reached.
Result<std::unique_ptr<ByteStream>> decode(std::unique_ptr<ByteStream> inner);

// The two decoders; `first` are the bytes of `inner` that were read already.
std::unique_ptr<ByteStream> decode_gzip(std::unique_ptr<ByteStream> inner, Buffer first);
std::unique_ptr<ByteStream> decode_zstd(std::unique_ptr<ByteStream> inner, Buffer first);

}  // namespace thaw
