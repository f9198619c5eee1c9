// In a steady state a training step allocates nothing but the small pieces of LibTorch's graph, and
// takes no memory from the system.
#include <gtest/gtest.h>
#include <malloc.h>
#include <sys/resource.h>
#include <torch/torch.h>

#include <array>
#include <cmath>
#include <vector>

#include "data/loader.h"
#include "data/manifest.h"
#include "data/shard_writer.h"
#include "tests/support/thread_ranks.h"
#include "tests/unit/base/temp_folder.h"
#include "tests/unit/trainer/allocation_count.h"
#include "trainer/comm/alone.h"
#include "trainer/comm/communication_thread.h"
#include "trainer/session.h"
#include "trainer/session_parts.h"
#include "trainer/tensor_cache.h"
#include "trainer/train_step.h"

namespace lockstep {
namespace {

constexpr int64_t kNoiseFeatures = 12, kNoiseLongest = 40, kNoiseClasses = 5, kNoiseBatch = 8,
                  kNoiseSamples = 64 * kNoiseBatch;

/// Noise with labels; all sequences as long, or of 1 to kNoiseLongest steps.
Manifest write_noise(const std::filesystem::path& folder, bool ragged) {
  Manifest manifest;
  manifest.source = "a test";
  StreamSchema inputs, classes;
  inputs.name = "inputs";
  inputs.features = kNoiseFeatures;
  classes.name = "classes";
  classes.element = ElementType::i32;
  classes.num_classes = kNoiseClasses;
  manifest.streams = {inputs, classes};
  ShardWriter writer(folder, "train", manifest.streams);
  std::vector<float> values(static_cast<size_t>(kNoiseLongest * kNoiseFeatures));
  for (int64_t id = 0; id < kNoiseSamples; ++id) {
    for (size_t i = 0; i < values.size(); ++i) {
      values[i] =
          static_cast<float>(std::sin(static_cast<double>(id) + 3.7 * static_cast<double>(i)));
    }
    const int64_t length = ragged ? 1 + id * 29 % kNoiseLongest : kNoiseLongest;
    const auto label = static_cast<int32_t>(id % kNoiseClasses);
    writer.append({{values.data(), length}, {&label, 1}}, std::to_string(id));
  }
  manifest.splits.push_back(writer.finish());
  write_manifest(folder, manifest);
  return manifest;
}

RunConfig steady_config(const testing::TempFolder& folder) {
  RunConfig config;
  config.device = "cpu";
  config.data.path = (folder.path() / "data").string();
  config.run.dir = (folder.path() / "run").string();
  config.run.threads = 1;
  config.batch.size = kNoiseBatch;
  config.model.hidden_size = 32;
  config.model.num_layers = 2;
  config.model.dropout = 0.2;
  config.optimizer.clip_norm = 1;
  config.train.epochs = 2;
  config.train.log_every = 0;
  config.data.log_samples = true;
  return config;
}

struct Tick {
  int64_t news = 0;  ///< of the thread that trains
  int64_t all_news = 0;
  int64_t system_blocks = 0;
  int64_t page_faults = 0;
  size_t heap = 0;  ///< bytes that malloc has from the system
};

Tick tick() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const struct mallinfo2 info = ::mallinfo2();
  return {news_here(), news_everywhere(), tensor_cache_counts().system_blocks, usage.ru_minflt,
          info.arena + info.hblkhd};
}

/// A world of one that notes what was allocated whenever a step sums its gradients.
class TickingCommunicator : public AloneCommunicator {
 public:
  void sum(const SumRequest&) override {
    if (count_ < ticks_.size()) ticks_[count_++] = tick();
  }

  /// Of step `number`, from 1.
  const Tick& at(size_t number) const { return ticks_.at(number - 1); }
  size_t count() const { return count_; }

 private:
  std::array<Tick, 4 * kNoiseSamples / kNoiseBatch> ticks_{};
  size_t count_ = 0;
};

void train_with(const RunConfig& config, Communicator& communicator) {
  TrainRequest request;
  request.config = config;
  request.config_name = "steady";
  request.quiet = true;
  train(request, communicator);
}

/// What forward and backward by themselves allocate, for a batch that they have met before.
int64_t news_of_graph(Replica& replica, const Batch& batch, const RunConfig& config) {
  DeviceBatch part;
  int64_t news = 0;
  for (int64_t step = 1; step <= 4; ++step) {
    const int64_t before = news_here();
    to_device(batch, 0, batch.size(), torch::kCPU, part);
    const DropoutKey key{true, config.run.seed, step, &part.sample_ids, false};
    {
      const TaskOutput output = replica.task().compute(part, key);
      output.loss_sum.backward();
    }
    part.drop_tensors();
    news = news_here() - before;
  }
  return news;
}

class SteadyState : public ::testing::Test {
 protected:
  void SetUp() override {
    if (LOCKSTEP_COUNTS_NEW == 0) GTEST_SKIP() << "a sanitizer has its own memory";
  }
  void write(bool ragged) {
    std::filesystem::create_directories(folder_.path() / "data");
    manifest_ = write_noise(folder_.path() / "data", ragged);
  }

  testing::TempFolder folder_;
  Manifest manifest_;
};

TEST_F(SteadyState, AStepAllocatesWhatItsGraphDoesAndNothingElse) {
  write(/*ragged=*/false);
  const RunConfig config = steady_config(folder_);
  TickingCommunicator communicator;
  train_with(config, communicator);
  ASSERT_EQ(communicator.count(), 128u);

  Replica replica(config, find_task(config.task).describe_data(manifest_), torch::kCPU);
  replica.task().model().train();
  const GradientBuckets hooks(replica.task().model(), replica.buffers(), 1 << 20);
  const Split split = Dataset(config.data.path).open_split("train");
  Loader loader(split, Sampler(kNoiseSamples, {.batch_size = kNoiseBatch}), {});
  const int64_t graph = news_of_graph(replica, *loader.next(), config);
  EXPECT_GT(graph, 100) << "if LibTorch no longer allocates, expect nothing here";

  for (size_t step = 21; step <= 60; ++step) {
    const Tick &before = communicator.at(step - 1), &after = communicator.at(step);
    EXPECT_EQ(after.news - before.news, graph) << "step " << step;
    EXPECT_EQ(after.system_blocks, before.system_blocks) << "step " << step;
  }
  const Tick &first = communicator.at(20), &last = communicator.at(60);
  EXPECT_GT(first.system_blocks, 0) << "tensors do not come from the cache";
  EXPECT_EQ(last.all_news - first.all_news, last.news - first.news) << "the loader's threads";
  EXPECT_EQ(last.heap, first.heap);
  EXPECT_LT(last.page_faults - first.page_faults, 20) << "in 40 steps";
}

TEST_F(SteadyState, RaggedBatchesTakeNoMemoryFromTheSystem) {
  write(/*ragged=*/true);
  RunConfig config = steady_config(folder_);
  config.batch.window = 4;
  config.train.epochs = 4;
  TickingCommunicator communicator;
  train_with(config, communicator);
  ASSERT_EQ(communicator.count(), 256u);
  const Tick &first = communicator.at(198), &last = communicator.at(256);
  EXPECT_GT(first.system_blocks, 0) << "tensors do not come from the cache";
  EXPECT_EQ(last.system_blocks, first.system_blocks);
  EXPECT_EQ(last.heap, first.heap);
  EXPECT_LT(last.page_faults - first.page_faults, 29) << "in 58 steps";
}

TEST_F(SteadyState, ExchangeAllocatesNothing) {
  write(/*ragged=*/false);
  RunConfig config = steady_config(folder_);
  config.communication.bucket_megabytes = 0.004;  // 1000 floats: several buckets
  on_thread_ranks(2, [&](Communicator& comm) {
    Replica replica(config, find_task(config.task).describe_data(manifest_), torch::kCPU, &comm);
    const torch::Tensor parameters = replica.buffers().parameters();
    parameters.copy_(torch::arange(parameters.numel()).sin() * 0.2);
    replica.task().model().train();
    const auto optimizer = make_optimizer(config, replica.buffers(), {}, comm.rank());
    TrainStep step(config, replica, *optimizer, comm, {});
    const Split split = Dataset(config.data.path).open_split("train");
    Loader loader(split, Sampler(kNoiseSamples, {.batch_size = kNoiseBatch}),
                  {.rank = comm.rank(), .world_size = comm.world_size()});
    const Batch& batch = *loader.next();
    const int64_t graph = news_of_graph(replica, batch, config);
    for (int64_t number = 1; number <= 12; ++number) {
      const int64_t before = news_here();
      step.run(batch, number, 1e-3, false);
      if (number <= 6) continue;
      EXPECT_EQ(news_here() - before, graph) << "rank " << comm.rank() << " step " << number;
    }
  });
}

TEST_F(SteadyState, SumsOnTheirOwnThreadAllocateNothing) {
  std::vector<int64_t> news;
  news.reserve(100);
  CommunicationThread thread([&](const SumRequest& request) {
    ASSERT_EQ(request.kept.size(), 2u);
    news.push_back(news_here());
  });
  SumRequest request;
  request.kept = {{0, 4}, {4, 8}};
  int64_t before = 0;
  for (int step = 0; step < 10; ++step) {
    if (step == 5) before = news_here();
    for (int bucket = 0; bucket < 7; ++bucket) thread.start(request);
    thread.complete();
  }
  EXPECT_EQ(news_here(), before);
  ASSERT_EQ(news.size(), 70u);
  EXPECT_EQ(news.back(), news[35]);
}

}  // namespace
}  // namespace lockstep
