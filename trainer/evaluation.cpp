#include "trainer/evaluation.h"

#include <cmath>

#include "data/loader.h"
#include "trainer/stopwatch.h"

namespace lockstep {
namespace {

constexpr double kFixedPoint = 1 << 20;

/// Adds the sums of this rank's batches, in fixed point.
void add_own_batches(Replica& replica, const Split& split, const EvaluationSettings& settings,
                     const Place& place, std::vector<int64_t>& sums) {
  LoaderOptions options;
  options.rank = settings.on_all_ranks ? place.rank : 0;
  options.world_size = settings.on_all_ranks ? place.world_size : 1;
  options.deal_whole_batches = true;
  options.prefetch = settings.prefetch;
  const Sampler in_order(split.size(), settings.batch_size, 0, /*shuffle=*/false);
  Loader loader(split, in_order, options);
  while (const Batch* batch = loader.next()) {
    const TaskOutput output = replica.task().compute(to_device(*batch, replica.device()), {});
    const torch::Tensor host = output.sums.cpu();
    const float* values = host.const_data_ptr<float>();
    for (size_t i = 0; i < sums.size(); ++i) sums[i] += std::llround(values[i] * kFixedPoint);
  }
}

}  // namespace

EvaluationReport evaluate_split(Replica& replica, const Split& split,
                                const EvaluationSettings& settings, Communicator& communicator) {
  torch::NoGradGuard no_grad;
  const Stopwatch watch;
  const bool was_training = replica.task().model().is_training();
  replica.task().model().eval();
  std::vector<int64_t> fixed(static_cast<size_t>(replica.num_task_sums()), 0);
  if (settings.on_all_ranks || communicator.is_root()) {
    add_own_batches(replica, split, settings, communicator.place(), fixed);
  }
  communicator.sum_on_all(fixed);
  replica.task().model().train(was_training);

  std::vector<double> sums;
  for (const int64_t value : fixed) sums.push_back(static_cast<double>(value) / kFixedPoint);
  EvaluationReport report;
  report.split = split.name();
  report.metrics = replica.task().metrics(sums);
  report.samples = split.size();
  report.seconds = watch.seconds();
  return report;
}

}  // namespace lockstep
