// T time, B batch, F features.
#include "trainer/line_predictor.h"

#include <algorithm>
#include <istream>
#include <ostream>

#include "data/base/error.h"
#include "trainer/recording_inputs.h"

namespace lockstep {

using nlohmann::json;
using torch::Tensor;

namespace {

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
  const int64_t most = in_batches() ? kBatches * batch_size_ : 1;
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
    const json object = read_object(text, line.id, task_.takes_plain_text());
    if (task_.reads_symbol_lines()) {
      line.symbols = task_.symbols_of(object);
      line.steps = static_cast<int64_t>(line.symbols.size());
    } else if (task_.answers_lines()) {
      line.answer = task_.answer(object);
    } else {
      read_dense(object, line);
    }
  } catch (const std::exception& error) {
    line.error = error.what();
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
    if (line.error.empty() && in_batches()) good.push_back(&line);
  }
  std::stable_sort(good.begin(), good.end(),
                   [](const auto* a, const auto* b) { return a->steps < b->steps; });
  for (size_t begin = 0; begin < good.size(); begin += static_cast<size_t>(batch_size_)) {
    const size_t end = std::min(begin + static_cast<size_t>(batch_size_), good.size());
    predict({good.begin() + static_cast<std::ptrdiff_t>(begin),
             good.begin() + static_cast<std::ptrdiff_t>(end)});
  }
  int64_t bad = 0;
  for (const InputLine& line : block) {
    write_answer(line, out);
    bad += line.error.empty() ? 0 : 1;
  }
  out.flush();
  return bad;
}

void LinePredictor::predict(const std::vector<InputLine*>& lines) {
  const std::vector<json> answers = task_.predict(batch_of(lines));
  for (size_t b = 0; b < lines.size(); ++b) lines[b]->answer = answers[b];
}

DeviceBatch LinePredictor::batch_of(const std::vector<InputLine*>& lines) const {
  DeviceBatch batch;
  for (size_t b = 0; b < lines.size(); ++b) {
    batch.lengths.push_back(lines[b]->steps);
    batch.sample_ids.push_back(static_cast<int64_t>(b));
  }
  const int64_t time = *std::max_element(batch.lengths.begin(), batch.lengths.end());
  const bool symbols = task_.reads_symbol_lines();
  const int64_t features = symbols ? 0 : description_.at("features").get<int64_t>();
  Tensor inputs = symbols ? torch::full({time, batch.size()}, kPaddingSymbol, torch::kInt64)
                          : torch::zeros({time, batch.size(), features});
  for (size_t b = 0; b < lines.size(); ++b) {
    const InputLine& line = *lines[b];
    const Tensor own = symbols ? torch::tensor(line.symbols)
                               : torch::tensor(line.values).view({line.steps, features});
    inputs.select(1, static_cast<int64_t>(b)).narrow(0, 0, line.steps).copy_(own);
  }
  batch.inputs = inputs.to(device_);
  return batch;
}

}  // namespace lockstep
