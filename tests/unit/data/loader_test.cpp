#include "data/loader.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <numeric>

#include "tests/unit/base/temp_folder.h"
#include "tests/unit/data/small_dataset.h"

namespace lockstep {
namespace {

using testing::ragged_sequence;

constexpr int64_t kSamples = 53;
constexpr int64_t kBatch = 10;

class LoaderTest : public ::testing::Test {
 protected:
  LoaderTest() {
    testing::write_ragged(folder_.path(), kSamples, {.max_sequences = 20});
    dataset_ = std::make_unique<Dataset>(folder_.path());
    split_ = std::make_unique<Split>(dataset_->open_split("train"));
  }

  testing::TempFolder folder_;
  std::unique_ptr<Dataset> dataset_;
  std::unique_ptr<Split> split_;
  Sampler sampler_{kSamples, {.batch_size = kBatch, .seed = 3}};
};

/// Checks every number of a batch, padding included, against the sequences its ids name.
void expect_content(const Batch& batch) {
  const BatchStream& inputs = batch.stream("inputs");
  const BatchStream& regression = batch.stream("regression");
  const BatchStream& words = batch.stream("words");
  int64_t longest = 0;
  for (int64_t b = 0; b < batch.size(); ++b) {
    const testing::Sequence expected = ragged_sequence(batch.sample_ids[static_cast<size_t>(b)]);
    const int64_t length = inputs.lengths[static_cast<size_t>(b)];
    longest = std::max(longest, length);
    ASSERT_EQ(length * 3, static_cast<int64_t>(expected.inputs.size()));
    for (int64_t i = 0; i < inputs.time * 3; ++i) {
      const float found = inputs.dense()[((i / 3) * batch.size() + b) * 3 + i % 3];
      EXPECT_EQ(found, i < length * 3 ? expected.inputs[static_cast<size_t>(i)] : 0.0F);
    }
    for (int64_t i = 0; i < regression.time * 2; ++i) {
      const float found = regression.dense()[((i / 2) * batch.size() + b) * 2 + i % 2];
      EXPECT_EQ(found, i < length * 2
                           ? static_cast<float>(expected.regression[static_cast<size_t>(i)] * 2 - 1)
                           : 0.0F);
    }
    const auto num_words = static_cast<int64_t>(expected.words.size());
    ASSERT_EQ(words.lengths[static_cast<size_t>(b)], num_words);
    for (int64_t t = 0; t < words.time; ++t) {
      EXPECT_EQ(words.symbols()[t * batch.size() + b],
                t < num_words ? expected.words[static_cast<size_t>(t)] : kPaddingSymbol);
    }
  }
  EXPECT_EQ(inputs.time, longest);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(inputs.dense()) % 64, 0U);
}

TEST_F(LoaderTest, DeliversEverySampleOnceAnEpochWithItsContent) {
  Loader loader(*split_, sampler_, {});
  for (int64_t epoch = 0; epoch < 3; ++epoch) {
    std::vector<bool> seen(kSamples);
    for (int64_t index = 0; index < sampler_.batches_in_epoch(0); ++index) {
      const Batch& batch = *loader.next();
      EXPECT_EQ(batch.epoch, epoch);
      EXPECT_EQ(batch.index, index);
      EXPECT_EQ(batch.global_samples, batch.size());
      expect_content(batch);
      for (const int64_t id : batch.sample_ids) {
        EXPECT_FALSE(seen[static_cast<size_t>(id)]);
        seen[static_cast<size_t>(id)] = true;
      }
    }
    EXPECT_EQ(std::count(seen.begin(), seen.end(), true), kSamples);
  }
}

TEST_F(LoaderTest, RanksTogetherGetTheGlobalBatchAtAnyWorldSize) {
  Loader whole(*split_, sampler_, {});
  for (const int world_size : {1, 2, 3, 4, 13}) {
    std::vector<std::unique_ptr<Loader>> ranks;
    for (int rank = 0; rank < world_size; ++rank) {
      ranks.push_back(std::make_unique<Loader>(
          *split_, sampler_, LoaderOptions{.rank = rank, .world_size = world_size}));
    }
    Loader alone(*split_, sampler_, {});
    for (int step = 0; step < 13; ++step) {
      const std::vector<int64_t> expected = alone.next()->sample_ids;
      std::vector<int64_t> together;
      for (const auto& rank : ranks) {
        const Batch& share = *rank->next();
        expect_content(share);
        EXPECT_EQ(share.global_samples, static_cast<int64_t>(expected.size()));
        together.insert(together.end(), share.sample_ids.begin(), share.sample_ids.end());
      }
      EXPECT_EQ(together, expected) << world_size;
    }
  }
}

TEST_F(LoaderTest, AnEmptyShareIsABatchOfZero) {
  Loader loader(*split_, sampler_, {.rank = 12, .world_size = 13});
  for (int step = 0; step < 8; ++step) {
    const Batch& batch = *loader.next();
    EXPECT_EQ(batch.size(), 0);
    EXPECT_EQ(batch.inputs().batch, 0);
    EXPECT_EQ(batch.inputs().time, 0);
    EXPECT_EQ(batch.lane_offsets, (std::vector<int64_t>{0, 0}));
    EXPECT_GT(batch.global_samples, 0);
  }
}

TEST_F(LoaderTest, LanesAreTheSameAtEveryWorldSize) {
  constexpr int64_t kLanes = 8;
  for (const int world_size : {1, 2, 4, 8}) {
    for (int rank = 0; rank < world_size; ++rank) {
      Loader loader(*split_, sampler_, {.rank = rank, .world_size = world_size, .lanes = kLanes});
      for (int64_t index = 0; index < 6; ++index) {
        const Batch& batch = *loader.next();
        const int64_t own = kLanes / world_size;
        ASSERT_EQ(static_cast<int64_t>(batch.lane_offsets.size()), own + 1);
        EXPECT_EQ(batch.lane_offsets.back(), batch.size());
        for (int64_t k = 0; k < own; ++k) {
          const Share lane = share_of(batch.global_samples, rank * own + k, kLanes);
          const std::vector<int64_t>& all = sampler_.batch(0, index);
          const std::vector<int64_t> expected(all.begin() + lane.begin, all.begin() + lane.end);
          const auto begin = batch.sample_ids.begin();
          EXPECT_EQ(std::vector<int64_t>(begin + batch.lane_offsets[static_cast<size_t>(k)],
                                         begin + batch.lane_offsets[static_cast<size_t>(k) + 1]),
                    expected);
        }
      }
    }
  }
}

/// Sum of real steps of the inputs.
int64_t work_of(const Batch& batch) {
  return std::accumulate(batch.inputs().lengths.begin(), batch.inputs().lengths.end(), int64_t{0});
}

TEST_F(LoaderTest, BatchesByLengthAreDealtSoThatRanksHaveLikeWork) {
  const Sampler by_length(kSamples, {.batch_size = 16, .seed = 3, .window = 3},
                          [this](int64_t id) { return split_->length(id, 0); });
  for (const int world_size : {2, 3, 4}) {
    std::vector<std::vector<int64_t>> seen(4);
    std::vector<std::vector<int64_t>> work(4);
    for (int rank = 0; rank < world_size; ++rank) {
      Loader loader(*split_, by_length, {.rank = rank, .world_size = world_size});
      for (size_t index = 0; index < 4; ++index) {
        const Batch& batch = *loader.next();
        expect_content(batch);
        seen[index].insert(seen[index].end(), batch.sample_ids.begin(), batch.sample_ids.end());
        work[index].push_back(work_of(batch));
      }
    }
    Sampler expected = by_length;
    for (size_t index = 0; index < 4; ++index) {
      std::vector<int64_t> all = expected.batch(0, static_cast<int64_t>(index));
      const int64_t longest = split_->length(all.back(), 0);
      std::sort(all.begin(), all.end());
      std::sort(seen[index].begin(), seen[index].end());
      EXPECT_EQ(seen[index], all);
      if (all.size() % static_cast<size_t>(world_size) != 0) continue;
      const auto [least, most] = std::minmax_element(work[index].begin(), work[index].end());
      EXPECT_LE(*most - *least, longest) << "they differ by less than one sequence";
    }
  }
}

TEST_F(LoaderTest, BeginsAtAnyBatch) {
  for (int64_t start = 0; start <= 14; ++start) {
    const int64_t per_epoch = sampler_.batches_in_epoch(0);
    Loader loader(*split_, sampler_, {}, {start / per_epoch, start % per_epoch});
    for (int64_t step = start; step < start + 3; ++step) {
      const int64_t index = step % per_epoch;
      EXPECT_EQ(loader.next()->sample_ids, sampler_.batch(step / per_epoch, index));
    }
  }
  // The end of one epoch is the beginning of the next.
  Loader loader(*split_, sampler_, {}, {0, sampler_.batches_in_epoch(0)});
  EXPECT_EQ(loader.next()->epoch, 1);
}

TEST_F(LoaderTest, EvaluationDealsWholeBatchesAndEnds) {
  const Sampler in_order(kSamples, {.batch_size = kBatch, .shuffle = Shuffle::none});
  for (const int world_size : {1, 2, 4, 9}) {
    std::vector<int64_t> batches;
    for (int rank = 0; rank < world_size; ++rank) {
      Loader loader(*split_, in_order,
                    {.rank = rank, .world_size = world_size, .deal_whole_batches = true});
      while (const Batch* batch = loader.next()) {
        EXPECT_EQ(batch->index % world_size, rank);
        EXPECT_EQ(batch->size(), batch->global_samples);
        EXPECT_EQ(batch->lane_offsets, (std::vector<int64_t>{0, batch->size()}));
        expect_content(*batch);
        batches.push_back(batch->index);
      }
      EXPECT_EQ(loader.next(), nullptr);
    }
    std::sort(batches.begin(), batches.end());
    EXPECT_EQ(batches, (std::vector<int64_t>{0, 1, 2, 3, 4, 5}));
  }
}

TEST_F(LoaderTest, ABatchStaysValidUntilTheNextOneIsTaken) {
  Loader loader(*split_, sampler_, {.prefetch = 1});
  for (int step = 0; step < 20; ++step) {
    const Batch& batch = *loader.next();
    std::this_thread::sleep_for(std::chrono::milliseconds(2));  // the reader could overwrite it now
    EXPECT_EQ(batch.index, step % sampler_.batches_in_epoch(0));
    expect_content(batch);
  }
  EXPECT_GE(loader.waited_seconds(), 0);
}

TEST_F(LoaderTest, MemoryComesFromTheAllocatorAndStopsGrowing) {
  std::atomic<int> allocations = 0;
  std::atomic<int> releases = 0;
  const HostAllocator plain = HostAllocator::aligned();
  const HostAllocator counting{[&](size_t bytes) { return ++allocations, plain.allocate(bytes); },
                               [&](void* memory) { ++releases, plain.release(memory); }};
  {
    Loader loader(*split_, sampler_, {.allocator = counting});
    for (int step = 0; step < 60; ++step) loader.next();
    const int before = allocations;
    for (int step = 0; step < 200; ++step) loader.next();
    EXPECT_LE(allocations - before, 2);
    EXPECT_GE(before, 5);
  }
  EXPECT_EQ(allocations, releases);
}

TEST_F(LoaderTest, StopsInTheMiddleOfAnything) {
  for (int taken = 0; taken < 7; ++taken) {
    Loader loader(*split_, sampler_, {.prefetch = 2});
    for (int i = 0; i < taken; ++i) loader.next();
  }
}

TEST_F(LoaderTest, ErrorsOfTheThreadAreThrownByNext) {
  const HostAllocator failing{
      [](size_t) -> void* { throw Error(ExitCode::device, "no memory to page-lock"); },
      [](void*) {}};
  Loader loader(*split_, sampler_, {.allocator = failing});
  for (int i = 0; i < 2; ++i) {
    testing::expect_error(ExitCode::device, "no memory to page-lock", [&] { loader.next(); });
  }
}

TEST_F(LoaderTest, SeveralThreadsMakeTheSameBatches) {
  for (const int64_t threads : {2, 3, 7}) {
    Loader alone(*split_, sampler_, {}, {0, 2});
    Loader together(*split_, sampler_, {.prefetch = 3, .threads = threads}, {0, 2});
    for (int step = 0; step < 40; ++step) {
      const Batch& expected = *alone.next();
      const Batch& batch = *together.next();
      ASSERT_EQ(batch.sample_ids, expected.sample_ids) << step;
      EXPECT_EQ(batch.index, expected.index);
      EXPECT_EQ(batch.epoch, expected.epoch);
      expect_content(batch);
    }
  }
}

TEST_F(LoaderTest, SeveralThreadsAgreeOnTheEnd) {
  const Sampler in_order(kSamples, {.batch_size = kBatch, .shuffle = Shuffle::none});
  for (int round = 0; round < 20; ++round) {
    Loader loader(*split_, in_order, {.deal_whole_batches = true, .prefetch = 4, .threads = 3});
    for (int64_t index = 0; index < 6; ++index) {
      const Batch* batch = loader.next();
      ASSERT_NE(batch, nullptr);
      EXPECT_EQ(batch->index, index);
    }
    EXPECT_EQ(loader.next(), nullptr);
    EXPECT_EQ(loader.next(), nullptr);
  }
}

TEST_F(LoaderTest, SeveralThreadsDeliverWhatIsBeforeAnError) {
  // The allocator fails at the ninth call; batches need three streams each, in whichever order.
  std::atomic<int> calls = 0;
  const HostAllocator plain = HostAllocator::aligned();
  const HostAllocator failing{[&](size_t bytes) -> void* {
                                if (++calls > 8) throw Error(ExitCode::device, "no memory");
                                return plain.allocate(bytes);
                              },
                              plain.release};
  Loader loader(*split_, sampler_, {.threads = 3, .allocator = failing});
  testing::expect_error(ExitCode::device, "no memory", [&] {
    for (int64_t step = 0; step < 10; ++step) EXPECT_EQ(loader.next()->index, step);
  });
  testing::expect_error(ExitCode::device, "no memory", [&] { loader.next(); });
}

TEST_F(LoaderTest, RefusesToTrainOnNothing) {
  const Sampler empty(0, {.batch_size = kBatch});
  testing::expect_error(ExitCode::config, "is empty", [&] { Loader(*split_, empty, {}); });
  Loader evaluation(*split_, empty, {.deal_whole_batches = true});
  EXPECT_EQ(evaluation.next(), nullptr);
}

}  // namespace
}  // namespace lockstep
