#include "trainer/batch_order.h"

namespace lockstep {
namespace {

SamplerOptions sampler_options(const RunConfig& config) {
  SamplerOptions options;
  options.batch_size = config.batch.size;
  options.shuffle = shuffle_of(config.data.shuffle);
  options.block = config.data.shuffle_block;
  options.seed = static_cast<uint64_t>(config.run.seed);
  options.window = config.batch.window;
  options.max_steps = config.batch.max_steps;
  return options;
}

int64_t steps_of_targets(const Split& split, int64_t id) {
  int64_t steps = 0;
  for (size_t stream = 1; stream < split.streams().size(); ++stream) {
    steps += split.length(id, stream);
  }
  return steps;
}

std::variant<Sampler, TokenStreamPlan> order_of(const RunConfig& config, const Split& split,
                                                bool streams) {
  if (streams) {
    return TokenStreamPlan{split.total_steps(0), config.batch.size, config.data.steps};
  }
  return Sampler(
      split.size(), sampler_options(config), [&split](int64_t id) { return split.length(id, 0); },
      [&split](int64_t id) { return steps_of_targets(split, id); });
}

}  // namespace

BatchOrder::BatchOrder(const RunConfig& config, const Split& split, bool streams)
    : config_(config), streams_(streams), split_(split), order_(order_of(config, split, streams)) {}

int64_t BatchOrder::batches_in_epoch(int64_t epoch) {
  if (const auto* plan = std::get_if<TokenStreamPlan>(&order_)) return plan->batches_per_epoch();
  return std::get<Sampler>(order_).batches_in_epoch(epoch);
}

int64_t BatchOrder::total_batches(int64_t epochs) {
  if (epochs_are_alike()) return epochs * batches_in_epoch(0);
  int64_t total = 0;
  for (int64_t epoch = 0; epoch < epochs; ++epoch) total += batches_in_epoch(epoch);
  return total;
}

std::string BatchOrder::sha256(int64_t epoch) {
  if (const auto* plan = std::get_if<TokenStreamPlan>(&order_)) return plan->order_sha256();
  return std::get<Sampler>(order_).order_sha256(epoch);
}

std::unique_ptr<BatchSource> BatchOrder::open(int rank, int world_size,
                                              const HostAllocator& allocator,
                                              LoaderStart start) const {
  if (const auto* plan = std::get_if<TokenStreamPlan>(&order_)) {
    TokenStreams::Options options;
    options.rows = plan->rows;
    options.steps = plan->steps;
    options.lanes = rows_of_rank(plan->rows, lanes(), rank, world_size);
    options.allocator = allocator;
    return std::make_unique<TokenStreams>(split_, options, start);
  }
  LoaderOptions options;
  options.rank = rank;
  options.world_size = world_size;
  options.lanes = lanes();
  options.prefetch = config_.data.prefetch;
  options.threads = config_.data.threads;
  options.shift = config_.data.shift;
  options.shift_seed = static_cast<uint64_t>(config_.run.seed);
  options.allocator = allocator;
  return std::make_unique<Loader>(split_, std::get<Sampler>(order_), options, start);
}

}  // namespace lockstep
