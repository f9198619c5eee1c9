#include "trainer/evaluation.h"

#include <cmath>
#include <cstdlib>
#include <limits>

#include "data/loader.h"
#include "data/token_streams.h"
#include "trainer/gather_over.h"
#include "trainer/stopwatch.h"

namespace lockstep {
namespace {

constexpr double kFixedPoint = 1 << 20;

/// Sums of batches as integers, so that adding them in any order gives the same. A batch whose sum
/// is not finite, or too large for that, makes the whole sum infinite.
class ExactSums {
 public:
  explicit ExactSums(size_t size) : size_(size), fixed_and_overflows_(2 * size, 0) {}

  void add(const float* sums) {
    for (size_t i = 0; i < size_; ++i) {
      const double scaled = static_cast<double>(sums[i]) * kFixedPoint;
      if (std::abs(scaled) < kLargest) {
        fixed_and_overflows_[i] += std::llround(scaled);
      } else {  // also when it is not a number
        fixed_and_overflows_[size_ + i] += 1;
      }
    }
  }

  void add_over_ranks(Communicator& communicator) { communicator.sum_on_all(fixed_and_overflows_); }

  std::vector<double> values() const {
    std::vector<double> sums(size_);
    for (size_t i = 0; i < size_; ++i) {
      sums[i] = fixed_and_overflows_[size_ + i] > 0
                    ? std::numeric_limits<double>::infinity()
                    : static_cast<double>(fixed_and_overflows_[i]) / kFixedPoint;
    }
    return sums;
  }

 private:
  static constexpr double kLargest = 0x1p46;  ///< room for 2^16 such batches

  size_t size_;
  std::vector<int64_t> fixed_and_overflows_;
};

void add_batches(Replica& replica, BatchSource& batches, bool decode, ExactSums& sums) {
  while (const Batch* batch = batches.next()) {
    if (batch->inputs().time == 0) continue;
    const TaskOutput output = replica.task().evaluate(to_device(*batch, replica.device()), decode);
    const torch::Tensor host = output.sums.cpu();
    sums.add(host.const_data_ptr<float>());
  }
}

/// Whole batches of sequences are dealt out to the ranks, and groups of rows of a text: what is
/// computed together never depends on the number of ranks.
void add_own_batches(Replica& replica, const Split& split, const EvaluationSettings& settings,
                     const Place& place, ExactSums& sums) {
  const int rank = settings.on_all_ranks ? place.rank : 0;
  const int world_size = settings.on_all_ranks ? place.world_size : 1;
  if (!replica.task().reads_streams()) {
    LoaderOptions options;
    options.rank = rank;
    options.world_size = world_size;
    options.deal_whole_batches = true;
    options.prefetch = settings.prefetch;
    options.threads = settings.threads;
    SamplerOptions in_order{settings.batch_size, Shuffle::none};
    in_order.window = settings.window;
    const Sampler sampler(split.size(), in_order,
                          [&split](int64_t id) { return split.length(id, 0); });
    Loader loader(split, sampler, options);
    add_batches(replica, loader, settings.decode, sums);
    return;
  }
  constexpr int64_t kRowsTogether = 8;
  for (int64_t group = rank; group * kRowsTogether < settings.batch_size; group += world_size) {
    TokenStreams::Options options;
    options.rows = settings.batch_size;
    options.steps = settings.steps;
    options.lanes = {
        {group * kRowsTogether, std::min(settings.batch_size, (group + 1) * kRowsTogether)}};
    options.endless = false;
    TokenStreams rows(split, options);
    add_batches(replica, rows, settings.decode, sums);
  }
}

SharedWork sharing(const EvaluationSettings& settings, Communicator& communicator) {
  if (!settings.on_all_ranks || communicator.world_size() == 1) return {};
  return {communicator.rank(), communicator.world_size(), gather_over(communicator)};
}

}  // namespace

EvaluationReport evaluate_split(Replica& replica, const Split& split,
                                const EvaluationSettings& settings, Communicator& communicator) {
  torch::NoGradGuard no_grad;
  const Stopwatch watch;
  const bool was_training = replica.task().model().is_training();
  std::vector<torch::Tensor> carried = replica.task().carried();
  replica.task().set_carried({});
  replica.task().model().eval();
  ExactSums sums(static_cast<size_t>(replica.num_task_sums()));
  if (settings.on_all_ranks || communicator.is_root()) {
    replica.task().begin_evaluation(split, sharing(settings, communicator));
    add_own_batches(replica, split, settings, communicator.place(), sums);
    replica.task().end_evaluation();
  }
  sums.add_over_ranks(communicator);
  replica.task().model().train(was_training);
  replica.task().set_carried(std::move(carried));

  EvaluationReport report;
  report.split = split.name();
  report.metrics = replica.task().metrics(sums.values());
  report.classes = replica.task().class_metrics(sums.values());
  report.samples = split.size();
  report.seconds = watch.seconds();
  return report;
}

}  // namespace lockstep
