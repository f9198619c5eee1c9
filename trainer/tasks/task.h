// A task is what a model learns to do: it builds the network, turns a batch into a loss, counts
// what its metrics need, and predicts. Training, evaluation, prediction and export know no more.
//
// A new task is one pair of files here and one line in registry.cpp.
#pragma once

#include "trainer/model/libtorch.h"

#include <cstdint>
#include <filesystem>
#include <iosfwd>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "data/dataset.h"
#include "data/manifest.h"
#include "trainer/device_batch.h"
#include "trainer/model/dropout.h"
#include "trainer/model/model_config.h"
#include "trainer/observers/observer.h"
#include "trainer/tasks/gather_rows.h"
#include "trainer/tasks/index_options.h"
#include "trainer/tasks/line_answers.h"
#include "trainer/tasks/writing_options.h"

namespace lockstep {

/// Sums over real targets, never means: sums of batches and ranks just add up. The first is always
/// the loss, the second the number of targets it is over.
struct TaskOutput {
  torch::Tensor loss_sum;  ///< scalar with a graph; what backward starts from
  torch::Tensor sums;      ///< float32 [sum_names().size()] on the device, without a graph
};

/// Rows of a parameter that stand for symbols or classes.
struct RowLabels {
  std::vector<std::string> labels;
  /// Rows for symbols are the same thing wherever the symbol is; rows for the classes of a head
  /// only where all classes are the same.
  bool by_label = true;
};

/// What a classifier of whole sequences thinks of a batch: B sequences, C labels.
struct LabelProbabilities {
  std::string target;
  std::vector<std::string> labels;  ///< [C]
  bool exclusive = true;            ///< one of them; false: any number, each by itself
  torch::Tensor p_BC;               ///< float32, on the CPU, contiguous
};

class Task {
 public:
  virtual ~Task() = default;

  virtual torch::nn::Module& model() = 0;
  /// One line for people: "lstm 28 -> 128, linear 128 -> 10".
  virtual std::string summary() const = 0;
  /// Everything besides the config that the model is built from; kept in checkpoints.
  virtual nlohmann::json description() const = 0;

  /// "loss", "targets", then whatever the metrics need.
  virtual std::vector<std::string> sum_names() const = 0;
  /// From sums, in the order of sum_names(), to figures: "loss" first.
  virtual Metrics metrics(const std::vector<double>& sums) const = 0;

  /// Figures of single classes by label, for those who ask for them.
  virtual std::vector<std::pair<std::string, Metrics>> class_metrics(
      const std::vector<double>&) const {
    return {};
  }
  /// On every rank before the first step, also of a continued run: what is counted or solved in
  /// closed form on the training split. Its results are the model's buffers (rank zero's count, and
  /// checkpoints keep them) or what only training needs.
  virtual void prepare(const Split&) {}

  virtual TaskOutput compute(const DeviceBatch& batch, const DropoutKey& key) = 0;
  /// As compute() on held-out data. `decode`: whether what takes longer is measured too, such as
  /// texts that the model writes; metrics() leaves out what was not.
  virtual TaskOutput evaluate(const DeviceBatch& batch, [[maybe_unused]] bool decode) {
    return compute(batch, {});
  }
  /// Around the evaluate() of all batches of a split, on the ranks that share them: what many
  /// batches need is made once. Collective where `ranks.gather` is.
  virtual void begin_evaluation(const Split&, const SharedWork&) {}
  virtual void end_evaluation() {}
  /// Whether the training loss looks at other ranks' parts of the batch. Then compute() calls what
  /// set_gather() gave, collectively, and compute_nothing() stands for it where a rank's part is
  /// empty.
  virtual bool gathers() const { return false; }
  virtual void set_gather(GatherRows) {}
  virtual void compute_nothing() {}
  /// Matrices (by parameter name) of whose rows a step touches few: embeddings that are not used
  /// elsewhere. Their gradients travel row by row where that is shorter (row_exchange.h).
  virtual std::vector<std::string> row_sparse_parameters() const { return {}; }
  /// What rows of parameters stand for, by the parameter's name: what another run is found by.
  virtual std::map<std::string, RowLabels> row_labels() const { return {}; }
  /// One object per sequence of the batch.
  virtual std::vector<nlohmann::json> predict(const DeviceBatch& batch) = 0;

  /// The same of many sequences at once, one entry for each head, by tasks that classify whole
  /// sequences; empty: this is none.
  virtual std::vector<LabelProbabilities> label_probabilities(const DeviceBatch&) { return {}; }

  /// What it makes of each sequence of a held-out batch, for the report; empty: there is nothing to
  /// look at.
  virtual std::vector<Example> examples(const DeviceBatch&) { return {}; }

  /// Whether a split is read as one long text (token_streams.h) instead of shuffled sequences.
  virtual bool reads_streams() const { return false; }
  /// Then: what columns begin the next batch with, each [columns, ...]; empty at the beginning.
  virtual std::vector<torch::Tensor> carried() const { return {}; }
  virtual void set_carried(std::vector<torch::Tensor>) {}
  /// Whether lines of `lockstep predict` are symbols, as symbols_of() reads them, which predict()
  /// takes many of together.
  virtual bool reads_symbol_lines() const { return false; }
  /// At least one symbol. Throws Error(corrupt) when the line cannot be understood.
  virtual std::vector<int64_t> symbols_of(const nlohmann::json&) { return {}; }
  /// Whether answer() is to be asked for lines, which are then neither symbols nor sequences of
  /// numbers.
  virtual bool answers_lines() const { return false; }
  /// An answer for each of the lines, which are computed together where that is faster.
  virtual std::vector<LineAnswer> answer(const std::vector<nlohmann::json>&) { return {}; }
  /// Whether a line that is no JSON object stands for {"text": line}.
  virtual bool takes_plain_text() const { return false; }
  /// How to write texts. False: this task writes none.
  virtual bool set_writing(const WritingOptions&) { return false; }
  /// Answer from a file of templates. False: this task does not. Throws Error.
  virtual bool set_index(const IndexOptions&) { return false; }
  /// Whether `lockstep predict` gives the task a table of numbers instead of lines.
  virtual bool continues_tables() const { return false; }
  /// Writes the rows that follow those of a CSV file, as CSV. Throws Error.
  virtual void continue_table(const std::filesystem::path&, std::ostream&) {}
};

/// How a task is known by its name.
struct TaskEntry {
  std::string name;
  /// What the model is built from, read off a data set. Throws Error(config) when the data set
  /// cannot serve the task, saying what it lacks.
  nlohmann::json (*describe_data)(const Manifest& manifest);
  /// Builds the model with fresh parameters from LibTorch's generator.
  std::unique_ptr<Task> (*make)(const ModelConfig& config, const nlohmann::json& description);
};

/// Throws Error(config) for an unknown name.
const TaskEntry& find_task(const std::string& name);

}  // namespace lockstep
