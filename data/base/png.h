// Pictures as PNG files.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace lockstep {

/// Rows of pixels from top to bottom, three bytes (red, green, blue) each.
struct Picture {
  int64_t width = 0;
  int64_t height = 0;
  std::vector<uint8_t> rgb;

  Picture() = default;
  /// All of one grey.
  Picture(int64_t picture_width, int64_t picture_height, uint8_t grey = 0)
      : width(picture_width),
        height(picture_height),
        rgb(static_cast<size_t>(3 * picture_width * picture_height), grey) {}

  /// Sets the pixel in column x and row y.
  void set(int64_t x, int64_t y, uint8_t red, uint8_t green, uint8_t blue) {
    uint8_t* pixel = &rgb[static_cast<size_t>(3 * (y * width + x))];
    pixel[0] = red;
    pixel[1] = green;
    pixel[2] = blue;
  }
};

/// The bytes of a PNG file (ISO/IEC 15948) that shows it.
std::string png_of(const Picture& picture);

/// "data:image/png;base64,...": the same as an address within a page.
std::string png_address(const Picture& picture);

}  // namespace lockstep
