// IDX files for tests, made by hand and not by the code under test.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "data/base/atomic_file.h"

namespace lockstep::testing {

inline std::string big_endian(uint32_t value) {
  return {static_cast<char>(value >> 24), static_cast<char>(value >> 16),
          static_cast<char>(value >> 8), static_cast<char>(value)};
}

inline std::string idx(const std::vector<uint32_t>& dimensions, const std::string& content) {
  std::string bytes{0, 0, 8, static_cast<char>(dimensions.size())};
  for (const uint32_t dimension : dimensions) bytes += big_endian(dimension);
  return bytes + content;
}

/// Pixel `i` of all images is i % 251; label `i` is i % 3.
inline std::string idx_images(uint32_t count) {
  std::string content;
  for (uint32_t i = 0; i < count * 12; ++i) content += static_cast<char>(i % 251);
  return idx({count, 4, 3}, content);
}

inline std::string idx_labels(uint32_t count) {
  std::string content;
  for (uint32_t i = 0; i < count; ++i) content += static_cast<char>(i % 3);
  return idx({count}, content);
}

/// The four files with 20 and 6 images of 4 rows and 3 columns.
inline void write_idx_files(const std::filesystem::path& folder) {
  std::filesystem::create_directories(folder);
  write_file_atomically(folder / "train-images-idx3-ubyte", idx_images(20));
  write_file_atomically(folder / "train-labels-idx1-ubyte", idx_labels(20));
  write_file_atomically(folder / "t10k-images-idx3-ubyte", idx_images(6));
  write_file_atomically(folder / "t10k-labels-idx1-ubyte", idx_labels(6));
}

}  // namespace lockstep::testing
