// BLEU against figures of sacrebleu (tokenize=none).
#include "trainer/tasks/bleu.h"

#include <gtest/gtest.h>

namespace lockstep {
namespace {

TEST(BleuTest, CountsOfPartsAddUp) {
  BleuCounts whole, other;
  whole.add("the cat sat on the mat", "the cat sat on a mat");
  other.add("a dog", "a big dog runs");
  EXPECT_EQ(whole.matches, (std::array<double, kBleuOrder>{5, 3, 2, 1}));
  EXPECT_EQ(whole.totals, (std::array<double, kBleuOrder>{6, 5, 4, 3}));
  EXPECT_EQ(other.matches, (std::array<double, kBleuOrder>{2, 0, 0, 0}));
  EXPECT_EQ(other.totals, (std::array<double, kBleuOrder>{2, 1, 0, 0}));
}

TEST(BleuTest, ScoresAsSacrebleuDoes) {
  BleuCounts counts;
  EXPECT_EQ(counts.score(), 0);
  counts.add("the cat sat on the mat", "the cat sat on a mat");
  EXPECT_NEAR(counts.score(), 53.7285, 1e-3);
  BleuCounts smoothed;  // no 4-gram matches
  smoothed.add("the cat sat there on the mat today", "the cat sat on a mat");
  EXPECT_NEAR(smoothed.score(), 23.3570, 1e-3);
  BleuCounts shorter;
  shorter.add("the cat sat on", "the cat sat on a mat");
  EXPECT_NEAR(shorter.score(), 60.6531, 1e-3);
}

TEST(BleuTest, UnknownWordsMatchNothing) {
  BleuCounts counts;
  counts.add("caf<unk> <unk> is", "caf<unk> <unk> is", "<unk>");
  EXPECT_EQ(counts.matches[0], 1);
  EXPECT_EQ(counts.reference_words, 3);
}

}  // namespace
}  // namespace lockstep
