#include "data/base/png.h"

#include <zlib.h>

#include <algorithm>

#include "data/base/error.h"

namespace lockstep {
namespace {

void put_number(std::string& bytes, uint32_t number) {
  for (const int shift : {24, 16, 8, 0}) bytes += static_cast<char>(number >> shift & 255);
}

/// Length, name, content, and the checksum of name and content.
void put_chunk(std::string& bytes, const std::string& name, const std::string& content) {
  put_number(bytes, static_cast<uint32_t>(content.size()));
  const std::string checked = name + content;
  bytes += checked;
  put_number(bytes, static_cast<uint32_t>(crc32(0, reinterpret_cast<const Bytef*>(checked.data()),
                                                static_cast<uInt>(checked.size()))));
}

std::string header_of(const Picture& picture) {
  std::string header;
  put_number(header, static_cast<uint32_t>(picture.width));
  put_number(header, static_cast<uint32_t>(picture.height));
  constexpr char kBits = 8, kColours = 2, kDeflate = 0, kNoFilter = 0, kNotInterlaced = 0;
  return header + kBits + kColours + kDeflate + kNoFilter + kNotInterlaced;
}

/// Rows behind each other, each behind a zero that says it is not filtered.
std::string packed_rows(const Picture& picture) {
  const auto row_bytes = static_cast<size_t>(3 * picture.width);
  std::string rows;
  for (size_t y = 0; y < static_cast<size_t>(picture.height); ++y) {
    rows += '\0';
    rows.append(reinterpret_cast<const char*>(picture.rgb.data()) + y * row_bytes, row_bytes);
  }
  uLongf size = compressBound(static_cast<uLong>(rows.size()));
  std::string packed(size, '\0');
  const int status = compress2(reinterpret_cast<Bytef*>(packed.data()), &size,
                               reinterpret_cast<const Bytef*>(rows.data()),
                               static_cast<uLong>(rows.size()), Z_BEST_COMPRESSION);
  LOCKSTEP_CHECK(status == Z_OK, "zlib could not pack a picture");
  packed.resize(size);
  return packed;
}

std::string base64_of(const std::string& bytes) {
  constexpr const char* kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    const size_t count = std::min<size_t>(3, bytes.size() - i);
    uint32_t group = 0;
    for (size_t k = 0; k < 3; ++k) {
      group = group << 8 | (k < count ? static_cast<unsigned char>(bytes[i + k]) : 0U);
    }
    for (size_t k = 0; k < 4; ++k) {
      text += k <= count ? kDigits[group >> (18 - 6 * k) & 63] : '=';
    }
  }
  return text;
}

}  // namespace

std::string png_of(const Picture& picture) {
  std::string bytes = "\x89PNG\r\n\x1a\n";
  put_chunk(bytes, "IHDR", header_of(picture));
  put_chunk(bytes, "IDAT", packed_rows(picture));
  put_chunk(bytes, "IEND", "");
  return bytes;
}

std::string png_address(const Picture& picture) {
  return "data:image/png;base64," + base64_of(png_of(picture));
}

}  // namespace lockstep
