#include "data/sampler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numeric>

namespace lockstep {
namespace {

SamplerOptions shuffled(int64_t batch_size, uint64_t seed) {
  return {.batch_size = batch_size, .seed = seed};
}

std::vector<int64_t> order(Sampler sampler, int64_t epoch) {
  std::vector<int64_t> all;
  for (int64_t index = 0; index < sampler.batches_in_epoch(epoch); ++index) {
    const std::vector<int64_t>& ids = sampler.batch(epoch, index);
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
      std::vector<int64_t> ids = order(Sampler(count, shuffled(64, 42)), epoch);
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
  Sampler sampler(kCount, shuffled(kCount, 5));
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
  const std::vector<int64_t> ids = order(Sampler(60000, shuffled(64, 1)), 0);
  double distance = 0;
  for (size_t i = 1; i < ids.size(); ++i) {
    distance += std::abs(static_cast<double>(ids[i] - ids[i - 1]));
  }
  // Two independent uniform places are a third of the range apart on average.
  EXPECT_NEAR(distance / static_cast<double>(ids.size() - 1), 20000, 300);
}

TEST(Sampler, SeedAndEpochChangeTheOrder) {
  const auto first = order(Sampler(1000, shuffled(10, 1)), 0);
  EXPECT_EQ(first, order(Sampler(1000, shuffled(10, 1)), 0));
  EXPECT_NE(first, order(Sampler(1000, shuffled(10, 2)), 0));
  EXPECT_NE(first, order(Sampler(1000, shuffled(10, 1)), 1));
}

TEST(Sampler, BatchSizeOnlyCutsTheOrder) {
  EXPECT_EQ(order(Sampler(1000, shuffled(7, 1)), 3), order(Sampler(1000, shuffled(64, 1)), 3));
}

TEST(Sampler, CutsTheOrderIntoBatches) {
  Sampler sampler(1000, shuffled(64, 9));
  const std::vector<int64_t> all = order(sampler, 2);
  EXPECT_EQ(sampler.batch(2, 3), std::vector<int64_t>(all.begin() + 192, all.begin() + 256));
  EXPECT_EQ(sampler.batches_in_epoch(2), 16);
  EXPECT_EQ(sampler.batch(2, 15).size(), 40u);
}

TEST(Sampler, WithoutShuffleItCounts) {
  const std::vector<int64_t> ids =
      order(Sampler(5, {.batch_size = 2, .shuffle = Shuffle::none}), 4);
  EXPECT_EQ(ids, (std::vector<int64_t>{0, 1, 2, 3, 4}));
}

TEST(Sampler, OrdersSamplesOfOneLengthByASecondOne) {
  const SamplerOptions options{.batch_size = 2, .shuffle = Shuffle::none, .window = 4};
  const auto length = [](int64_t id) { return id % 2; };
  const auto second = [](int64_t id) { return 7 - id; };
  EXPECT_EQ(order(Sampler(8, options, length, second), 0),
            (std::vector<int64_t>{6, 4, 2, 0, 7, 5, 3, 1}));
}

// A change of these would make runs go on with other samples than they began with.
TEST(Sampler, OrderStaysWhatItWas) {
  EXPECT_EQ(order(Sampler(10, shuffled(10, 42)), 0),
            (std::vector<int64_t>{6, 9, 1, 2, 4, 8, 5, 7, 3, 0}));
  EXPECT_EQ(order(Sampler(10, shuffled(10, 42)), 1),
            (std::vector<int64_t>{7, 1, 3, 4, 8, 5, 2, 9, 0, 6}));
  EXPECT_EQ(Sampler(60000, shuffled(64, 1)).order_sha256(0),
            "6a960f87cdab60134cc19d0f9e08b51010a8c68197ccb33d9d4522c3c63bea37");
}

TEST(Sampler, HashesOrdersApart) {
  Sampler sampler(1000, shuffled(64, 1));
  EXPECT_EQ(sampler.order_sha256(3), Sampler(1000, shuffled(10, 1)).order_sha256(3));
  EXPECT_NE(sampler.order_sha256(3), sampler.order_sha256(4));
}

std::vector<int64_t> sorted(std::vector<int64_t> ids) {
  std::sort(ids.begin(), ids.end());
  return ids;
}

std::vector<int64_t> all_ids(int64_t count) {
  std::vector<int64_t> ids(static_cast<size_t>(count));
  std::iota(ids.begin(), ids.end(), 0);
  return ids;
}

TEST(Sampler, BlocksAreShuffledWithinAndAmongEachOther) {
  const SamplerOptions blocks{.batch_size = 10, .shuffle = Shuffle::blocks, .block = 100};
  for (const int64_t count : {1, 99, 100, 101, 1037}) {
    for (const int64_t epoch : {0, 1}) {
      EXPECT_EQ(sorted(order(Sampler(count, blocks), epoch)), all_ids(count)) << count;
    }
  }
  const std::vector<int64_t> ids = order(Sampler(1000, blocks), 3);
  std::vector<int64_t> firsts;
  for (size_t block = 0; block < 10; ++block) {
    const std::vector<int64_t> part(ids.begin() + static_cast<int64_t>(block) * 100,
                                    ids.begin() + static_cast<int64_t>(block + 1) * 100);
    const auto [least, most] = std::minmax_element(part.begin(), part.end());
    EXPECT_EQ(*most - *least, 99) << "neighbours are read together";
    EXPECT_FALSE(std::is_sorted(part.begin(), part.end()));
    firsts.push_back(*least);
  }
  EXPECT_FALSE(std::is_sorted(firsts.begin(), firsts.end()));
  EXPECT_NE(ids, order(Sampler(1000, blocks), 4));
}

/// Log-normal lengths around 40 steps, sigma 0.5.
std::vector<int64_t> lognormal_lengths(int64_t count) {
  std::vector<int64_t> lengths;
  for (int64_t i = 0; i < count; ++i) {
    const double a = std::fmod(static_cast<double>(i + 1) * 0.6180339887498949, 1.0);
    const double b = std::fmod(static_cast<double>(i + 1) * 0.7548776662466927, 1.0);
    const double normal = std::sqrt(-2 * std::log(1 - a)) * std::cos(6.283185307179586 * b);
    lengths.push_back(std::max<int64_t>(1, std::llround(40 * std::exp(0.5 * normal))));
  }
  return lengths;
}

double padding_of(Sampler& sampler, const std::vector<int64_t>& lengths) {
  int64_t real = 0;
  int64_t padded = 0;
  for (int64_t index = 0; index < sampler.batches_in_epoch(0); ++index) {
    const std::vector<int64_t>& ids = sampler.batch(0, index);
    int64_t longest = 0;
    for (const int64_t id : ids) {
      longest = std::max(longest, lengths[static_cast<size_t>(id)]);
      real += lengths[static_cast<size_t>(id)];
    }
    padded += longest * static_cast<int64_t>(ids.size());
  }
  return 1 - static_cast<double>(real) / static_cast<double>(padded);
}

class WindowTest : public ::testing::Test {
 protected:
  static constexpr int64_t kCount = 20011;
  Sampler sampler(SamplerOptions options) {
    return {kCount, options, [this](int64_t id) { return lengths_[static_cast<size_t>(id)]; }};
  }
  std::vector<int64_t> lengths_ = lognormal_lengths(kCount);
};

TEST_F(WindowTest, BatchesOfLikeLengthsHaveLittlePadding) {
  Sampler as_they_come = sampler({.batch_size = 32, .seed = 4});
  Sampler by_length = sampler({.batch_size = 32, .seed = 4, .window = 50});
  EXPECT_GT(padding_of(as_they_come, lengths_), 0.5);
  EXPECT_LT(padding_of(by_length, lengths_), 0.10);
  EXPECT_EQ(sorted(order(by_length, 0)), all_ids(kCount));
  EXPECT_EQ(by_length.batches_in_epoch(0), as_they_come.batches_in_epoch(0));
  EXPECT_NE(order(by_length, 0), order(by_length, 1));
}

TEST_F(WindowTest, BatchesComeInAnyOrderOfLengths) {
  Sampler by_length = sampler({.batch_size = 32, .seed = 4, .window = 50});
  int rising = 0;
  int64_t before = 0;
  for (int64_t index = 0; index < 500; ++index) {
    const int64_t longest = lengths_[static_cast<size_t>(by_length.batch(0, index).back())];
    rising += longest > before ? 1 : 0;
    before = longest;
  }
  EXPECT_NEAR(rising, 250, 50);
}

TEST_F(WindowTest, ABudgetOfStepsIsKept) {
  Sampler budget = sampler({.batch_size = 200, .seed = 4, .window = 20, .max_steps = 2000});
  for (const int64_t epoch : {0, 1}) {
    EXPECT_EQ(sorted(order(budget, epoch)), all_ids(kCount));
    const int64_t batches = budget.batches_in_epoch(epoch);
    int64_t full = 0;
    for (int64_t index = 0; index < batches; ++index) {
      const std::vector<int64_t>& ids = budget.batch(epoch, index);
      const int64_t steps =
          lengths_[static_cast<size_t>(ids.back())] * static_cast<int64_t>(ids.size());
      EXPECT_TRUE(steps <= 2000 || ids.size() == 1) << steps;
      full += steps > 1800 ? 1 : 0;
    }
    EXPECT_GT(full, batches * 8 / 10) << "of " << batches;
  }
}

TEST_F(WindowTest, ASampleBeyondTheBudgetIsABatchOfItsOwn) {
  Sampler tight = sampler({.batch_size = 8, .seed = 4, .window = 5, .max_steps = 1});
  EXPECT_EQ(tight.batches_in_epoch(0), kCount);
}

TEST_F(WindowTest, AnyBatchCanBeAskedForInAnyOrder) {
  const SamplerOptions options{.batch_size = 32, .seed = 4, .window = 7, .max_steps = 1500};
  Sampler forward = sampler(options);
  Sampler jumping = sampler(options);
  for (int64_t step = 0; step < 40; ++step) {
    const int64_t index = step * 37 % 400;
    const int64_t epoch = step % 3;
    EXPECT_EQ(forward.batch(epoch, index), jumping.batch(epoch, index));
    jumping.batch(5, 399 - index);
  }
}

}  // namespace
}  // namespace lockstep
