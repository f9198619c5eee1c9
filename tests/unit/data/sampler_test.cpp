#include "data/sampler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <numeric>

namespace lockstep {
namespace {

std::vector<int64_t> order(const Sampler& sampler, int64_t epoch) {
  std::vector<int64_t> all;
  std::vector<int64_t> ids;
  for (int64_t index = 0; index < sampler.batches_per_epoch(); ++index) {
    sampler.sample_ids(epoch, index, {0, sampler.samples_in_batch(index)}, ids);
    all.insert(all.end(), ids.begin(), ids.end());
  }
  return all;
}

TEST(Share, CoversAllOnceWithSizesThatDifferByOne) {
  for (int64_t count = 0; count < 40; ++count) {
    for (int64_t parts = 1; parts < 12; ++parts) {
      int64_t next = 0;
      for (int64_t part = 0; part < parts; ++part) {
        const Share share = share_of(count, part, parts);
        EXPECT_EQ(share.begin, next);
        EXPECT_EQ(share.size(), count / parts + (part < count % parts ? 1 : 0));
        next = share.end;
      }
      EXPECT_EQ(next, count);
    }
  }
}

TEST(Sampler, EveryEpochIsAPermutation) {
  for (const int64_t count :
       {1, 2, 3, 4, 5, 15, 16, 17, 63, 64, 65, 100, 255, 257, 1000, 4097, 60000}) {
    for (const int64_t epoch : {0, 1, 7}) {
      std::vector<int64_t> ids = order(Sampler(count, 64, 42, true), epoch);
      std::sort(ids.begin(), ids.end());
      std::vector<int64_t> expected(static_cast<size_t>(count));
      std::iota(expected.begin(), expected.end(), 0);
      ASSERT_EQ(ids, expected) << count;
    }
  }
}

TEST(Sampler, EveryPlaceIsEquallyLikely) {
  constexpr int64_t kCount = 10;
  constexpr int64_t kEpochs = 20000;
  const Sampler sampler(kCount, kCount, 5, true);
  std::vector<int64_t> hits(kCount * kCount);
  for (int64_t epoch = 0; epoch < kEpochs; ++epoch) {
    const std::vector<int64_t> ids = order(sampler, epoch);
    for (size_t place = 0; place < ids.size(); ++place) {
      ++hits[place * kCount + static_cast<size_t>(ids[place])];
    }
  }
  const double expected = static_cast<double>(kEpochs) / kCount;
  double chi_squared = 0;
  for (const int64_t count : hits) {
    const double difference = static_cast<double>(count) - expected;
    chi_squared += difference * difference / expected;
  }
  EXPECT_LT(chi_squared, 130);  // 81 degrees of freedom: beyond 126 once in a thousand
}

TEST(Sampler, NeighboursAreSpreadOut) {
  const std::vector<int64_t> ids = order(Sampler(60000, 64, 1, true), 0);
  double distance = 0;
  for (size_t i = 1; i < ids.size(); ++i) {
    distance += std::abs(static_cast<double>(ids[i] - ids[i - 1]));
  }
  // Two independent uniform places are a third of the range apart on average.
  EXPECT_NEAR(distance / static_cast<double>(ids.size() - 1), 20000, 300);
}

TEST(Sampler, SeedAndEpochChangeTheOrder) {
  const auto first = order(Sampler(1000, 10, 1, true), 0);
  EXPECT_EQ(first, order(Sampler(1000, 10, 1, true), 0));
  EXPECT_NE(first, order(Sampler(1000, 10, 2, true), 0));
  EXPECT_NE(first, order(Sampler(1000, 10, 1, true), 1));
}

TEST(Sampler, BatchSizeOnlyCutsTheOrder) {
  EXPECT_EQ(order(Sampler(1000, 7, 1, true), 3), order(Sampler(1000, 64, 1, true), 3));
}

TEST(Sampler, GivesAnyPartOfABatch) {
  const Sampler sampler(1000, 64, 9, true);
  const std::vector<int64_t> all = order(sampler, 2);
  std::vector<int64_t> ids;
  sampler.sample_ids(2, 3, {10, 20}, ids);
  EXPECT_EQ(ids, std::vector<int64_t>(all.begin() + 202, all.begin() + 212));
  sampler.sample_ids(2, 3, {5, 5}, ids);
  EXPECT_TRUE(ids.empty());
  EXPECT_EQ(sampler.batches_per_epoch(), 16);
  EXPECT_EQ(sampler.samples_in_batch(15), 40);
}

TEST(Sampler, WithoutShuffleItCounts) {
  const std::vector<int64_t> ids = order(Sampler(5, 2, 1, false), 4);
  EXPECT_EQ(ids, (std::vector<int64_t>{0, 1, 2, 3, 4}));
}

// A change of these would make runs go on with other samples than they began with.
TEST(Sampler, OrderStaysWhatItWas) {
  EXPECT_EQ(order(Sampler(10, 10, 42, true), 0),
            (std::vector<int64_t>{6, 9, 1, 2, 4, 8, 5, 7, 3, 0}));
  EXPECT_EQ(order(Sampler(10, 10, 42, true), 1),
            (std::vector<int64_t>{7, 1, 3, 4, 8, 5, 2, 9, 0, 6}));
  EXPECT_EQ(Sampler(60000, 64, 1, true).order_sha256(0),
            "6a960f87cdab60134cc19d0f9e08b51010a8c68197ccb33d9d4522c3c63bea37");
}

TEST(Sampler, HashesOrdersApart) {
  const Sampler sampler(1000, 64, 1, true);
  EXPECT_EQ(sampler.order_sha256(3), Sampler(1000, 10, 1, true).order_sha256(3));
  EXPECT_NE(sampler.order_sha256(3), sampler.order_sha256(4));
}

}  // namespace
}  // namespace lockstep
