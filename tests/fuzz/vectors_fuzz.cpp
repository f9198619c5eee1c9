// Files of word vectors: what is taken are finite numbers in the rows of words that were asked for.
#include <cmath>

#include "data/import/word_vectors.h"
#include "tests/fuzz/fuzz_input.h"

namespace {

using namespace lockstep;

void read_vectors(const std::filesystem::path& path) {
  const std::vector<std::string> words = {"the", "The", "a b", "nowhere-to-be-found"};
  constexpr int64_t kWidth = 3;
  std::vector<float> rows(words.size() * kWidth, -1);
  const std::vector<bool> found = read_word_vectors(path, words, kWidth, rows.data());
  for (size_t i = 0; i < rows.size(); ++i) {
    fuzz::require(std::isfinite(rows[i]) && (found[i / kWidth] || rows[i] == -1));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  const fuzz::InputFile file(bytes, size);
  fuzz::expect_documented_ending([&] { read_vectors(file.path()); });
  return 0;
}
