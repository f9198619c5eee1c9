#include "data/dataset.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "tests/unit/base/temp_folder.h"
#include "tests/unit/data/small_dataset.h"

namespace lockstep {
namespace {

using testing::expect_error;
using ::testing::HasSubstr;
using testing::ragged_sequence;

template <class T>
std::vector<T> read(const Split& split, int64_t id, size_t stream, size_t width) {
  std::vector<T> values(static_cast<size_t>(split.length(id, stream)) * width);
  split.read(id, stream, values.data());
  return values;
}

void expect_sequence(const Split& split, int64_t id) {
  const testing::Sequence expected = ragged_sequence(id);
  EXPECT_EQ(read<float>(split, id, 0, 3), expected.inputs) << id;
  EXPECT_EQ(read<double>(split, id, 1, 2), expected.regression) << id;
  EXPECT_EQ(read<int32_t>(split, id, 2, 1), expected.words) << id;
}

TEST(Dataset, GivesBackEverySequenceOfEveryShard) {
  for (const int64_t per_shard : {1, 5, 100}) {
    const testing::TempFolder folder;
    testing::write_ragged(folder.path(), 23, {.max_sequences = per_shard});
    const Dataset dataset(folder.path());
    EXPECT_TRUE(dataset.has_split("test"));
    const Split split = dataset.open_split("train");
    ASSERT_EQ(split.size(), 23);
    EXPECT_EQ(split.name(), "train");
    for (int64_t id = 0; id < 23; ++id) expect_sequence(split, id);
  }
}

TEST(Dataset, CutsShardsByBytes) {
  const testing::TempFolder folder;
  const Manifest manifest = testing::write_ragged(folder.path(), 40, {.max_bytes = 500});
  EXPECT_GT(manifest.splits[0].shards.size(), 4U);
  const Split split = Dataset(folder.path()).open_split("train");
  for (int64_t id = 0; id < 40; ++id) expect_sequence(split, id);
}

TEST(Dataset, EqualContentGivesEqualBytes) {
  const testing::TempFolder first;
  const testing::TempFolder second;
  EXPECT_EQ(testing::write_ragged(first.path(), 30).fingerprint(),
            testing::write_ragged(second.path(), 30).fingerprint());
}

TEST(Dataset, LeavesNoOtherFiles) {
  const testing::TempFolder folder;
  testing::write_ragged(folder.path(), 10, {.max_sequences = 4});
  EXPECT_EQ(folder.entries(), 6U);  // 3 + 2 shards and the manifest
}

TEST(Dataset, AWriterThatIsGivenUpRemovesItsShard) {
  const testing::TempFolder folder;
  {
    ShardWriter writer(folder.path(), "train", testing::image_schema());
    const std::vector<uint8_t> image(20);
    const int32_t label = 0;
    writer.append({{image.data(), 4}, {&label, 1}}, "a");
  }
  EXPECT_EQ(folder.entries(), 0U);
}

TEST(Dataset, NamesTheSplitsThereAre) {
  const testing::TempFolder folder;
  testing::write_ragged(folder.path(), 3);
  expect_error(ExitCode::missing, "it has: train, test",
               [&] { Dataset(folder.path()).open_split("validation"); });
}

TEST(Dataset, GivesStreamsAsLists) {
  const testing::TempFolder folder;
  testing::write_ragged(folder.path(), 23, {.max_sequences = 5});
  const Split split = Dataset(folder.path()).open_split("train");
  for (int64_t id = 0; id < 23; ++id) {
    const testing::Sequence expected = ragged_sequence(id);
    EXPECT_EQ(split.numbers(id, 0), expected.inputs) << id;
    EXPECT_EQ(split.symbols(id, 2),
              std::vector<int64_t>(expected.words.begin(), expected.words.end()))
        << id;
    std::vector<float> scaled;  // stored in double, 2 x - 1
    for (const double stored : expected.regression) {
      scaled.push_back(static_cast<float>(stored * 2 - 1));
    }
    EXPECT_EQ(split.numbers(id, 1), scaled) << id;
  }
  EXPECT_TRUE(split.symbols(20, 2).empty());
  EXPECT_EQ(split.part({7}, "part").numbers(0, 0), ragged_sequence(7).inputs);
}

TEST(Dataset, AsksForAStreamThatThereIsAndAsWhatItIs) {
  const testing::TempFolder folder;
  testing::write_ragged(folder.path(), 3);
  const Split split = Dataset(folder.path()).open_split("train");
  const auto message_of = [](const auto& read) -> std::string {
    try {
      read();
    } catch (const std::exception& error) {
      return error.what();
    }
    return "nothing is wrong";
  };
  EXPECT_THAT(message_of([&] { split.symbols(0, 1); }), HasSubstr("\"regression\" of \"train\" "
                                                                  "does not hold symbols"));
  EXPECT_THAT(message_of([&] { split.numbers(0, 2); }), HasSubstr("does not hold numbers"));
  EXPECT_THAT(message_of([&] { split.numbers(3, 0); }), HasSubstr("sequence 3 of 3"));
  EXPECT_THAT(message_of([&] { split.symbols(-1, 2); }), HasSubstr("sequence -1 of 3"));
  EXPECT_THAT(message_of([&] { split.numbers(0, 3); }), HasSubstr("stream 3 of 3"));
}

TEST(Dataset, IsReadBySeveralThreads) {
  const testing::TempFolder folder;
  testing::write_ragged(folder.path(), 200, {.max_sequences = 30});
  const Split split = Dataset(folder.path()).open_split("train");
  std::vector<std::thread> threads;
  for (int64_t part = 0; part < 4; ++part) {
    threads.emplace_back([&split, part] {
      for (int64_t i = 0; i < 200; ++i) expect_sequence(split, (i * 7 + part * 50) % 200);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace lockstep
