// The shards that fuzzing starts from are good ones: else it would never get past the first check.
#include <gtest/gtest.h>

#include "data/import/h5_layout.h"
#include "data/shard_reader.h"

namespace lockstep {
namespace {

TEST(FuzzCorpus, ShardsAreAccepted) {
  StreamSchema inputs;
  inputs.name = "inputs";
  inputs.features = 2;
  StreamSchema words;
  words.name = "words";
  words.element = ElementType::i32;
  words.num_classes = 4;
  int files = 0;
  const std::filesystem::path corpus = std::string(LOCKSTEP_SOURCE_DIR) + "/tests/fuzz/corpus/hdf5";
  for (const auto& entry : std::filesystem::directory_iterator(corpus)) {
    SCOPED_TRACE(entry.path().string());
    const ShardReader reader(entry.path(), {inputs, words});
    EXPECT_EQ(reader.sequences(), 3);
    EXPECT_EQ(reader.steps(0), 5);
    EXPECT_EQ(returnn_layout(ShardFile(entry.path())).tags[2], "c");
    ++files;
  }
  EXPECT_GE(files, 5);
}

}  // namespace
}  // namespace lockstep
