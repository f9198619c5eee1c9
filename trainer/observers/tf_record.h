// TensorFlow's record framing (tensorflow/core/lib/io/record_writer.h):
//
//   uint64 length, uint32 masked CRC of the length, the bytes, uint32 masked CRC of the bytes
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace lockstep {

/// CRC-32C (Castagnoli), as in RFC 3720.
uint32_t crc32c(std::string_view bytes);

/// The record that carries `bytes`.
std::string tf_record(std::string_view bytes);

}  // namespace lockstep
