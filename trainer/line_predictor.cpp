// T time, B batch, F features.
#include "trainer/line_predictor.h"

#include <algorithm>
#include <istream>
#include <ostream>

#include "data/base/error.h"
#include "data/base/json_problem.h"
#include "trainer/recording_inputs.h"
#include "trainer/tasks/input_lines.h"

namespace lockstep {

using nlohmann::json;
using torch::Tensor;

namespace {

/// Few long lines are a batch too: what a batch may hold, padding included.
constexpr int64_t kStepsTogether = int64_t{1} << 20;

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
}

/// A line's JSON object; its "id", where it has one, takes the place of `id`. Where `plain_text` is
/// taken, a line that does not begin as an object stands for its text.
json read_object(const std::string& text, json& id, bool plain_text) {
  if (plain_text && text.at(text.find_first_not_of(" \t\r")) != '{') return {{"text", text}};
  json object = json::parse(text);
  if (!object.is_object()) throw Error(ExitCode::corrupt, "the line must be a JSON object");
  if (object.contains("id")) id = object["id"];
  return object;
}

void write_answer(const InputLine& line, std::ostream& out) {
  json answer = line.error.empty() ? line.answer : json{{"error", line.error}};
  answer["id"] = line.id;
  out << answer.dump(-1, ' ', false, json::error_handler_t::replace) << "\n";
}

}  // namespace

int64_t LinePredictor::answer_all(std::istream& in, std::ostream& out) {
  const int64_t most = kBatches * batch_size_;
  std::vector<InputLine> block;
  int64_t bad = 0;
  std::string text;
  for (int64_t number = 1; std::getline(in, text); ++number) {
    if (text.find_first_not_of(" \t\r") == std::string::npos) continue;
    block.push_back(read(text, number));
    const bool more = in.rdbuf()->in_avail() > 0;
    if (more && static_cast<int64_t>(block.size()) < most) continue;
    bad += answer_block(block, out);
    block.clear();
  }
  return bad + answer_block(block, out);
}

InputLine LinePredictor::read(const std::string& text, int64_t number) {
  InputLine line;
  line.id = number;
  try {
    json object = read_object(text, line.id, task_.takes_plain_text());
    if (task_.reads_symbol_lines()) {
      line.symbols = task_.symbols_of(object);
      line.steps = static_cast<int64_t>(line.symbols.size());
    } else if (task_.answers_lines()) {
      line.object = std::move(object);
      line.steps = static_cast<int64_t>(text.size());
    } else {
      read_dense(object, line);
    }
  } catch (const std::exception& error) {
    line.error = problem_text(error);
  }
  return line;
}

void LinePredictor::read_dense(const json& object, InputLine& line) const {
  const int64_t features = description_.at("features");
  if (object.contains("file") && reads_recordings(description_)) {
    line.values = features_of_recording(description_, object["file"].get<std::string>());
  } else if (object.contains("inputs")) {
    read_rows(object["inputs"], features, description_.at("scale"), description_.at("offset"),
              line);
  } else {
    throw Error(ExitCode::corrupt, "\"inputs\" is missing");
  }
  line.steps = static_cast<int64_t>(line.values.size()) / features;
}

int64_t LinePredictor::answer_block(std::vector<InputLine>& block, std::ostream& out) {
  std::vector<InputLine*> good;
  for (InputLine& line : block) {
    if (line.error.empty()) good.push_back(&line);
  }
  std::stable_sort(good.begin(), good.end(),
                   [](const auto* a, const auto* b) { return a->steps < b->steps; });
  std::vector<InputLine*> batch;
  for (InputLine* line : good) {
    const int64_t count = static_cast<int64_t>(batch.size());
    if (count == batch_size_ || (count > 0 && (count + 1) * line->steps > kStepsTogether)) {
      predict(batch);
      batch.clear();
    }
    batch.push_back(line);
  }
  if (!batch.empty()) predict(batch);
  int64_t bad = 0;
  for (const InputLine& line : block) {
    write_answer(line, out);
    bad += line.error.empty() ? 0 : 1;
  }
  out.flush();
  return bad;
}

void LinePredictor::predict(const std::vector<InputLine*>& lines) {
  if (task_.answers_lines() && !task_.reads_symbol_lines()) return ask_task(lines);
  const std::vector<json> answers = task_.predict(batch_of(lines));
  for (size_t b = 0; b < lines.size(); ++b) lines[b]->answer = answers[b];
}

void LinePredictor::ask_task(const std::vector<InputLine*>& lines) {
  std::vector<json> objects;
  for (InputLine* line : lines) objects.push_back(std::move(line->object));
  std::vector<LineAnswer> answers = task_.answer(objects);
  for (size_t b = 0; b < lines.size(); ++b) {
    lines[b]->answer = std::move(answers[b].answer);
    lines[b]->error = std::move(answers[b].error);
  }
}

DeviceBatch LinePredictor::batch_of(const std::vector<InputLine*>& lines) const {
  if (task_.reads_symbol_lines()) {
    std::vector<std::vector<int64_t>> sequences;
    for (InputLine* line : lines) sequences.push_back(std::move(line->symbols));
    return batch_of_symbols(sequences, device_);
  }
  DeviceBatch batch;
  for (size_t b = 0; b < lines.size(); ++b) {
    batch.lengths.push_back(lines[b]->steps);
    batch.sample_ids.push_back(static_cast<int64_t>(b));
  }
  const int64_t time = *std::max_element(batch.lengths.begin(), batch.lengths.end());
  const int64_t features = description_.at("features").get<int64_t>();
  Tensor inputs = torch::zeros({time, batch.size(), features});
  for (size_t b = 0; b < lines.size(); ++b) {
    const InputLine& line = *lines[b];
    inputs.select(1, static_cast<int64_t>(b))
        .narrow(0, 0, line.steps)
        .copy_(torch::tensor(line.values).view({line.steps, features}));
  }
  batch.inputs = inputs.to(device_);
  return batch;
}

}  // namespace lockstep
