// SHA-256 (FIPS 180-4) by OpenSSL, which uses the processor's SHA instructions where it has them.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

namespace lockstep {

/// Hashes a stream of bytes. Not copyable; one digest per object.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;

  void update(const void* bytes, size_t size);
  /// The digest as 64 lower-case hexadecimal digits; call once, last.
  std::string hex_digest();

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

std::string sha256_of(std::string_view bytes);

/// Reads the whole file. Throws Error (missing, corrupt) when it cannot be read.
std::string sha256_of_file(const std::filesystem::path& path);

}  // namespace lockstep
