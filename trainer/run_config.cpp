#include "trainer/run_config.h"

#include <fmt/format.h>

#include <set>

#include "trainer/tasks/task_names.h"

namespace lockstep {

void RunConfig::describe(Fields& fields) {
  fields.add("task", task, "what the model learns to do").one_of(task_names());
  fields.add("device", device, "where ranks compute: auto uses GPUs only if every rank has its own")
      .one_of({"auto", "cpu", "cuda"})
      .may_change();
  fields.add("precision", precision, "of arithmetic and parameters").one_of({"float32"});
  fields.add("reproducible", reproducible,
             "the same bits at every world size that divides `lanes`; costs the smaller matrices");
  fields
      .add("lanes", lanes,
           "reproducible only: parts a global batch is cut into, each computed by itself and added "
           "in a fixed order; a power of two")
      .at_least(1)
      .at_most(4096);
  fields.add(
      "init_from", init_from,
      "run or checkpoint whose weights the model starts from (fine-tuning); rows of embeddings are "
      "found by their symbol, and what only one of both has is left out; empty: fresh ones");
  fields.add("init_skip", init_skip,
             "parameters that init_from does not touch: names, with * for any characters");
  fields.add("freeze", freeze,
             "parameters that stay as they start: names, with * for any characters; they have no "
             "gradient, and nothing of them is exchanged");
  fields.section("run", run, "Where the run lives and how it starts");
  fields.section("data", data, "What it learns from");
  fields.section("batch", batch, "How much of it per step");
  fields.section("model", model, "The network");
  fields.section("optimizer", optimizer, "The update rule");
  fields.section("schedule", schedule, "The learning rate over time");
  fields.section("train", train, "How long, and how talkative");
  fields.section("evaluate", evaluate, "When and how held-out splits are measured");
  fields.section("select", select, "Which evaluation was the best, and when to stop");
  fields.section("checkpoint", checkpoint, "When the run is saved");
  fields.section("communication", communication, "How ranks exchange gradients");
}

namespace {

/// What the LSTM's variants rule out of each other.
void add_problems_of_cells(const ModelConfig& model, std::vector<ConfigProblem>& problems) {
  for (const auto& [name, is_set] : {std::pair{"coupled_gates", model.coupled_gates},
                                     {"peepholes", model.peepholes},
                                     {"layer_norm", model.layer_norm}}) {
    if (is_set && !model.forget_gate) {
      problems.push_back({fmt::format("model.{}", name), "needs `model.forget_gate: true`"});
    }
  }
  for (const auto& [name, is_set] : {std::pair{"projection_size", model.projection_size > 0},
                                     {"peepholes", model.peepholes},
                                     {"layer_norm", model.layer_norm},
                                     {"recurrent_dropout", model.recurrent_dropout > 0},
                                     {"zoneout_cells", model.zoneout_cells > 0},
                                     {"zoneout_outputs", model.zoneout_outputs > 0}}) {
    if (is_set && model.kernel == "cpu") {
      problems.push_back({fmt::format("model.{}", name),
                          "is not known to `model.kernel: cpu`; `auto` computes it step by step"});
    }
    if (is_set && model.precision != "float32") {
      problems.push_back({fmt::format("model.{}", name), "needs `model.precision: float32`"});
    }
  }
  if (model.precision != "float32" && model.kernel == "aten") {
    problems.push_back({"model.precision", "needs `model.kernel: cpu` or `auto`"});
  }
  if (model.initial_weights == "orthogonal" && model.initial_bound > 0) {
    problems.push_back(
        {"model.initial_bound", "has no meaning with `model.initial_weights: orthogonal`"});
  }
}

void add_problems_of_softmax(const RunConfig& config, std::vector<ConfigProblem>& problems) {
  const std::vector<int64_t>& cutoffs = config.model.softmax_cutoffs;
  if (cutoffs.empty()) return;
  const auto refuse = [&](const char* why) { problems.push_back({"model.softmax_cutoffs", why}); };
  if (config.task != "language_model") refuse("is for `task: language_model`");
  if (config.model.tied) refuse("cannot be combined with `model.tied`");
  if (config.model.label_smoothing > 0) refuse("cannot be combined with `model.label_smoothing`");
  for (size_t i = 0; i < cutoffs.size(); ++i) {
    if (cutoffs[i] > (i == 0 ? 0 : cutoffs[i - 1])) continue;
    refuse("must be above zero and grow");
    break;
  }
}

/// Tasks whose model says something about a sequence as a whole.
const std::set<std::string> kClassifying = {"sequence_classification", "multi_label_classification",
                                            "sequence_regression"};

bool is_one_of(const std::string& task, const std::set<std::string>& tasks) {
  return tasks.count(task) > 0;
}

/// What not all tasks can do.
void add_problems_of_tasks(const RunConfig& config, std::vector<ConfigProblem>& problems) {
  const bool writes = config.task == "translation" || config.task == "captioning";
  if (config.model.projection_size > 0 && writes) {
    problems.push_back({"model.projection_size",
                        fmt::format("is not for `task: {}`, whose decoder begins where the "
                                    "encoder's states end",
                                    config.task)});
  }
  if (config.model.pooling == "attention" && config.task == "forecasting") {
    problems.push_back({"model.pooling", "`attention` is not for `task: forecasting`"});
  }
  if (config.model.ensemble > 1 && !is_one_of(config.task, kClassifying) &&
      !is_one_of(config.task, {"sequence_labelling", "answer_matching"})) {
    problems.push_back(
        {"model.ensemble", fmt::format("answers of `task: {}` cannot be averaged", config.task)});
  }
  if (config.model.bag_ngrams > 0 && !is_one_of(config.task, kClassifying)) {
    problems.push_back({"model.bag_ngrams", fmt::format("is not for `task: {}`", config.task)});
  }
  if (config.model.bag_ngrams > 0 && config.model.reverse_complement) {
    problems.push_back({"model.bag_ngrams",
                        "cannot be combined with `model.reverse_complement`: n-grams of the other "
                        "strand are others"});
  }
  if (!config.model.class_weights.empty() && config.task != "sequence_classification") {
    problems.push_back({"model.class_weights", "is for `task: sequence_classification`"});
  }
}

}  // namespace

std::vector<ConfigProblem> problems_across_fields(const RunConfig& config) {
  std::vector<ConfigProblem> problems;
  add_problems_of_cells(config.model, problems);
  add_problems_of_softmax(config, problems);
  add_problems_of_tasks(config, problems);
  const bool power_of_two = (config.lanes & (config.lanes - 1)) == 0;
  if (config.reproducible && !power_of_two) {
    problems.push_back({"lanes", fmt::format("{} is not a power of two", config.lanes)});
  }
  if (config.reproducible && config.communication.dtype != "float32") {
    problems.push_back({"communication.dtype",
                        "what is rounded on the way depends on the number of ranks, so the bits "
                        "cannot be the same with `reproducible: true`"});
  }
  if (config.batch.max_steps > 0 && config.batch.window == 0) {
    problems.push_back({"batch.max_steps", "needs `batch.window`: batches of like lengths"});
  }
  const DataSection& data = config.data;
  if (data.folds == 1) problems.push_back({"data.folds", "must be 0 or at least 2"});
  if (data.fold > 0 && data.fold >= data.folds) {
    problems.push_back(
        {"data.fold", fmt::format("{} is not below `data.folds`, {}", data.fold, data.folds)});
  }
  if (config.device == "cpu" && config.communication.backend == "nccl") {
    problems.push_back({"communication.backend", "nccl moves GPU memory; `device` is cpu"});
  }
  if (config.device == "cuda" && config.model.kernel == "cpu") {
    problems.push_back({"model.kernel", "the cpu kernel cannot compute with `device: cuda`"});
  }
  if (config.device == "cuda" && config.model.precision != "float32") {
    problems.push_back({"model.precision", "is of CPUs; `device: cuda` computes in float32"});
  }
  if (config.optimizer.clip_norm > 0 && config.optimizer.clip_value > 0) {
    problems.push_back({"optimizer.clip_value", "and `optimizer.clip_norm` exclude each other"});
  }
  if (config.schedule.kind == "step" && config.schedule.every == 0) {
    problems.push_back({"schedule.every", "must be set for `schedule.kind: step`"});
  }
  if (config.schedule.kind != "constant" && config.train.steps > 0 &&
      config.schedule.warmup_steps >= config.train.steps) {
    problems.push_back(
        {"schedule.warmup_steps", "leaves no step of `train.steps` after the warm-up"});
  }
  return problems;
}

}  // namespace lockstep
