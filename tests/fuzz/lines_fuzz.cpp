// Text files in every encoding, plain and gzip, cut into characters and words. The first byte
// chooses the encoding. What is not told as a problem is UTF-8, and its tokens joined give the same
// tokens again.
#include "data/import/line_reader.h"
#include "data/text/encoding.h"
#include "data/text/tokens.h"
#include "tests/fuzz/fuzz_input.h"

namespace {

using namespace lockstep;

constexpr size_t kMostText = size_t{1} << 20;  // a gzip file may stand for much more

void tokenize_both_ways(const std::string& line) {
  for (const TokenKind kind : {TokenKind::characters, TokenKind::words}) {
    const std::vector<std::string> tokens = tokenize(line, kind);
    fuzz::require(tokenize(join_tokens(tokens, kind), kind) == tokens);
  }
}

void read_text(const std::filesystem::path& path, TextEncoding encoding) {
  LineReader reader(path, encoding);
  std::string line;
  for (size_t read = 0; read < kMostText && reader.next(line); read += line.size() + 1) {
    if (!reader.problem().empty()) continue;
    fuzz::require(first_bad_byte(line) == line.size());
    tokenize_both_ways(line);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  if (size == 0) return 0;
  const std::vector<std::string>& names = text_encoding_names();
  const TextEncoding encoding = text_encoding_of(names[bytes[0] % names.size()]);
  const fuzz::InputFile file(bytes + 1, size - 1);
  fuzz::expect_documented_ending([&] { read_text(file.path(), encoding); });
  return 0;
}
