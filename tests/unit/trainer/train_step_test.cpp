// One step on threads that play ranks: what travels, and what happens when something is wrong.
#include "trainer/train_step.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <mutex>

#include "data/sampler.h"
#include "tests/support/thread_ranks.h"
#include "trainer/session_parts.h"

namespace lockstep {
namespace {

using torch::Tensor;

constexpr int64_t kTime = 9, kFeatures = 5, kClasses = 3;

RunConfig small_config() {
  RunConfig config;
  config.batch.size = 22;
  config.model.hidden_size = 16;
  config.model.num_layers = 2;
  config.model.dropout = 0.3;
  config.optimizer.learning_rate = 0.01;
  config.optimizer.clip_norm = 0.2;
  config.communication.bucket_megabytes = 0.002;  // 500 floats: several buckets
  return config;
}

nlohmann::json description() {
  const nlohmann::json head = {
      {"target", "classes"}, {"classes", kClasses}, {"labels", nlohmann::json::array()}};
  return {{"features", kFeatures}, {"scale", 1.0}, {"offset", 0.0}, {"heads", {head}}};
}

/// The global batch of a step is a pure function of the step; each rank gets its lanes of it.
/// Lengths are ragged, and a rank pads to its own longest sequence.
Batch batch_of(const RunConfig& config, int64_t step, int rank, int world_size) {
  const torch::Generator generator = torch::make_generator<torch::CPUGeneratorImpl>(step + 1000);
  const Tensor x = torch::randn({kTime, config.batch.size, kFeatures}, generator);
  const Tensor y =
      torch::randint(kClasses, {config.batch.size}, generator, torch::TensorOptions(torch::kInt64));
  const auto length_of = [&](int64_t id) { return 1 + (id * 7 + step) % kTime; };
  const int64_t lanes = config.reproducible ? config.lanes : world_size;
  const int64_t own_lanes = lanes / world_size;
  Batch batch;
  batch.global_samples = config.batch.size;
  batch.lane_offsets = {0};
  for (int64_t lane = rank * own_lanes; lane < (rank + 1) * own_lanes; ++lane) {
    const Share share = share_of(config.batch.size, lane, lanes);
    for (int64_t id = share.begin; id < share.end; ++id) batch.sample_ids.push_back(id);
    batch.lane_offsets.push_back(batch.size());
  }
  BatchStream inputs, labels;
  inputs.name = "inputs";
  inputs.batch = labels.batch = batch.size();
  inputs.features = kFeatures;
  for (const int64_t id : batch.sample_ids) {
    inputs.lengths.push_back(length_of(id));
    inputs.time = std::max(inputs.time, length_of(id));
  }
  inputs.values.reserve(static_cast<size_t>(inputs.time * inputs.batch * kFeatures + 1) * 4);
  labels.name = "classes";
  labels.is_symbols = true;
  labels.time = 1;
  labels.lengths.assign(batch.sample_ids.size(), 1);
  labels.values.reserve(batch.sample_ids.size() * 8 + 8);
  const Tensor padded = torch::from_blob(inputs.dense(), {inputs.time, inputs.batch, kFeatures});
  padded.zero_();
  for (int64_t b = 0; b < batch.size(); ++b) {
    const int64_t id = batch.sample_ids[static_cast<size_t>(b)];
    padded.narrow(0, 0, length_of(id))
        .select(1, b)
        .copy_(x.narrow(0, 0, length_of(id)).select(1, id));
    labels.symbols()[b] = y[id].item<int64_t>();
  }
  batch.streams.push_back(std::move(inputs));
  batch.streams.push_back(std::move(labels));
  return batch;
}

/// One rank of a small training. Parameters are a fixed pattern: LibTorch's generator is shared by
/// the threads.
class Rank {
 public:
  Rank(const RunConfig& config, Communicator& comm)
      : config_(config),
        comm_(comm),
        replica_(config, description(), torch::kCPU, &comm),
        shards_(shards_for(config, replica_.buffers(), comm.world_size())),
        optimizer_(make_optimizer(config, replica_.buffers(), shards_, comm.rank())),
        step_(config, replica_, *optimizer_, comm, shards_) {
    const Tensor parameters = replica_.buffers().parameters();
    parameters.copy_(torch::arange(parameters.numel()).sin() * 0.2);
    replica_.task().model().train();
  }

  StepOutcome step() {
    ++number_;
    Batch batch = batch_of(config_, number_, comm_.rank(), comm_.world_size());
    if (poisoned_step == number_ && batch.inputs().batch > 0) {
      batch.streams[0].dense()[0] = std::numeric_limits<float>::quiet_NaN();
    }
    return step_.run(batch, number_, config_.optimizer.learning_rate, want_stop);
  }

  Tensor parameters() { return replica_.buffers().parameters(); }
  std::string hash() { return replica_.buffers().parameters_sha256(); }
  Optimizer& optimizer() { return *optimizer_; }
  const std::vector<Span>& shards() const { return shards_; }

  int64_t poisoned_step = 0;  ///< this rank's input is not a number in it
  bool want_stop = false;

 private:
  const RunConfig& config_;
  Communicator& comm_;
  Replica replica_;
  std::vector<Span> shards_;
  std::unique_ptr<Optimizer> optimizer_;
  TrainStep step_;
  int64_t number_ = 0;
};

struct Outcome {
  std::vector<double> losses;
  Tensor parameters;
  std::string hash;
};

/// Trains on that many ranks; all of them must end with the same parameters.
Outcome train_on(int ranks, const RunConfig& config, int64_t steps) {
  Outcome outcome;
  std::mutex mutex;
  on_thread_ranks(ranks, [&](Communicator& comm) {
    Rank rank(config, comm);
    std::vector<double> losses;
    for (int64_t i = 0; i < steps; ++i) {
      const StepOutcome done = rank.step();
      losses.push_back(done.sums[0] / done.sums[1]);
      EXPECT_EQ(done.sums[1], static_cast<double>(config.batch.size));
    }
    const std::lock_guard lock(mutex);
    if (outcome.hash.empty()) outcome = {losses, rank.parameters().clone(), rank.hash()};
    EXPECT_EQ(rank.hash(), outcome.hash);
    EXPECT_EQ(losses, outcome.losses);
  });
  return outcome;
}

void expect_close(const Outcome& got, const Outcome& want) {
  for (size_t i = 0; i < want.losses.size(); ++i) {
    EXPECT_NEAR(got.losses[i], want.losses[i], 1e-5 * want.losses[i]) << "step " << i + 1;
  }
}

TEST(TrainStepTest, AnyWorldSizeAndBucketSizeTrainTheSame) {
  const RunConfig config = small_config();
  const Outcome alone = train_on(1, config, 10);
  for (const int ranks : {2, 3, 4}) expect_close(train_on(ranks, config, 10), alone);
  RunConfig one_bucket = config;
  one_bucket.communication.bucket_megabytes = 100;
  EXPECT_EQ(train_on(2, one_bucket, 10).hash, train_on(2, config, 10).hash);
}

TEST(TrainStepTest, AccumulationChangesNothingButRounding) {
  RunConfig config = small_config();
  const Outcome whole = train_on(2, config, 10);
  config.batch.accumulation = 3;
  expect_close(train_on(2, config, 10), whole);
}

TEST(TrainStepTest, ReproducibleGivesTheSameBitsAt1248Ranks) {
  for (const char* kind : {"adam", "sgd", "adagrad", "rmsprop"}) {
    RunConfig config = small_config();
    config.reproducible = true;
    config.lanes = 8;
    config.batch.accumulation = 2;
    config.optimizer.kind = kind;
    const Outcome alone = train_on(1, config, 8);
    for (const int ranks : {2, 4, 8})
      EXPECT_EQ(train_on(ranks, config, 8).hash, alone.hash) << kind;
  }
}

TEST(TrainStepTest, ShardedOptimizerGivesTheSameBits) {
  for (const bool reproducible : {false, true}) {
    for (const char* kind : {"adam", "adamw", "sgd", "rmsprop"}) {
      RunConfig config = small_config();
      config.model.hidden_size = 40;  // several blocks of the norm for each rank
      config.reproducible = reproducible;
      config.lanes = 4;
      config.optimizer.kind = kind;
      config.optimizer.momentum = 0.5;
      const Outcome whole = train_on(4, config, 6);
      config.optimizer.sharded = true;
      EXPECT_EQ(train_on(4, config, 6).hash, whole.hash) << kind;
    }
  }
}

TEST(TrainStepTest, ShardsOfTheStateAddUpAndAreGatheredWhole) {
  RunConfig config = small_config();
  config.model.hidden_size = 40;
  std::map<std::string, Tensor> whole;
  for (const bool sharded : {false, true}) {
    config.optimizer.sharded = sharded;
    std::atomic<int64_t> bytes{0};
    on_thread_ranks(3, [&](Communicator& comm) {
      Rank rank(config, comm);
      for (int i = 0; i < 3; ++i) rank.step();
      bytes += rank.optimizer().state_bytes();
      std::vector<Tensor> memory;
      const auto views = rank.optimizer().gather_state(comm, rank.shards(), memory);
      if (!comm.is_root()) return;
      for (const TensorView& view : views) {
        const Tensor values = torch::from_blob(const_cast<float*>(view.values), {view.count()});
        if (!sharded) whole[view.name] = values.clone();
        EXPECT_TRUE(torch::equal(values, whole.at(view.name))) << view.name;
      }
      EXPECT_EQ(views.size(), whole.size());
    });
    const int64_t copies = sharded ? 1 : 3;
    int64_t floats = 0;
    on_thread_ranks(1,
                    [&](Communicator& comm) { floats = Rank(config, comm).parameters().numel(); });
    EXPECT_EQ(bytes, copies * 2 * floats * 4);
  }
}

TEST(TrainStepTest, AGradientThatIsNotFiniteStopsAllRanksAndNamesTheOne) {
  const RunConfig config = small_config();
  on_thread_ranks(3, [&](Communicator& comm) {
    Rank rank(config, comm);
    if (comm.rank() == 1) rank.poisoned_step = 3;
    rank.step();
    rank.step();
    const std::string before = rank.hash();
    try {
      rank.step();
      ADD_FAILURE() << "must not go on";
    } catch (const JobError& error) {
      EXPECT_EQ(error.code(), ExitCode::not_finite);
      const std::string what = error.what();
      EXPECT_NE(what.find("step 3"), std::string::npos) << what;
      EXPECT_NE(what.find("rank 1 (output."), std::string::npos) << what;
      EXPECT_EQ(what.find("rank 0"), std::string::npos) << what;
    }
    EXPECT_EQ(rank.hash(), before);
  });
}

TEST(TrainStepTest, AGradientThatIsNotFiniteCanBeLeftOut) {
  RunConfig config = small_config();
  config.optimizer.skip_not_finite = 1;
  on_thread_ranks(2, [&](Communicator& comm) {
    Rank rank(config, comm);
    if (comm.rank() == 0) rank.poisoned_step = 2;
    rank.step();
    const std::string before = rank.hash();
    EXPECT_NE(rank.step().left_out.find("rank 0"), std::string::npos);
    EXPECT_EQ(rank.hash(), before);
    EXPECT_EQ(rank.step().left_out, "");
    EXPECT_NE(rank.hash(), before);
    rank.poisoned_step = 4;
    EXPECT_NE(rank.step().left_out, "") << "in a row: one after a good step is the first again";
    rank.poisoned_step = 5;
    EXPECT_THROW(rank.step(), JobError);
  });
}

TEST(TrainStepTest, AReplicaThatDiffersIsNamed) {
  const RunConfig config = small_config();
  on_thread_ranks(3, [&](Communicator& comm) {
    Rank rank(config, comm);
    rank.step();
    if (comm.rank() == 2) {
      torch::NoGradGuard no_grad;
      rank.parameters()[7].add_(1e-3);  // as a flipped bit would
    }
    try {
      for (int i = 0; i < 300; ++i) rank.step();
      ADD_FAILURE() << "must be noticed";
    } catch (const JobError& error) {
      EXPECT_EQ(error.code(), ExitCode::diverged);
      EXPECT_NE(std::string(error.what()).find("not like the majority: rank 2"), std::string::npos)
          << error.what();
    }
  });
}

TEST(TrainStepTest, AllKnowWhenOneIsToStop) {
  const RunConfig config = small_config();
  on_thread_ranks(3, [&](Communicator& comm) {
    Rank rank(config, comm);
    EXPECT_FALSE(rank.step().stop_agreed);
    rank.want_stop = comm.rank() == 2;
    EXPECT_TRUE(rank.step().stop_agreed);
  });
}

TEST(Buckets, CoverTheBufferInOrderOfCompletion) {
  const RunConfig config = small_config();
  Replica replica(config, description(), torch::kCPU);
  const auto buckets = make_buckets(replica.buffers(), 500);
  ASSERT_GT(buckets.size(), 3u);
  int64_t next = 0;
  size_t parameters = 0;
  for (const Bucket& bucket : buckets) {
    EXPECT_EQ(bucket.begin, next);
    EXPECT_TRUE(bucket.size() >= 500 || &bucket == &buckets.back());
    next = bucket.end;
    parameters += bucket.parameters.size();
  }
  EXPECT_EQ(next, replica.buffers().gradients().numel());
  EXPECT_EQ(parameters, replica.buffers().ranges().size());
  // The output layer is computed last, so its gradient is complete first.
  EXPECT_EQ(replica.buffers().ranges()[buckets[0].parameters[0]].name, "output.bias");
}

TEST(Buckets, AreCompleteBeforeTheBackwardPassEnds) {
  const RunConfig config = small_config();
  Replica replica(config, description(), torch::kCPU);
  GradientBuckets buckets(replica.task().model(), replica.buffers(), 500);
  const Batch batch = batch_of(config, 1, 0, 1);
  const TaskOutput output = replica.task().compute(to_device(batch, torch::kCPU), {});
  std::vector<size_t> calls;
  bool first_layer_was_done = true;
  buckets.watch([&](size_t bucket) {
    calls.push_back(bucket);
    if (bucket != 0) return;
    const auto& first = replica.buffers().ranges()[0];  // lstm.weight_ih_l0
    first_layer_was_done = replica.buffers()
                               .gradients()
                               .narrow(0, first.offset, first.count)
                               .abs()
                               .sum()
                               .item<float>() > 0;
  });
  output.loss_sum.backward();
  const size_t called_by_backward = calls.size();
  buckets.finish();
  EXPECT_EQ(called_by_backward, buckets.buckets().size()) << "finish() had to complete some";
  for (size_t i = 0; i < calls.size(); ++i) EXPECT_EQ(calls[i], i);
  EXPECT_FALSE(first_layer_was_done) << "the first bucket came when everything was done";
}

}  // namespace
}  // namespace lockstep
