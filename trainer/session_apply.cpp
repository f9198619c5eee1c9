// The sessions behind `lockstep evaluate` and `lockstep predict`.
#include <cmath>
#include <iostream>
#include <istream>
#include <nlohmann/json.hpp>
#include <ostream>

#include "data/loader.h"
#include "trainer/evaluation.h"
#include "trainer/recording_inputs.h"
#include "trainer/saved_config.h"
#include "trainer/session.h"
#include "trainer/session_parts.h"

namespace lockstep {
namespace {

using nlohmann::json;

void warn_on_stderr(const std::string& text) {
  std::cerr << "warning: " << text << "\n";
}

/// A checkpoint's model, ready on this rank's device.
struct LoadedModel {
  Checkpoint checkpoint;
  RunConfig config;
  ComputePlace compute;
  std::unique_ptr<Replica> replica;
};

LoadedModel load_model(const std::filesystem::path& source, const std::string& device,
                       Communicator& host) {
  LoadedModel loaded;
  together(host, [&] {
    loaded.checkpoint = load_run_or_checkpoint(source, [&](const std::string& text) {
      if (host.is_root()) warn_on_stderr(text);
    });
    loaded.config =
        config_from_saved(loaded.checkpoint.state.config, loaded.checkpoint.folder.string());
    loaded.config.device = device;
    if (device != "cpu" && loaded.config.model.kernel == "cpu") loaded.config.model.kernel = "auto";
  });
  loaded.compute = prepare_compute(loaded.config, host);
  together(host, [&] {
    loaded.replica = replica_from(loaded.checkpoint, loaded.config, loaded.compute.device);
  });
  return loaded;
}

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

/// One sequence read from a JSON line.
struct InputLine {
  json id;
  std::vector<float> values;  ///< [steps, features]
  int64_t steps = 0;
  std::string error;  ///< why it cannot be used; empty when it can
};

void read_rows(const json& rows, int64_t features, double scale, double offset, InputLine& line) {
  if (!rows.is_array() || rows.empty())
    throw Error(ExitCode::corrupt, "\"inputs\" must be a list of steps");
  for (size_t t = 0; t < rows.size(); ++t) {
    if (!rows[t].is_array() || static_cast<int64_t>(rows[t].size()) != features) {
      throw Error(ExitCode::corrupt,
                  fmt::format("\"inputs\"[{}] must be a list of {} numbers", t, features));
    }
    for (const json& value : rows[t]) {
      if (!value.is_number())
        throw Error(ExitCode::corrupt, fmt::format("\"inputs\"[{}] holds {}", t, value.dump()));
      line.values.push_back(static_cast<float>(value.get<double>() * scale + offset));
    }
  }
  line.steps = static_cast<int64_t>(rows.size());
}

/// A line's JSON object; its "id", where it has one, takes the place of `id`. Where `plain_text` is
/// taken, a line that does not begin as an object stands for its text.
json read_object(const std::string& text, json& id, bool plain_text = false) {
  if (plain_text && text.at(text.find_first_not_of(" \t\r")) != '{') return {{"text", text}};
  json object = json::parse(text);
  if (!object.is_object()) throw Error(ExitCode::corrupt, "the line must be a JSON object");
  if (object.contains("id")) id = object["id"];
  return object;
}

void write_answer(json answer, const json& id, std::ostream& out) {
  answer["id"] = id;
  out << answer.dump(-1, ' ', false, json::error_handler_t::replace) << "\n";
}

/// Calls `use(text, number)` for every line that is not blank; numbers count all lines, from 1.
template <class Use>
void for_each_line(std::istream& in, Use use) {
  std::string text;
  for (int64_t number = 1; std::getline(in, text); ++number) {
    if (text.find_first_not_of(" \t\r") != std::string::npos) use(text, number);
  }
}

InputLine parse_line(const std::string& text, const json& description, int64_t number) {
  InputLine line;
  line.id = number;
  try {
    const json object = read_object(text, line.id);
    if (object.contains("file") && reads_recordings(description)) {
      line.values = features_of_recording(description, object["file"].get<std::string>());
      line.steps =
          static_cast<int64_t>(line.values.size()) / description.at("features").get<int64_t>();
      return line;
    }
    if (!object.contains("inputs")) throw Error(ExitCode::corrupt, "\"inputs\" is missing");
    read_rows(object["inputs"], description.at("features"), description.at("scale"),
              description.at("offset"), line);
  } catch (const std::exception& error) {
    line.error = error.what();
  }
  return line;
}

DeviceBatch to_batch(const std::vector<const InputLine*>& lines, int64_t features,
                     torch::Device device) {
  DeviceBatch batch;
  int64_t time = 1;
  for (const InputLine* line : lines) time = std::max(time, line->steps);
  torch::Tensor inputs = torch::zeros({time, static_cast<int64_t>(lines.size()), features});
  for (size_t b = 0; b < lines.size(); ++b) {
    const torch::Tensor rows =
        torch::from_blob(const_cast<float*>(lines[b]->values.data()), {lines[b]->steps, features});
    inputs.select(1, static_cast<int64_t>(b)).narrow(0, 0, lines[b]->steps).copy_(rows);
    batch.lengths.push_back(lines[b]->steps);
    batch.sample_ids.push_back(static_cast<int64_t>(b));
  }
  batch.inputs = inputs.to(device);
  return batch;
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

/// Predicts a block of lines together and writes one line for each, in order.
int64_t predict_block(LoadedModel& loaded, const std::vector<InputLine>& lines, int64_t features,
                      std::ostream& out) {
  std::vector<const InputLine*> good;
  for (const InputLine& line : lines) {
    if (line.error.empty()) good.push_back(&line);
  }
  std::vector<json> answers;
  if (!good.empty()) {
    answers = loaded.replica->task().predict(to_batch(good, features, loaded.compute.device));
  }
  size_t next = 0;
  for (const InputLine& line : lines) {
    write_answer(line.error.empty() ? answers[next++] : json{{"error", line.error}}, line.id, out);
  }
  out.flush();
  return static_cast<int64_t>(lines.size() - good.size());
}

/// One line of a task that answers lines by itself. False when it could not be answered.
bool answer_line(Task& task, const std::string& text, int64_t number, std::ostream& out) {
  json answer, id = number;
  bool good = true;
  try {
    answer = task.answer(read_object(text, id, task.takes_plain_text()));
  } catch (const std::exception& error) {
    answer = {{"error", error.what()}};
    good = false;
  }
  write_answer(answer, id, out);
  out.flush();
  return good;
}

}  // namespace

EvaluationReport evaluate(const EvaluateRequest& request, Communicator& host) {
  LoadedModel loaded = load_model(request.source, request.device, host);
  std::optional<Split> split;
  together(host, [&] { split.emplace(open_split_for(loaded, request.data_path, request.split)); });
  EvaluationSettings settings;
  settings.batch_size =
      request.batch_size > 0 ? request.batch_size : loaded.config.evaluate.batch_size;
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
  const json description = json::parse(loaded.checkpoint.state.model);
  int64_t bad = 0;
  if (loaded.replica->task().continues_tables()) {
    if (request.table.empty()) {
      throw Error(ExitCode::usage, "this model continues a table of numbers",
                  "give a CSV file with --input");
    }
    loaded.replica->task().continue_table(request.table, out);
    return 0;
  }
  if (loaded.replica->task().answers_lines()) {
    for_each_line(in, [&](const std::string& text, int64_t number) {
      if (!answer_line(loaded.replica->task(), text, number, out)) bad += 1;
    });
    return bad;
  }
  const int64_t features = description.at("features");
  std::vector<InputLine> block;
  for_each_line(in, [&](const std::string& text, int64_t number) {
    block.push_back(parse_line(text, description, number));
    if (static_cast<int64_t>(block.size()) < request.batch_size) return;
    bad += predict_block(loaded, block, features, out);
    block.clear();
  });
  return bad + predict_block(loaded, block, features, out);
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
