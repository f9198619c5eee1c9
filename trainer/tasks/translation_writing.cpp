// The texts that the tasks behind translation write: searching them, and what is told of them.
#include <algorithm>

#include "data/base/error.h"
#include "data/base/json_problem.h"
#include "trainer/tasks/frame_pictures.h"
#include "trainer/tasks/possible_paths.h"
#include "trainer/tasks/translation_task.h"

namespace lockstep {

using nlohmann::json;
using torch::Tensor;

namespace {

/// Writes `beam_size` texts for each source of a batch.
class TextWriter : public BeamModel {
 public:
  TextWriter(EncoderDecoder& model, const Encoded& source, int64_t beam_size)
      : model_(model), memory_(source.memory) {
    const auto options = torch::TensorOptions(torch::kInt64).device(memory_.values_BTM.device());
    state_ =
        source.begin.select(torch::arange(memory_.size(), options).repeat_interleave(beam_size));
  }

  Tensor next(const Tensor& symbols_N) override {
    const Tensor previous_1N = symbols_N.to(memory_.values_BTM.device()).unsqueeze(0);
    return model_->logits(model_->decode(previous_1N, memory_, state_, {}).squeeze(0))
        .log_softmax(1);
  }
  void select(const Tensor& texts, const Tensor& sources) override {
    const torch::Device device = memory_.values_BTM.device();
    state_ = state_.select(texts.to(device));
    if (sources.numel() < memory_.size()) memory_ = memory_.select(sources.to(device));
  }

 private:
  EncoderDecoder& model_;
  AttentionMemory memory_;
  DecoderState state_;
};

json label_list(const json& labels, const std::vector<int64_t>& symbols, const std::string& end) {
  json list = json::array();
  for (const int64_t symbol : symbols) {
    const auto index = static_cast<size_t>(symbol);
    list.push_back(index < labels.size() ? labels[index] : json(end));
  }
  return list;
}

}  // namespace

/// At which a search ends.
int64_t Translation::longest_text(int64_t source_length) const {
  constexpr int64_t kMovesPerRow = 4;
  if (plans_paths()) return kMovesPerRow * source_length;
  return (reads_symbols() ? 2 * source_length : source_length) + 10;
}

GridWorld Translation::map_of(const DeviceBatch& batch, int64_t sequence) const {
  const int64_t rows = batch.lengths[static_cast<size_t>(sequence)];
  const Tensor map = batch.inputs.select(1, sequence).narrow(0, 0, rows).cpu().contiguous();
  return GridWorld::from_rows(map.const_data_ptr<float>(), rows, description_.at("map_columns"));
}

std::vector<std::vector<Hypothesis>> Translation::write(const DeviceBatch& batch) {
  std::vector<int64_t> limits;
  for (const int64_t length : batch.lengths) limits.push_back(longest_text(length));
  TextWriter writer(model_, model_->encode(batch.inputs, batch.lengths, {}), writing_.beam_size);
  const BeamOptions options{writing_.beam_size, config_.length_penalty, end_};
  if (!plans_paths() || !config_.possible_moves) return beam_search(writer, options, limits);
  std::vector<GridWorld> maps;
  for (int64_t b = 0; b < batch.size(); ++b) maps.push_back(map_of(batch, b));
  PossiblePaths paths(writer, std::move(maps), writing_.beam_size, end_);
  std::vector<std::vector<Hypothesis>> found = beam_search(paths, options, limits);
  for (std::vector<Hypothesis>& texts : found) {
    if (texts.empty()) texts.emplace_back();  // no way out: the path of no move
  }
  return found;
}

std::string Translation::text_of(const std::vector<int64_t>& symbols) {
  if (writes_text()) {
    if (!target_text_) target_text_.emplace(target_);
    return target_text_->text_of(symbols);
  }
  const json& labels = target_.at("labels");
  std::string text;
  for (const int64_t symbol : symbols) {
    const auto index = static_cast<size_t>(symbol);
    if (!text.empty()) text += ' ';
    text += index < labels.size() ? labels[index].get<std::string>() : std::to_string(symbol);
  }
  return text;
}

std::vector<json> Translation::predict(const DeviceBatch& batch) {
  torch::NoGradGuard no_grad;
  const std::vector<std::vector<Hypothesis>> texts = write(batch);
  std::vector<json> answers;
  for (size_t b = 0; b < texts.size(); ++b) {
    answers.push_back(answer_of(texts[b]));
    if (plans_paths()) {
      answers.back()["valid"] =
          map_of(batch, static_cast<int64_t>(b)).reaches_goal(texts[b].front().symbols);
    }
    if (!writing_.attention) continue;
    answers.back()["attention"] =
        attention_of(batch, static_cast<int64_t>(b), texts[b].front().symbols);
  }
  return answers;
}

/// Sources that are numbers can be looked at: maps with the path written and the right one, else
/// columns of numbers.
std::vector<Example> Translation::examples(const DeviceBatch& batch) {
  if (reads_symbols()) return {};
  torch::NoGradGuard no_grad;
  const std::vector<std::vector<Hypothesis>> texts = write(batch);
  const Tensor target_UB = target_of(batch).cpu();
  std::vector<Example> examples;
  for (int64_t b = 0; b < batch.size(); ++b) {
    const std::vector<int64_t>& written = texts[static_cast<size_t>(b)].front().symbols;
    const std::vector<int64_t> wanted = column_of(target_UB, b);
    Example example{fmt::format("written: {}; right: {}", text_of(written), text_of(wanted)), {}};
    if (plans_paths()) {
      const GridWorld world = map_of(batch, b);
      example.pictures.emplace_back("written", world.picture(world.follow(written)));
      example.pictures.emplace_back("right", world.picture(world.follow(wanted)));
    } else {
      const Tensor source_TF =
          batch.inputs.select(1, b).narrow(0, 0, batch.lengths[static_cast<size_t>(b)]).cpu();
      example.pictures.emplace_back("source",
                                    picture_of_frames(source_TF, source_TF.min().item<double>(),
                                                      source_TF.max().item<double>()));
    }
    examples.push_back(std::move(example));
  }
  return examples;
}

json Translation::answer_of(const std::vector<Hypothesis>& texts) {
  const auto one = [&](const Hypothesis& text) {
    return json{{"text", text_of(text.symbols)}, {"score", text.score}};
  };
  json answer = one(texts.front());
  if (writing_.n_best == 1) return answer;
  const auto count = std::min(texts.size(), static_cast<size_t>(writing_.n_best));
  for (size_t i = 0; i < count; ++i) answer["n_best"].push_back(one(texts[i]));
  return answer;
}

/// For each symbol written, with the end, the weights on the steps of the source.
json Translation::attention_of(const DeviceBatch& batch, int64_t sequence,
                               const std::vector<int64_t>& written) {
  const int64_t length = batch.lengths[static_cast<size_t>(sequence)];
  const Tensor source_T1 = batch.inputs.narrow(0, 0, length).narrow(1, sequence, 1).contiguous();
  const Encoded source = model_->encode(source_T1, {length}, {});
  std::vector<int64_t> symbols = written;
  symbols.push_back(end_);
  const Tensor target_U1 = torch::tensor(symbols).unsqueeze(1).to(source_T1.device());
  DecoderState state = source.begin;
  Tensor weights_1UT;
  model_->decode(behind_end(target_U1), source.memory, state, {}, &weights_1UT);
  const Tensor weights = weights_1UT.cpu().contiguous();
  json rows = json::array();
  for (size_t u = 0; u < symbols.size(); ++u) {
    const float* row = weights.const_data_ptr<float>() + static_cast<int64_t>(u) * length;
    rows.push_back(std::vector<float>(row, row + length));
  }
  json attention = {{"weights", std::move(rows)},
                    {"target", label_list(target_.at("labels"), symbols, "<end>")}};
  if (reads_symbols()) {
    const Tensor column = source_T1.reshape(-1).cpu();
    const auto* first = column.const_data_ptr<int64_t>();
    attention["source"] =
        label_list(inputs().at("labels"), std::vector<int64_t>(first, first + length), "");
  }
  return attention;
}

std::vector<int64_t> Translation::symbols_of(const json& line) {
  const std::string text = text_member(line, "text");
  if (!source_text_) source_text_.emplace(inputs());
  std::vector<int64_t> symbols = source_text_->symbols_of(text);
  if (symbols.empty()) throw Error(ExitCode::corrupt, "\"text\" is empty");
  if (source_text_->end() >= 0) symbols.push_back(source_text_->end());
  return symbols;
}

bool Translation::set_writing(const WritingOptions& options) {
  if (options.stream_steps > 0) return false;
  writing_ = options;
  if (writing_.beam_size == 0) writing_.beam_size = config_.beam_size;
  if (writing_.n_best > writing_.beam_size) {
    throw Error(ExitCode::usage,
                fmt::format("--n-best {} is more than the {} texts that the search keeps",
                            writing_.n_best, writing_.beam_size),
                "raise --beam");
  }
  return true;
}

}  // namespace lockstep
