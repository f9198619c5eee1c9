// B batch, C labels.
#include "trainer/tasks/multi_label_classification.h"

#include <cmath>

#include "data/base/error.h"
#include "trainer/model/label_smoothing.h"
#include "trainer/tasks/input_lines.h"
#include "trainer/tasks/network_task.h"

namespace lockstep {

using nlohmann::json;
using torch::Tensor;

namespace {

/// 2 both / (is + taken); not a number where no sequence has the label or was given it.
double f1_of(double both, double is, double taken) {
  return is + taken > 0 ? 2 * both / (is + taken) : NAN;
}

/// The mean of what the networks say, [B, C].
Tensor probabilities(const std::vector<Tensor>& logits) {
  return mean_of(each_of(logits, [](const Tensor& own_BC) { return own_BC.sigmoid(); }));
}

class MultiLabelClassification : public NetworkTask {
 public:
  MultiLabelClassification(const ModelConfig& config, const json& description)
      : NetworkTask(config, description, static_cast<int64_t>(description.at("labels").size())),
        labels_(description.at("labels").get<std::vector<std::string>>()) {}

  std::string summary() const override {
    return fmt::format("{}, {} over time, linear -> {} labels, each by itself", networks_.summary(),
                       config_.pooling, classes()) +
           summary_of_bag();
  }

  std::vector<std::string> sum_names() const override;
  Metrics metrics(const std::vector<double>& sums) const override;
  std::vector<std::pair<std::string, Metrics>> class_metrics(
      const std::vector<double>& sums) const override;

  TaskOutput compute(const DeviceBatch& batch, const DropoutKey& key) override;
  bool takes_plain_text() const override {
    return reads_symbol_lines() && description_.at("inputs").contains("tokens");
  }
  std::vector<json> predict(const DeviceBatch& batch) override;
  std::vector<LabelProbabilities> label_probabilities(const DeviceBatch& batch) override {
    torch::NoGradGuard no_grad;
    return {{description_.at("target"), labels_, /*exclusive=*/false,
             probabilities(of_sequences(batch, {})).cpu().contiguous()}};
  }

 private:
  static constexpr size_t kOwnSums = 3;  ///< in front of the labels' counts

  std::vector<std::string> output_labels() const override { return labels_; }
  int64_t classes() const { return static_cast<int64_t>(labels_.size()); }

  std::vector<std::string> labels_;
};

/// For each label: how many sequences have it, how many were given it, and how many both.
std::vector<std::string> MultiLabelClassification::sum_names() const {
  std::vector<std::string> names = {"loss", "targets", "exact"};
  for (const char* what : {"true", "predicted", "correct"}) {
    for (int64_t i = 0; i < classes(); ++i) names.push_back(fmt::format("{}_{}", what, i));
  }
  return names;
}

/// micro_f1 counts all labels together, macro_f1 is the mean over labels that occur; exact is the
/// share of sequences with all their labels right.
Metrics MultiLabelClassification::metrics(const std::vector<double>& sums) const {
  const double targets = sums[1] > 0 ? sums[1] : NAN;
  const double* is = sums.data() + kOwnSums;
  const double* taken = is + classes();
  const double* both = taken + classes();
  double all_is = 0, all_taken = 0, all_both = 0, f1 = 0, occurring = 0;
  for (int64_t i = 0; i < classes(); ++i) {
    all_is += is[i];
    all_taken += taken[i];
    all_both += both[i];
    if (is[i] + taken[i] == 0) continue;
    f1 += f1_of(both[i], is[i], taken[i]);
    ++occurring;
  }
  return {{"loss", sums[0] / targets},
          {"micro_f1", f1_of(all_both, all_is, all_taken)},
          {"macro_f1", f1 / (occurring > 0 ? occurring : NAN)},
          {"exact", sums[2] / targets}};
}

std::vector<std::pair<std::string, Metrics>> MultiLabelClassification::class_metrics(
    const std::vector<double>& sums) const {
  std::vector<std::pair<std::string, Metrics>> figures;
  for (size_t i = 0; i < labels_.size(); ++i) {
    const double is = sums[kOwnSums + i];
    const double taken = sums[kOwnSums + labels_.size() + i];
    const double both = sums[kOwnSums + 2 * labels_.size() + i];
    figures.push_back({labels_[i],
                       {{"true", is},
                        {"predicted", taken},
                        {"correct", both},
                        {"precision", both / (taken > 0 ? taken : NAN)},
                        {"recall", both / (is > 0 ? is : NAN)},
                        {"f1", f1_of(both, is, taken)}}});
  }
  return figures;
}

TaskOutput MultiLabelClassification::compute(const DeviceBatch& batch, const DropoutKey& key) {
  const std::vector<Tensor> logits = of_sequences(batch, key);
  const Tensor is_BC = batch.target(description_.at("target")).select(0, 0);
  const double smoothed = smoothing(config_, key);
  const Tensor wanted_BC = smoothed > 0 ? is_BC * (1 - smoothed) + smoothed / 2 : is_BC;
  const Tensor loss_sum = mean_of(each_of(logits, [&](const Tensor& own_BC) {
    return torch::binary_cross_entropy_with_logits(own_BC, wanted_BC, {}, {}, at::Reduction::Sum);
  }));
  torch::NoGradGuard no_grad;
  const Tensor taken_BC = probabilities(logits).gt(0.5).to(torch::kFloat32);
  const Tensor exact_B = taken_BC.eq(is_BC).all(1).to(torch::kFloat32);
  const Tensor targets = torch::full({1}, static_cast<float>(batch.size()), loss_sum.options());
  return {loss_sum, torch::cat({loss_sum.detach().view({1}), targets, exact_B.sum().view({1}),
                                is_BC.sum(0), taken_BC.sum(0), (is_BC * taken_BC).sum(0)})};
}

/// The labels whose probability is above one half, and the probability of every label.
std::vector<json> MultiLabelClassification::predict(const DeviceBatch& batch) {
  const Tensor p_BC = label_probabilities(batch).front().p_BC;
  std::vector<json> answers;
  for (int64_t b = 0; b < p_BC.size(0); ++b) {
    const float* row = p_BC.const_data_ptr<float>() + b * classes();
    json answer = {{"labels", json::array()}, {"probabilities", json::object()}};
    for (size_t i = 0; i < labels_.size(); ++i) {
      if (row[i] > 0.5F) answer["labels"].push_back(labels_[i]);
      answer["probabilities"][labels_[i]] = row[i];
    }
    answers.push_back(std::move(answer));
  }
  return answers;
}

/// The only target that is dense, has a name for each of its features, and one step a sequence.
json describe_label_sets(const Manifest& manifest) {
  std::vector<size_t> fitting;
  for (size_t i = 1; i < manifest.streams.size(); ++i) {
    const StreamSchema& stream = manifest.streams[i];
    const bool plain = stream.scale == 1 && stream.offset == 0;
    if (stream.is_symbols() || stream.labels.empty() || !plain) continue;
    if (has_one_step_each(manifest, i)) fitting.push_back(i);
  }
  if (fitting.size() != 1) {
    throw Error(
        ExitCode::config,
        fmt::format("task multi_label_classification needs one target of label sets, a zero "
                    "or a one for each named label; this data set has {}",
                    fitting.size()),
        "`lockstep data import labelled --multi-label SEPARATOR` makes one");
  }
  const StreamSchema& target = manifest.streams[fitting[0]];
  json description = describe_inputs(manifest);
  description["target"] = target.name;
  description["labels"] = target.labels;
  return description;
}

std::unique_ptr<Task> make_multi_label(const ModelConfig& config, const json& description) {
  return std::make_unique<MultiLabelClassification>(config, description);
}

}  // namespace

TaskEntry multi_label_classification_entry() {
  return {"multi_label_classification", &describe_label_sets, &make_multi_label};
}

}  // namespace lockstep
