// The sessions behind `lockstep evaluate` and `lockstep predict`.
#include <nlohmann/json.hpp>
#include <ostream>

#include "data/loader.h"
#include "trainer/evaluation.h"
#include "trainer/line_predictor.h"
#include "trainer/loaded_model.h"
#include "trainer/session.h"
#include "trainer/session_parts.h"

namespace lockstep {
namespace {

using nlohmann::json;

std::string shortened(const json& value) {
  constexpr size_t kMost = 200;
  const std::string text = value.dump();
  return text.size() <= kMost ? text : text.substr(0, kMost) + "...";
}

/// Opens a split of `data_path` (or the run's own data set) and checks that the model fits it.
Split open_split_for(const LoadedModel& loaded, const std::filesystem::path& data_path,
                     const std::string& name) {
  const Dataset dataset(data_path.empty() ? loaded.config.data.path : data_path.string());
  const json needs = json::parse(loaded.checkpoint.state.model);
  const json offers = find_task(loaded.config.task).describe_data(dataset.manifest());
  for (const auto& [key, value] : needs.items()) {
    const json offered = offers.contains(key) ? offers.at(key) : json();
    if (offered == value) continue;
    throw Error(ExitCode::config,
                fmt::format("{}: {} is {}, the model was trained with {}",
                            dataset.folder().string(), key, shortened(offered), shortened(value)),
                "evaluate on a data set imported in the same way");
  }
  return data_path.empty() ? open_run_split(dataset, loaded.config, name, /*verify=*/true)
                           : dataset.open_split(name);
}

void set_writing(Task& task, const std::optional<WritingOptions>& writing) {
  if (!writing || task.set_writing(*writing)) return;
  if (writing->stream_steps > 0) {
    throw Error(ExitCode::usage, "--stream is for models of the task ctc, without other options");
  }
  throw Error(ExitCode::usage,
              "this model writes no texts: --beam, --n-best and --attention are for "
              "those of the tasks translation and captioning");
}

}  // namespace

EvaluationReport evaluate(const EvaluateRequest& request, Communicator& host) {
  LoadedModel loaded = load_model(request.source, request.device, host);
  std::optional<Split> split;
  together(host, [&] { split.emplace(open_split_for(loaded, request.data_path, request.split)); });
  EvaluationSettings settings;
  settings.batch_size =
      request.batch_size > 0 ? request.batch_size : loaded.config.evaluate.batch_size;
  settings.threads = loaded.config.data.threads;
  settings.steps = loaded.config.data.steps;
  settings.window = loaded.config.batch.window;
  settings.decode = loaded.config.evaluate.decode != "never";
  EvaluationReport report = evaluate_split(*loaded.replica, *split, settings, host);
  report.step = loaded.checkpoint.state.step;
  report.epoch = loaded.checkpoint.state.epoch;
  return report;
}

int64_t predict(const PredictRequest& request, std::istream& in, std::ostream& out) {
  const auto alone = make_alone_communicator();
  LoadedModel loaded = load_model(request.source, request.device, *alone);
  set_writing(loaded.replica->task(), request.writing);
  if (request.index && !loaded.replica->task().set_index(*request.index)) {
    throw Error(
        ExitCode::usage,
        "this model answers from no file: --index is for those of the task answer_matching");
  }
  if (loaded.replica->task().continues_tables()) {
    if (request.table.empty()) {
      throw Error(ExitCode::usage, "this model continues a table of numbers",
                  "give a CSV file with --input");
    }
    loaded.replica->task().continue_table(request.table, out);
    return 0;
  }
  return LinePredictor(loaded.replica->task(), json::parse(loaded.checkpoint.state.model),
                       loaded.compute.device, request.batch_size)
      .answer_all(in, out);
}

int64_t predict_split(const PredictRequest& request, const std::filesystem::path& data_path,
                      const std::string& split_name, std::ostream& out) {
  const auto alone = make_alone_communicator();
  LoadedModel loaded = load_model(request.source, request.device, *alone);
  set_writing(loaded.replica->task(), request.writing);
  const Split split = open_split_for(loaded, data_path, split_name);
  LoaderOptions options;
  options.deal_whole_batches = true;
  Loader loader(split, Sampler(split.size(), {request.batch_size, Shuffle::none}), options);
  while (const Batch* batch = loader.next()) {
    const auto answers = loaded.replica->task().predict(to_device(*batch, loaded.compute.device));
    for (size_t b = 0; b < answers.size(); ++b) {
      json answer = answers[b];
      answer["id"] = batch->sample_ids[b];
      out << answer.dump() << "\n";
    }
  }
  return 0;
}

}  // namespace lockstep
