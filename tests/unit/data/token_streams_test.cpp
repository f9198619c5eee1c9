// A split read as one long text: every token is predicted once, and rows go on from batch to batch.
#include "data/token_streams.h"

#include <gtest/gtest.h>

#include "data/base/error.h"
#include "data/shard_writer.h"
#include "tests/unit/base/temp_folder.h"

namespace lockstep {
namespace {

/// Sequences of these lengths (some empty); token number i of the text is i modulo 1000.
class TokenStreamsTest : public ::testing::Test {
 protected:
  void make(const std::vector<int64_t>& lengths) {
    Manifest manifest;
    StreamSchema inputs;
    inputs.name = "inputs";
    inputs.element = ElementType::i32;
    inputs.num_classes = 1000;
    manifest.streams = {inputs};
    ShardWriter writer(folder_.path(), "train", manifest.streams, {.max_sequences = 3});
    int32_t next = 0;
    for (const int64_t length : lengths) {
      std::vector<int32_t> symbols;
      for (int64_t i = 0; i < length; ++i) symbols.push_back(next++ % 1000);
      writer.append({{symbols.data(), length}}, "line");
    }
    manifest.splits = {writer.finish()};
    write_manifest(folder_.path(), manifest);
    split_.emplace(Dataset(folder_.path()).open_split("train"));
  }

  /// Every (input, target) of an epoch on all ranks, by row.
  std::map<int64_t, std::vector<std::pair<int64_t, int64_t>>> read_all(int64_t rows, int64_t steps,
                                                                       int64_t lanes,
                                                                       int world_size) {
    std::map<int64_t, std::vector<std::pair<int64_t, int64_t>>> pairs;
    for (int rank = 0; rank < world_size; ++rank) {
      TokenStreams streams(
          *split_, {rows, steps, rows_of_rank(rows, lanes, rank, world_size), /*endless=*/false});
      while (const Batch* batch = streams.next()) {
        EXPECT_EQ(batch->continues, batch->index > 0);
        for (int64_t b = 0; b < batch->size(); ++b) {
          for (int64_t t = 0; t < batch->inputs().time; ++t) {
            const int64_t input = batch->streams[0].symbols()[t * batch->size() + b];
            const int64_t target = batch->streams[1].symbols()[t * batch->size() + b];
            EXPECT_EQ(input == kPaddingSymbol, target == kPaddingSymbol);
            EXPECT_EQ(target == kPaddingSymbol, t >= batch->inputs().lengths[b]);
            if (target != kPaddingSymbol) pairs[batch->sample_ids[b]].emplace_back(input, target);
          }
        }
      }
    }
    return pairs;
  }

  lockstep::testing::TempFolder folder_;
  std::optional<Split> split_;
};

TEST_F(TokenStreamsTest, EveryTokenIsPredictedOnceAtAnyWorldSize) {
  make({7, 1, 0, 30, 2, 5, 0, 0, 44, 13});  // 102 tokens: rows of 15, 15, 15, 14, ...
  const auto alone = read_all(7, 4, 0, 1);
  int64_t next = 0;
  for (const auto& [row, pairs] : alone) {
    for (const auto& [input, target] : pairs) {
      EXPECT_EQ(input, next);
      EXPECT_EQ(target, next + 1);
      ++next;
    }
  }
  EXPECT_EQ(next, 101);
  for (const int world_size : {2, 3, 4}) EXPECT_EQ(read_all(7, 4, 0, world_size), alone);
  EXPECT_EQ(read_all(7, 4, 4, 2), alone);
}

TEST_F(TokenStreamsTest, GoesOnWhereItIsToldTo) {
  make({50, 50});
  const TokenStreams::Options options{3, 5, {{0, 3}}, /*endless=*/true};
  TokenStreams whole(*split_, options);
  for (int i = 0; i < 4; ++i) whole.next();
  TokenStreams later(*split_, options, {0, 4});
  for (int i = 0; i < 12; ++i) {  // beyond the end of the epoch, which has 7 batches
    const Batch* a = whole.next();
    const Batch* b = later.next();
    EXPECT_EQ(a->epoch, b->epoch);
    EXPECT_EQ(a->index, b->index);
    ASSERT_EQ(a->inputs().time, b->inputs().time);
    for (int64_t k = 0; k < a->inputs().time * 3; ++k) {
      EXPECT_EQ(a->inputs().symbols()[k], b->inputs().symbols()[k]);
    }
  }
  EXPECT_EQ(whole.plan().batches_per_epoch(), 7);
  EXPECT_EQ(whole.plan().tokens_in_batch(0), 15);
  EXPECT_EQ(whole.plan().tokens_in_batch(6), 9);
}

TEST_F(TokenStreamsTest, RefusesATextThatIsTooShort) {
  make({3, 2});
  try {
    TokenStreams streams(*split_, {5, 4, {{0, 5}}, true});
    FAIL() << "must be refused";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::config);
  }
}

}  // namespace
}  // namespace lockstep
