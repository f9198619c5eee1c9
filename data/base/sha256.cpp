#include "data/base/sha256.h"

#include <openssl/evp.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <vector>

#include "data/base/error.h"

namespace lockstep {

struct Sha256::Context {
  EVP_MD_CTX* handle = EVP_MD_CTX_new();
  ~Context() { EVP_MD_CTX_free(handle); }
};

Sha256::Sha256() : context_(std::make_unique<Context>()) {
  LOCKSTEP_CHECK(EVP_DigestInit_ex(context_->handle, EVP_sha256(), nullptr) == 1,
                 "OpenSSL offers no SHA-256");
}

Sha256::~Sha256() = default;

void Sha256::update(const void* bytes, size_t size) {
  LOCKSTEP_CHECK(EVP_DigestUpdate(context_->handle, bytes, size) == 1, "SHA-256 update failed");
}

std::string Sha256::hex_digest() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  LOCKSTEP_CHECK(EVP_DigestFinal_ex(context_->handle, digest.data(), &size) == 1,
                 "SHA-256 finish failed");
  std::string hex;
  hex.reserve(size * 2);
  for (unsigned int i = 0; i < size; ++i) {
    fmt::format_to(std::back_inserter(hex), "{:02x}", digest[i]);
  }
  return hex;
}

std::string sha256_of(std::string_view bytes) {
  Sha256 hash;
  hash.update(bytes.data(), bytes.size());
  return hash.hex_digest();
}

std::string sha256_of_file(const std::filesystem::path& path) {
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"),
                                                       &std::fclose);
  if (!file) {
    const int reason = errno;
    throw Error(ExitCode::missing,
                fmt::format("{}: cannot be opened: {}", path.string(), std::strerror(reason)));
  }
  Sha256 hash;
  std::vector<char> buffer(1 << 20);
  size_t read = 0;
  while ((read = std::fread(buffer.data(), 1, buffer.size(), file.get())) > 0) {
    hash.update(buffer.data(), read);
  }
  if (std::ferror(file.get()) != 0) {
    throw Error(ExitCode::corrupt, fmt::format("{}: cannot be read to its end", path.string()));
  }
  return hash.hex_digest();
}

}  // namespace lockstep
