#include "trainer/tasks/translation.h"

#include <cmath>

#include "data/base/error.h"
#include "data/batch.h"
#include "trainer/tasks/input_lines.h"
#include "trainer/tasks/translation_data.h"
#include "trainer/tasks/translation_task.h"

namespace lockstep {

using nlohmann::json;
using torch::Tensor;

std::string Translation::summary() const {
  const std::string source =
      reads_symbols()
          ? fmt::format("embedding {} -> {}", sizes_.source_symbols, model_->embedding_size())
          : fmt::format("{} features", sizes_.features);
  return fmt::format(
      "{}, {}{} x lstm {}, {} attention, embedding {} -> {}, 2 x lstm {}, {} -> {} symbols", source,
      config_.bidirectional ? "bidirectional " : "", config_.num_layers, config_.hidden_size,
      config_.attention, sizes_.target_symbols, model_->embedding_size(), config_.hidden_size,
      config_.tied ? "tied" : "linear", sizes_.target_symbols);
}

Metrics Translation::metrics(const std::vector<double>& sums) const {
  const double loss = sums[0] / (sums[1] > 0 ? sums[1] : NAN);
  Metrics metrics = {{"loss", loss}, {"perplexity", std::exp(loss)}};
  const WrittenCounts counts = WrittenCounts::from(sums.data() + 2);
  if (counts.texts == 0) return metrics;
  if (writes_text()) metrics.emplace_back("bleu", counts.bleu.score());
  if (!reads_symbols()) {
    metrics.emplace_back("sequence_accuracy", counts.right_texts / counts.texts);
    metrics.emplace_back("symbol_accuracy", counts.right_symbols / counts.symbols);
  }
  const double* path_sums = sums.data() + 2 + WrittenCounts::kNames.size();
  for (size_t i = 0; plans_paths() && i < PathCounts::kNames.size(); ++i) {
    metrics.emplace_back(PathCounts::kNames[i], path_sums[i] / counts.texts);
  }
  return metrics;
}

/// Targets that have no end of their own get one.
Tensor Translation::with_end(const Tensor& target_UB) const {
  if (has_end()) return target_UB;
  const Tensor longer =
      torch::full({target_UB.size(0) + 1, target_UB.size(1)}, kPaddingSymbol, target_UB.options());
  longer.narrow(0, 0, target_UB.size(0)).copy_(target_UB);
  const Tensor lengths_1B = target_UB.ne(kPaddingSymbol).sum(0, /*keepdim=*/true);
  return longer.scatter(0, lengths_1B, end_);
}

/// What stands before each symbol; the end stands before the first.
Tensor Translation::behind_end(const Tensor& target_UB) const {
  const Tensor end_1B = torch::full({1, target_UB.size(1)}, end_, target_UB.options());
  return torch::cat({end_1B, target_UB.narrow(0, 0, target_UB.size(0) - 1)});
}

TaskOutput Translation::compute(const DeviceBatch& batch, const DropoutKey& key) {
  const Encoded source = model_->encode(batch.inputs, batch.lengths, key);
  const Tensor targets_UB = with_end(target_of(batch));
  DecoderState state = source.begin;
  const Tensor hidden_UBH = model_->decode(behind_end(targets_UB), source.memory, state, key);
  const Tensor targets_N = targets_UB.reshape(-1);
  const Tensor loss_sum =
      model_->loss(hidden_UBH.reshape({-1, config_.hidden_size}), targets_N, key);
  torch::NoGradGuard no_grad;
  const Tensor sums = torch::zeros({static_cast<int64_t>(sum_names().size())}, loss_sum.options());
  sums[0] = loss_sum.detach();
  sums[1] = targets_N.ne(kPaddingSymbol).sum().to(torch::kFloat32);
  return {loss_sum, sums};
}

std::vector<std::string> Translation::row_sparse_parameters() const {
  std::vector<std::string> names;
  if (reads_symbols()) names.emplace_back("source_embedding_weight");
  if (!config_.tied) names.emplace_back("target_embedding_weight");
  return names;
}

std::map<std::string, RowLabels> Translation::row_labels() const {
  RowLabels target = {labels_of_symbols(target_)};
  if (!has_end()) target.labels.emplace_back("<end>");
  std::map<std::string, RowLabels> all;
  for (const char* name : {"target_embedding_weight", "output_weight", "output_bias"}) {
    all[name] = target;
  }
  if (reads_symbols()) all["source_embedding_weight"] = {labels_of_symbols(inputs())};
  return all;
}

/// Column b up to the end or the padding.
std::vector<int64_t> Translation::column_of(const Tensor& target_UB, int64_t b) const {
  const auto symbols = target_UB.accessor<int64_t, 2>();
  std::vector<int64_t> column;
  for (int64_t u = 0; u < target_UB.size(0) && symbols[u][b] >= 0 && symbols[u][b] != end_; ++u) {
    column.push_back(symbols[u][b]);
  }
  return column;
}

TaskOutput Translation::evaluate(const DeviceBatch& batch, bool decode) {
  torch::NoGradGuard no_grad;
  TaskOutput output = compute(batch, {});
  if (!decode) return output;
  const std::vector<std::vector<Hypothesis>> texts = write(batch);
  const Tensor target_UB = target_of(batch).cpu();
  const std::string unknown = target_.value("unknown", "");
  WrittenCounts counts;
  PathCounts paths;
  for (int64_t b = 0; b < batch.size(); ++b) {
    const std::vector<int64_t> wanted = column_of(target_UB, b);
    const std::vector<int64_t>& written = texts[static_cast<size_t>(b)].front().symbols;
    counts.add(written, wanted);
    counts.bleu.add(text_of(written), text_of(wanted), unknown);
    if (!plans_paths()) continue;
    const int64_t length = batch.lengths[static_cast<size_t>(b)];
    paths.add(map_of(batch, b), written, wanted, longest_text(length));
  }
  std::vector<double> all = counts.values();
  const std::vector<double> of_paths = paths.values();
  if (plans_paths()) all.insert(all.end(), of_paths.begin(), of_paths.end());
  const Tensor values = torch::tensor(all).to(output.sums.options());
  output.sums.narrow(0, 2, values.numel()).copy_(values);
  return output;
}

namespace {

std::unique_ptr<Task> make_translation(const ModelConfig& config, const json& description) {
  const int64_t embedding = config.embedding_size;
  if (config.tied && embedding != 0 && embedding != config.hidden_size) {
    throw Error(ExitCode::config,
                fmt::format("model.tied needs an embedding_size of hidden_size, {}, not {}",
                            config.hidden_size, embedding));
  }
  return std::make_unique<Translation>(config, description);
}

}  // namespace

TaskEntry translation_entry() {
  return {"translation", &describe_translation, &make_translation};
}

TaskEntry captioning_entry() {
  return {"captioning", &describe_captioning, &make_translation};
}

TaskEntry path_planning_entry() {
  return {"path_planning", &describe_paths, &make_translation};
}

}  // namespace lockstep
