// T time of the inputs, U of the target, B batch, F features, H hidden.
#include "trainer/tasks/frame_prediction.h"

#include <algorithm>
#include <cmath>

#include "data/base/error.h"
#include "trainer/model/lstm_stack.h"
#include "trainer/tasks/frame_pictures.h"
#include "trainer/tasks/input_lines.h"

namespace lockstep {

using nlohmann::json;
using torch::Tensor;

namespace {

constexpr int kSummarySite = 0, kFrameSite = 1, kNextSite = 2, kReaderSites = 3,
              kWriterSites = 1000;

/// What the network writes, from which frames are made.
struct WrittenFrames {
  Tensor next_TBF;    ///< behind each frame of the inputs
  Tensor future_UBF;  ///< behind the last of them
};

/// Parameters are named reader.*, writer.*, bridge.* and output.*.
class FrameNetworkImpl : public torch::nn::Module {
 public:
  FrameNetworkImpl(int64_t features, const ModelConfig& config)
      : config_(config),
        reader_(register_module("reader", LstmStack(features, config))),
        writer_(register_module("writer", LstmStack(config.hidden_size, config))),
        bridge_(register_module(
            "bridge",
            torch::nn::Linear(config.hidden_size, 2 * config.num_layers * config.hidden_size))),
        output_(register_module("output", torch::nn::Linear(config.hidden_size, features))) {}

  WrittenFrames forward(const Tensor& inputs_TBF, const Lengths& lengths, int64_t frames,
                        const DropoutKey& key) {
    const Tensor y_TBH = reader_->forward(inputs_TBF, lengths, key, kReaderSites);
    const Tensor last_BH = pool_over_time(y_TBH, lengths, "last", false);
    std::vector<LstmState> states = first_states(last_BH);
    const Tensor summary_BH = dropout(last_BH, config_.dropout, key, kSummarySite);
    const Tensor x_UBH = summary_BH.unsqueeze(0).expand({frames, -1, -1}).contiguous();
    const Tensor h_UBH = writer_->forward(x_UBH, {}, key, kWriterSites, &states);
    return {output_->forward(dropout(y_TBH, config_.dropout, key, kNextSite)),
            output_->forward(dropout(h_UBH, config_.dropout, key, kFrameSite))};
  }

 private:
  /// Where the writer's layers begin: h and c of each.
  std::vector<LstmState> first_states(const Tensor& last_BH) {
    const std::vector<Tensor> parts =
        bridge_->forward(last_BH).tanh().chunk(2 * config_.num_layers, 1);
    std::vector<LstmState> states;
    for (size_t i = 0; i < parts.size(); i += 2) {
      states.push_back({parts[i].contiguous(), parts[i + 1].contiguous()});
    }
    return states;
  }

  ModelConfig config_;
  LstmStack reader_{nullptr}, writer_{nullptr};
  torch::nn::Linear bridge_{nullptr}, output_{nullptr};
};
TORCH_MODULE(FrameNetwork);

class FramePrediction : public Task {
 public:
  FramePrediction(const ModelConfig& config, json description)
      : config_(config),
        description_(std::move(description)),
        target_(description_.at("target")),
        features_(description_.at("features")),
        network_(features_, config) {}

  torch::nn::Module& model() override { return *network_; }
  json description() const override { return description_; }
  std::string summary() const override {
    return fmt::format("{} x lstm {} -> {}, {} x lstm {}, linear -> {}", config_.num_layers,
                       features_, config_.hidden_size, config_.num_layers, config_.hidden_size,
                       features_);
  }

  std::vector<std::string> sum_names() const override {
    return {"loss", "targets", "squared", "absolute", "last_frame_squared", "mean_frame_squared"};
  }
  Metrics metrics(const std::vector<double>& sums) const override {
    const double targets = sums[1] > 0 ? sums[1] : NAN;
    return {{"loss", sums[0] / targets},
            {"mse", sums[2] / targets},
            {"mae", sums[3] / targets},
            {"last_frame_mse", sums[4] / targets},
            {"mean_frame_mse", sums[5] / targets}};
  }

  TaskOutput compute(const DeviceBatch& batch, const DropoutKey& key) override;
  std::vector<json> predict(const DeviceBatch& batch) override;
  std::vector<Example> examples(const DeviceBatch& batch) override;

 private:
  bool writes_logits() const { return config_.frame_loss == "cross_entropy"; }
  Tensor losses(const Tensor& written, const Tensor& wanted) const;
  WrittenFrames written(const DeviceBatch& batch, int64_t frames, const DropoutKey& key);
  Tensor values_of(const Tensor& written_UBF) const {
    return writes_logits() ? written_UBF.sigmoid() : written_UBF;
  }
  /// Real frames of each sequence's answer.
  std::vector<int64_t> frames_of(const DeviceBatch& batch) const {
    const auto known = batch.target_lengths.find(target_);
    return known != batch.target_lengths.end()
               ? known->second
               : std::vector<int64_t>(batch.lengths.size(), config_.frames_ahead);
  }

  ModelConfig config_;
  json description_;
  std::string target_;
  int64_t features_;
  FrameNetwork network_;
};

/// The last real frame of each sequence, [B, F].
Tensor last_frames(const DeviceBatch& batch) {
  const Tensor last_B = (torch::tensor(batch.lengths) - 1).to(batch.inputs.device());
  const Tensor index_1BF =
      last_B.view({1, -1, 1}).expand({1, batch.size(), batch.inputs.size(2)}).contiguous();
  return batch.inputs.gather(0, index_1BF).squeeze(0);
}

/// The mean of each sequence's frames, [B, F]; what is in the padding is zero.
Tensor mean_frames(const DeviceBatch& batch) {
  const Tensor lengths_B1 = torch::tensor(batch.lengths).to(batch.inputs.options()).unsqueeze(1);
  return batch.inputs.sum(0) / lengths_B1;
}

WrittenFrames FramePrediction::written(const DeviceBatch& batch, int64_t frames,
                                       const DropoutKey& key) {
  WrittenFrames written = network_->forward(batch.inputs, batch.lengths, frames, key);
  if (writes_logits()) return written;
  return {written.next_TBF + batch.inputs, written.future_UBF + last_frames(batch).unsqueeze(0)};
}

Tensor FramePrediction::losses(const Tensor& written, const Tensor& wanted) const {
  if (!writes_logits()) return (written - wanted).square();
  return torch::binary_cross_entropy_with_logits(written, wanted, {}, {}, at::Reduction::None);
}

/// In training the frames of the inputs are predicted too, each from those before: that soon
/// teaches the reader what moves, and the output layer what frames look like.
TaskOutput FramePrediction::compute(const DeviceBatch& batch, const DropoutKey& key) {
  const Tensor& target_UBF = batch.target(target_);
  const std::vector<int64_t>& frames = batch.target_lengths.at(target_);
  const Tensor real_UB1 = real_steps(frames, target_UBF).to(target_UBF.dtype());
  const auto [next_TBF, written_UBF] = written(batch, target_UBF.size(0), key);
  Tensor loss_sum = (losses(written_UBF, target_UBF) * real_UB1).sum();
  const int64_t steps = batch.inputs.size(0) - 1;
  if (key.training && steps > 0) {
    const Tensor real_TB1 = real_steps(batch.lengths, batch.inputs).to(target_UBF.dtype());
    loss_sum = loss_sum + (losses(next_TBF.narrow(0, 0, steps), batch.inputs.narrow(0, 1, steps)) *
                           real_TB1.narrow(0, 1, steps))
                              .sum();
  }
  torch::NoGradGuard no_grad;
  const Tensor error_UBF = (values_of(written_UBF.detach()) - target_UBF) * real_UB1;
  const auto floor = [&](const Tensor& frame_BF) {
    return ((frame_BF.unsqueeze(0) - target_UBF) * real_UB1).square().sum();
  };
  return {loss_sum,
          torch::stack({loss_sum.detach(), real_UB1.sum() * static_cast<double>(features_),
                        error_UBF.square().sum(), error_UBF.abs().sum(), floor(last_frames(batch)),
                        floor(mean_frames(batch))})};
}

std::vector<json> FramePrediction::predict(const DeviceBatch& batch) {
  torch::NoGradGuard no_grad;
  const std::vector<int64_t> frames = frames_of(batch);
  const int64_t longest = *std::max_element(frames.begin(), frames.end());
  const double scale = description_.at("scale"), offset = description_.at("offset");
  const Tensor stored_UBF =
      ((values_of(written(batch, longest, {}).future_UBF) - offset) / scale).cpu().contiguous();
  std::vector<json> answers;
  for (int64_t b = 0; b < batch.size(); ++b) {
    json rows = json::array();
    for (int64_t u = 0; u < frames[static_cast<size_t>(b)]; ++u) {
      const float* row = stored_UBF.const_data_ptr<float>() + (u * batch.size() + b) * features_;
      rows.push_back(std::vector<float>(row, row + features_));
    }
    answers.push_back({{"frames", std::move(rows)}});
  }
  return answers;
}

std::vector<Example> FramePrediction::examples(const DeviceBatch& batch) {
  torch::NoGradGuard no_grad;
  const Tensor target_UBF = batch.target(target_).cpu();
  const Tensor answer_UBF = values_of(written(batch, target_UBF.size(0), {}).future_UBF).cpu();
  const std::vector<int64_t> frames = frames_of(batch);
  std::vector<Example> examples;
  for (int64_t b = 0; b < batch.size(); ++b) {
    const auto part = [&](const Tensor& all, const std::vector<int64_t>& lengths) {
      return all.select(1, b).narrow(0, 0, lengths[static_cast<size_t>(b)]);
    };
    const Tensor given_TF = part(batch.inputs.cpu(), batch.lengths);
    const Tensor followed_UF = part(target_UBF, frames);
    const Tensor seen = torch::cat({given_TF, followed_UF});
    const double low = seen.min().item<double>(), high = seen.max().item<double>();
    examples.push_back({"",
                        {{"given", picture_of_frames(given_TF, low, high)},
                         {"followed", picture_of_frames(followed_UF, low, high)},
                         {"predicted", picture_of_frames(part(answer_UBF, frames), low, high)}}});
  }
  return examples;
}

json describe_frames(const Manifest& manifest) {
  const StreamSchema& inputs = manifest.streams.front();
  for (size_t i = 1; i < manifest.streams.size() && !inputs.is_symbols(); ++i) {
    const StreamSchema& stream = manifest.streams[i];
    if (stream.is_symbols() || stream.features != inputs.features) continue;
    json description = describe_inputs(manifest);
    description["target"] = stream.name;
    return description;
  }
  throw Error(ExitCode::config,
              "task frame_prediction needs dense inputs and a dense target of as many features; "
              "this data set has none",
              "`lockstep data generate moving-digits` makes one that does");
}

std::unique_ptr<Task> make_frames(const ModelConfig& config, const json& description) {
  if (config.bidirectional) {
    throw Error(ExitCode::config,
                "model.bidirectional: a model of the next frame must not see what follows");
  }
  return std::make_unique<FramePrediction>(config, description);
}

}  // namespace

TaskEntry frame_prediction_entry() {
  return {"frame_prediction", &describe_frames, &make_frames};
}

}  // namespace lockstep
