// T time, B batch, C classes, N = T * B.
#include "trainer/tasks/sequence_labelling.h"

#include <algorithm>
#include <cmath>

#include "data/base/error.h"
#include "trainer/model/label_smoothing.h"
#include "trainer/tasks/class_counts.h"
#include "trainer/tasks/input_lines.h"
#include "trainer/tasks/network_task.h"

namespace lockstep {

using nlohmann::json;
using torch::Tensor;

namespace {

constexpr const char* kLegal = "legal";

class SequenceLabelling : public NetworkTask {
 public:
  SequenceLabelling(const ModelConfig& config, const json& description)
      : NetworkTask(config, description, description.at("classes")),
        counts_(description.at("classes"), description.at("labels"), "") {}

  std::string summary() const override {
    return fmt::format("{}, linear -> {} classes a step", networks_.summary(), counts_.classes());
  }

  std::vector<std::string> sum_names() const override;
  Metrics metrics(const std::vector<double>& sums) const override;
  std::vector<std::pair<std::string, Metrics>> class_metrics(
      const std::vector<double>& sums) const override {
    return counts_.class_metrics(sums.data() + 2);
  }

  TaskOutput compute(const DeviceBatch& batch, const DropoutKey& key) override;
  std::vector<json> predict(const DeviceBatch& batch) override;

 private:
  std::vector<std::string> output_labels() const override;
  bool has_legal() const { return description_.value(kLegal, false); }
  Tensor labels_of(const DeviceBatch& batch, const DropoutKey& key) const;
  Tensor count_legal(const Tensor& logits_TBC, const DeviceBatch& batch) const;

  ClassCounts counts_;
};

std::vector<std::string> SequenceLabelling::output_labels() const {
  std::vector<std::string> labels;
  for (int64_t i = 0; i < counts_.classes(); ++i) labels.push_back(counts_.label_of(i));
  return labels;
}

std::vector<std::string> SequenceLabelling::sum_names() const {
  std::vector<std::string> names = {"loss", "targets"};
  counts_.add_names(names);
  if (has_legal()) {
    names.insert(names.end(), {"legal_steps", "legal_sequences", "sequences"});
  }
  return names;
}

Metrics SequenceLabelling::metrics(const std::vector<double>& sums) const {
  Metrics metrics = {{"loss", sums[0] / (sums[1] > 0 ? sums[1] : NAN)}};
  counts_.add_metrics(sums.data() + 2, metrics);
  if (has_legal()) {
    const double* legal = sums.data() + 2 + counts_.size();
    metrics.emplace_back("legal_steps", legal[0] / (sums[1] > 0 ? sums[1] : NAN));
    metrics.emplace_back("legal_sequences", legal[1] / (legal[2] > 0 ? legal[2] : NAN));
  }
  return metrics;
}

/// [T, B]; turned round where the network reads a sequence from its other strand.
Tensor SequenceLabelling::labels_of(const DeviceBatch& batch, const DropoutKey& key) const {
  const Tensor labels_TB = batch.target(description_.at("target"));
  const Tensor counts_B = labels_TB.ge(0).sum(0).cpu();
  for (int64_t b = 0; b < batch.size(); ++b) {
    const int64_t steps = batch.lengths[static_cast<size_t>(b)];
    const auto labels = counts_B[b].item<int64_t>();
    if (labels == steps) continue;
    throw Error(ExitCode::corrupt,
                fmt::format("sequence {} has {} steps of inputs and {} labels",
                            batch.sample_ids[static_cast<size_t>(b)], steps, labels),
                "each step needs one label; import the data set again");
  }
  const Tensor reversed_B = reversed_samples(config_, description_, key);
  if (!reversed_B.defined()) return labels_TB;
  const Tensor turned_TB = reverse_sequences(labels_TB.unsqueeze(2), batch.lengths).squeeze(2);
  return torch::where(reversed_B.to(labels_TB.device()).unsqueeze(0), turned_TB, labels_TB);
}

TaskOutput SequenceLabelling::compute(const DeviceBatch& batch, const DropoutKey& key) {
  const std::vector<Tensor> logits = of_steps(batch, key);
  const Tensor labels_N = labels_of(batch, key).reshape(-1);
  const Tensor loss_sum = mean_of(each_of(logits, [&](const Tensor& own_TBC) {
    return torch::cross_entropy_loss(own_TBC.reshape({-1, counts_.classes()}), labels_N, {},
                                     at::Reduction::Sum, kPaddingSymbol, smoothing(config_, key));
  }));
  torch::NoGradGuard no_grad;
  const Tensor logits_TBC = mean_logits(logits);
  std::vector<Tensor> sums = {loss_sum.detach().view({1}),
                              labels_N.ge(0).sum().to(torch::kFloat32).view({1}),
                              counts_.count(logits_TBC.reshape({-1, counts_.classes()}), labels_N)};
  if (has_legal()) sums.push_back(count_legal(logits_TBC, batch));
  return {loss_sum, torch::cat(sums)};
}

/// A step is right when each legal label is more likely than all that are not.
Tensor SequenceLabelling::count_legal(const Tensor& logits_TBC, const DeviceBatch& batch) const {
  const Tensor legal_TBC = batch.target(kLegal).gt(0.5);
  const Tensor least_TB = std::get<0>(logits_TBC.masked_fill(~legal_TBC, INFINITY).min(2));
  const Tensor most_TB = std::get<0>(logits_TBC.masked_fill(legal_TBC, -INFINITY).max(2));
  const Tensor real_TB = batch.target(description_.at("target")).ge(0);
  const Tensor right_TB = (least_TB > most_TB).logical_and(real_TB);
  const Tensor whole_B = right_TB.logical_or(~real_TB).all(0);
  return torch::stack(
             {right_TB.sum(), whole_B.sum(), torch::tensor(batch.size()).to(whole_B.device())})
      .to(torch::kFloat32);
}

std::vector<json> SequenceLabelling::predict(const DeviceBatch& batch) {
  torch::NoGradGuard no_grad;
  const Tensor p_TBC = mean_logits(of_steps(batch, {})).softmax(2).cpu();
  const auto [best_TB, class_TB] = p_TBC.max(2);
  std::vector<json> answers;
  for (int64_t b = 0; b < batch.size(); ++b) {
    json labels = json::array(), probabilities = json::array();
    for (int64_t t = 0; t < batch.lengths[static_cast<size_t>(b)]; ++t) {
      labels.push_back(counts_.label_of(class_TB[t][b].item<int64_t>()));
      probabilities.push_back(best_TB[t][b].item<float>());
    }
    answers.push_back({{"labels", labels}, {"probabilities", probabilities}});
  }
  return answers;
}

json describe_labels(const Manifest& manifest) {
  json description = describe_inputs(manifest);
  for (size_t i = 1; i < manifest.streams.size(); ++i) {
    const StreamSchema& stream = manifest.streams[i];
    if (!stream.is_symbols() || !is_as_long_as_inputs(manifest, i)) continue;
    description.update(
        {{"target", stream.name}, {"classes", stream.num_classes}, {"labels", stream.labels}});
    for (size_t k = 1; k < manifest.streams.size(); ++k) {
      const StreamSchema& other = manifest.streams[k];
      if (other.name == kLegal && other.features == stream.num_classes &&
          is_as_long_as_inputs(manifest, k)) {
        description[kLegal] = true;
      }
    }
    return description;
  }
  throw Error(ExitCode::config,
              "task sequence_labelling needs a target of labels, one for each step of the inputs; "
              "this data set has none",
              "`lockstep data inspect` shows the streams of a data set");
}

std::unique_ptr<Task> make_labelling(const ModelConfig& config, const json& description) {
  if (config.join_steps > 1) {
    throw Error(ExitCode::config, "model.join_steps: labels of single steps cannot be joined");
  }
  return std::make_unique<SequenceLabelling>(config, description);
}

}  // namespace

TaskEntry sequence_labelling_entry() {
  return {"sequence_labelling", &describe_labels, &make_labelling};
}

}  // namespace lockstep
