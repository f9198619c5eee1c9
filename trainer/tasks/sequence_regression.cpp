// B batch, N numbers.
#include "trainer/tasks/sequence_regression.h"

#include <cmath>

#include "data/base/error.h"
#include "trainer/tasks/input_lines.h"
#include "trainer/tasks/network_task.h"

namespace lockstep {

using nlohmann::json;
using torch::Tensor;

namespace {

class SequenceRegression : public NetworkTask {
 public:
  SequenceRegression(const ModelConfig& config, const json& description)
      : NetworkTask(config, description, description.at("numbers")),
        numbers_(description.at("numbers")) {}

  std::string summary() const override {
    return fmt::format("{}, {} over time, linear -> {} numbers", networks_.summary(),
                       config_.pooling, numbers_) +
           summary_of_bag();
  }

  std::vector<std::string> sum_names() const override {
    return {"loss", "targets", "absolute", "within", "sequences"};
  }
  Metrics metrics(const std::vector<double>& sums) const override {
    const double targets = sums[1] > 0 ? sums[1] : NAN;
    return {{"loss", sums[0] / targets},
            {"mae", sums[2] / targets},
            {"within_tolerance", sums[3] / (sums[4] > 0 ? sums[4] : NAN)}};
  }

  TaskOutput compute(const DeviceBatch& batch, const DropoutKey& key) override;
  std::vector<json> predict(const DeviceBatch& batch) override;

 private:
  std::vector<std::string> output_labels() const override {
    return {fmt::format("{} x {}", numbers_, description_.at("target").get<std::string>())};
  }

  int64_t numbers_;
};

TaskOutput SequenceRegression::compute(const DeviceBatch& batch, const DropoutKey& key) {
  const std::vector<Tensor> answers = of_sequences(batch, key);
  const Tensor right_BN = batch.target(description_.at("target")).select(0, 0);
  const Tensor loss_sum = mean_of(
      each_of(answers, [&](const Tensor& own_BN) { return (own_BN - right_BN).square().sum(); }));
  torch::NoGradGuard no_grad;
  const Tensor distance_BN = (mean_of(answers) - right_BN).abs();
  const Tensor within = (distance_BN < config_.tolerance).all(1).sum().to(torch::kFloat32);
  const auto count = [&](int64_t number) {
    return torch::full({}, static_cast<float>(number), loss_sum.options());
  };
  return {loss_sum, torch::stack({loss_sum.detach(), count(distance_BN.numel()), distance_BN.sum(),
                                  within, count(batch.size())})};
}

std::vector<json> SequenceRegression::predict(const DeviceBatch& batch) {
  torch::NoGradGuard no_grad;
  const Tensor answer_BN = mean_of(of_sequences(batch, {})).cpu().contiguous();
  std::vector<json> answers;
  for (int64_t b = 0; b < batch.size(); ++b) {
    const float* row = answer_BN.const_data_ptr<float>() + b * numbers_;
    answers.push_back({{"values", std::vector<float>(row, row + numbers_)}});
  }
  return answers;
}

json describe_numbers(const Manifest& manifest) {
  json description = describe_inputs(manifest);
  for (size_t i = 1; i < manifest.streams.size(); ++i) {
    const StreamSchema& stream = manifest.streams[i];
    if (stream.is_symbols() || !has_one_step_each(manifest, i)) continue;
    description.update({{"target", stream.name}, {"numbers", stream.features}});
    return description;
  }
  throw Error(ExitCode::config,
              "task sequence_regression needs a dense target with one step for each sequence; this "
              "data set has none",
              "`lockstep data inspect` shows the streams of a data set");
}

std::unique_ptr<Task> make_regression(const ModelConfig& config, const json& description) {
  return std::make_unique<SequenceRegression>(config, description);
}

}  // namespace

TaskEntry sequence_regression_entry() {
  return {"sequence_regression", &describe_numbers, &make_regression};
}

}  // namespace lockstep
