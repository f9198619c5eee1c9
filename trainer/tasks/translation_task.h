// The task behind translation, captioning and path_planning: learning and measuring are in
// translation.cpp, writing texts in translation_writing.cpp. T time of the source, U of the target,
// B batch, N texts, H hidden.
#pragma once

#include "trainer/model/libtorch.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "trainer/model/beam_search.h"
#include "trainer/model/encoder_decoder.h"
#include "trainer/tasks/grid_world.h"
#include "trainer/tasks/task.h"
#include "trainer/tasks/text_inputs.h"
#include "trainer/tasks/written_counts.h"

namespace lockstep {

class Translation : public Task {
 public:
  Translation(const ModelConfig& config, nlohmann::json description)
      : config_(config),
        description_(std::move(description)),
        target_(description_.at("target")),
        sizes_{.source_symbols = reads_symbols() ? inputs().at("vocabulary").get<int64_t>() : 0,
               .features = description_.value("features", int64_t{0}),
               .target_symbols = target_.at("vocabulary").get<int64_t>() + (has_end() ? 0 : 1)},
        end_(has_end() ? number_of(target_.at("end")) : sizes_.target_symbols - 1),
        model_(sizes_, config) {
    writing_.beam_size = config.beam_size;
  }

  torch::nn::Module& model() override { return *model_; }
  nlohmann::json description() const override { return description_; }
  std::string summary() const override;

  std::vector<std::string> sum_names() const override {
    std::vector<std::string> names = {"loss", "targets"};
    names.insert(names.end(), WrittenCounts::kNames.begin(), WrittenCounts::kNames.end());
    if (plans_paths()) {
      names.insert(names.end(), PathCounts::kNames.begin(), PathCounts::kNames.end());
    }
    return names;
  }
  Metrics metrics(const std::vector<double>& sums) const override;

  TaskOutput compute(const DeviceBatch& batch, const DropoutKey& key) override;
  TaskOutput evaluate(const DeviceBatch& batch, bool decode) override;
  std::vector<std::string> row_sparse_parameters() const override;
  std::map<std::string, RowLabels> row_labels() const override;
  std::vector<nlohmann::json> predict(const DeviceBatch& batch) override;
  std::vector<Example> examples(const DeviceBatch& batch) override;

  bool reads_symbol_lines() const override { return reads_symbols(); }
  bool takes_plain_text() const override { return reads_symbols(); }
  std::vector<int64_t> symbols_of(const nlohmann::json& line) override;
  bool set_writing(const WritingOptions& options) override;

 private:
  bool reads_symbols() const { return description_.contains("inputs"); }
  const nlohmann::json& inputs() const { return description_.at("inputs"); }
  bool plans_paths() const { return description_.contains("map_columns"); }
  bool writes_text() const { return target_.contains("tokens"); }
  /// Whether the target's sequences end with a symbol of their own.
  bool has_end() const { return target_.value("end", "") != ""; }
  int64_t number_of(const std::string& label) const {
    const nlohmann::json& labels = target_.at("labels");
    return std::find(labels.begin(), labels.end(), label) - labels.begin();
  }

  const torch::Tensor& target_of(const DeviceBatch& batch) const {
    return batch.target(target_.at("stream").get<std::string>());
  }
  torch::Tensor with_end(const torch::Tensor& target_UB) const;
  torch::Tensor behind_end(const torch::Tensor& target_UB) const;
  std::vector<int64_t> column_of(const torch::Tensor& target_UB, int64_t b) const;
  int64_t longest_text(int64_t source_length) const;
  std::vector<std::vector<Hypothesis>> write(const DeviceBatch& batch);
  GridWorld map_of(const DeviceBatch& batch, int64_t sequence) const;
  std::string text_of(const std::vector<int64_t>& symbols);
  nlohmann::json answer_of(const std::vector<Hypothesis>& texts);
  nlohmann::json attention_of(const DeviceBatch& batch, int64_t sequence,
                              const std::vector<int64_t>& written);

  ModelConfig config_;
  nlohmann::json description_;
  const nlohmann::json& target_;  ///< a part of the description
  EncoderDecoderSizes sizes_;
  int64_t end_;
  EncoderDecoder model_;
  WritingOptions writing_;
  std::optional<TextInputs> source_text_, target_text_;
};

}  // namespace lockstep
