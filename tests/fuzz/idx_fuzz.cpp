// IDX files, plain and gzip: of images and of labels.
#include <algorithm>
#include <vector>

#include "data/import/idx_file.h"
#include "tests/fuzz/fuzz_input.h"

namespace {

constexpr int64_t kMostBytes = int64_t{1} << 20;  // a gzip file may stand for much more

void read_all(const std::filesystem::path& path, int rank) {
  lockstep::IdxReader reader(path, rank);
  std::vector<uint8_t> item(static_cast<size_t>(reader.item_bytes()));
  const int64_t most = std::min(reader.count(), kMostBytes / reader.item_bytes() + 1);
  for (int64_t i = 0; i < most; ++i) reader.read_items(1, item.data());
  if (most == reader.count()) reader.expect_end();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  using namespace lockstep;
  const fuzz::InputFile file(bytes, size);
  for (const int rank : {1, 3}) {
    fuzz::expect_documented_ending([&] { read_all(file.path(), rank); });
  }
  return 0;
}
