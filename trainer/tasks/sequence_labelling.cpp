// T time, B batch, C classes, N = T * B.
#include "trainer/tasks/sequence_labelling.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "data/base/error.h"
#include "trainer/model/label_smoothing.h"
#include "trainer/tasks/class_counts.h"
#include "trainer/tasks/input_lines.h"
#include "trainer/tasks/sequence_network.h"

namespace lockstep {

using nlohmann::json;
using torch::Tensor;

namespace {

constexpr const char* kLegal = "legal";

/// Networks side by side: one is the model itself, several are its members member_0, member_1, ...
class Ensemble {
 public:
  Ensemble(const json& description, int64_t classes, const ModelConfig& config) {
    for (int i = 0; i < static_cast<int>(config.ensemble); ++i) {
      members_.emplace_back(description, classes, config, i);
    }
    if (members_.size() == 1) return;
    for (size_t i = 0; i < members_.size(); ++i) {
      holder_.register_module("member_" + std::to_string(i), members_[i]);
    }
  }

  torch::nn::Module& module() { return members_.size() == 1 ? *members_[0] : holder_; }
  SequenceNetwork& first() { return members_.front(); }
  const SequenceNetwork& first() const { return members_.front(); }

  /// [T, B, C] of each member.
  std::vector<Tensor> logits(const DeviceBatch& batch, const DropoutKey& key) {
    std::vector<Tensor> logits;
    for (SequenceNetwork& member : members_) {
      Lengths lengths = batch.lengths;
      logits.push_back(member->of_steps(batch.inputs, lengths, key));
    }
    return logits;
  }

 private:
  std::vector<SequenceNetwork> members_;
  torch::nn::Module holder_{"ensemble"};
};

/// Logarithms of the mean of the members' probabilities; an only member's logits as they are.
Tensor averaged(const std::vector<Tensor>& logits) {
  if (logits.size() == 1) return logits.front();
  Tensor sum = logits.front().softmax(-1);
  for (size_t i = 1; i < logits.size(); ++i) sum = sum + logits[i].softmax(-1);
  return (sum / static_cast<double>(logits.size())).log();
}

class SequenceLabelling : public Task {
 public:
  SequenceLabelling(const ModelConfig& config, json description)
      : config_(config),
        description_(std::move(description)),
        counts_(description_.at("classes"), description_.at("labels"), ""),
        networks_(description_, counts_.classes(), config) {}

  torch::nn::Module& model() override { return networks_.module(); }
  json description() const override { return description_; }
  std::string summary() const override {
    const std::string many =
        config_.ensemble > 1 ? fmt::format("{} networks of ", config_.ensemble) : "";
    return fmt::format("{}{}, linear -> {} classes a step", many, networks_.first()->summary(),
                       counts_.classes());
  }

  std::vector<std::string> sum_names() const override;
  Metrics metrics(const std::vector<double>& sums) const override;
  std::vector<std::pair<std::string, Metrics>> class_metrics(
      const std::vector<double>& sums) const override {
    return counts_.class_metrics(sums.data() + 2);
  }

  TaskOutput compute(const DeviceBatch& batch, const DropoutKey& key) override;
  std::vector<std::string> row_sparse_parameters() const override {
    if (!networks_.first()->reads_symbols() || config_.ensemble > 1) return {};
    return {"embedding_weight"};
  }
  std::map<std::string, RowLabels> row_labels() const override;
  std::vector<json> predict(const DeviceBatch& batch) override;
  bool reads_symbol_lines() const override { return networks_.first()->reads_symbols(); }
  std::vector<int64_t> symbols_of(const json& line) override {
    if (!text_) text_.emplace(description_.at("inputs"));
    return text_->symbols_of_line(line);
  }

 private:
  bool has_legal() const { return description_.value(kLegal, false); }
  Tensor labels_of(const DeviceBatch& batch, const DropoutKey& key) const;
  Tensor count_legal(const Tensor& logits_TBC, const DeviceBatch& batch) const;

  ModelConfig config_;
  json description_;
  ClassCounts counts_;
  Ensemble networks_;
  std::optional<TextInputs> text_;
};

std::map<std::string, RowLabels> SequenceLabelling::row_labels() const {
  RowLabels classes = {{}, /*by_label=*/false};
  for (int64_t i = 0; i < counts_.classes(); ++i) classes.labels.push_back(counts_.label_of(i));
  std::map<std::string, RowLabels> all;
  for (int64_t i = 0; i < config_.ensemble; ++i) {
    const std::string member = config_.ensemble > 1 ? fmt::format("member_{}.", i) : "";
    all[member + "output.weight"] = all[member + "output.bias"] = classes;
    if (!networks_.first()->reads_symbols()) continue;
    all[member + "embedding_weight"] = {labels_of_symbols(description_.at("inputs"))};
  }
  return all;
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
  const std::vector<Tensor> logits = networks_.logits(batch, key);
  const Tensor labels_N = labels_of(batch, key).reshape(-1);
  Tensor loss_sum;
  for (const Tensor& own_TBC : logits) {
    const Tensor loss =
        torch::cross_entropy_loss(own_TBC.reshape({-1, counts_.classes()}), labels_N, {},
                                  at::Reduction::Sum, kPaddingSymbol, smoothing(config_, key));
    loss_sum = loss_sum.defined() ? loss_sum + loss : loss;
  }
  if (logits.size() > 1) loss_sum = loss_sum / static_cast<double>(logits.size());
  torch::NoGradGuard no_grad;
  const Tensor logits_TBC = averaged(logits);
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
  const Tensor p_TBC = averaged(networks_.logits(batch, {})).softmax(2).cpu();
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
