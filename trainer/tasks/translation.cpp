// T time of the source, U of the target, B batch, N texts, H hidden, V vocabulary.
#include "trainer/tasks/translation.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

#include "data/base/error.h"
#include "data/batch.h"
#include "trainer/model/beam_search.h"
#include "trainer/model/encoder_decoder.h"
#include "trainer/model/label_smoothing.h"
#include "trainer/tasks/bleu.h"
#include "trainer/tasks/frame_pictures.h"
#include "trainer/tasks/grid_world.h"
#include "trainer/tasks/input_lines.h"
#include "trainer/tasks/possible_paths.h"
#include "trainer/tasks/text_inputs.h"

namespace lockstep {

using nlohmann::json;
using torch::Tensor;

namespace {

using Symbols = std::vector<int64_t>;

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

/// What the metrics of written texts are made of; sums over texts.
struct WrittenCounts {
  double texts = 0, right_texts = 0;
  double symbols = 0, right_symbols = 0;  ///< of the references
  BleuCounts bleu;

  static constexpr std::array kNames = {
      "texts",     "right_texts", "symbols",           "right_symbols",  "matches_1",
      "matches_2", "matches_3",   "matches_4",         "totals_1",       "totals_2",
      "totals_3",  "totals_4",    "translation_words", "reference_words"};

  void add(const Symbols& written, const Symbols& wanted) {
    texts += 1;
    right_texts += written == wanted ? 1 : 0;
    symbols += static_cast<double>(wanted.size());
    for (size_t i = 0; i < std::min(written.size(), wanted.size()); ++i) {
      right_symbols += written[i] == wanted[i] ? 1 : 0;
    }
  }

  std::vector<double> values() const {
    std::vector<double> all = {texts, right_texts, symbols, right_symbols};
    all.insert(all.end(), bleu.matches.begin(), bleu.matches.end());
    all.insert(all.end(), bleu.totals.begin(), bleu.totals.end());
    all.insert(all.end(), {bleu.translation_words, bleu.reference_words});
    return all;
  }
  static WrittenCounts from(const double* all) {
    WrittenCounts counts{all[0], all[1], all[2], all[3], {}};
    std::copy_n(all + 4, kBleuOrder, counts.bleu.matches.begin());
    std::copy_n(all + 4 + kBleuOrder, kBleuOrder, counts.bleu.totals.begin());
    counts.bleu.translation_words = all[4 + 2 * kBleuOrder];
    counts.bleu.reference_words = all[5 + 2 * kBleuOrder];
    return counts;
  }
};

/// What is counted of paths through maps; sums over maps.
struct PathCounts {
  double valid = 0, shortest = 0, random_valid = 0, random_shortest = 0, straight = 0;

  static constexpr std::array kNames = {"valid_paths", "shortest_paths", "random_walk_valid",
                                        "random_walk_shortest", "straight_valid"};

  void add(const GridWorld& world, const Symbols& written, const Symbols& wanted, int64_t limit) {
    const bool arrives = world.reaches_goal(written);
    valid += arrives ? 1 : 0;
    shortest += arrives && written.size() == wanted.size() ? 1 : 0;
    random_valid += world.random_walk_arrives(limit);
    random_shortest += world.random_walk_arrives(static_cast<int64_t>(wanted.size()));
    straight += world.reaches_goal(world.straight_moves()) ? 1 : 0;
  }
  std::vector<double> values() const {
    return {valid, shortest, random_valid, random_shortest, straight};
  }
};

class Translation : public Task {
 public:
  Translation(const ModelConfig& config, json description)
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
  json description() const override { return description_; }
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
  std::vector<json> predict(const DeviceBatch& batch) override;
  std::vector<Example> examples(const DeviceBatch& batch) override;

  bool reads_symbol_lines() const override { return reads_symbols(); }
  bool takes_plain_text() const override { return reads_symbols(); }
  std::vector<int64_t> symbols_of(const json& line) override;
  bool set_writing(const WritingOptions& options) override;

 private:
  bool reads_symbols() const { return description_.contains("inputs"); }
  const json& inputs() const { return description_.at("inputs"); }
  bool plans_paths() const { return description_.contains("map_columns"); }
  bool writes_text() const { return target_.contains("tokens"); }
  /// Whether the target's sequences end with a symbol of their own.
  bool has_end() const { return target_.value("end", "") != ""; }
  int64_t number_of(const std::string& label) const {
    const json& labels = target_.at("labels");
    return std::find(labels.begin(), labels.end(), label) - labels.begin();
  }

  const Tensor& target_of(const DeviceBatch& batch) const {
    return batch.target(target_.at("stream").get<std::string>());
  }
  Tensor with_end(const Tensor& target_UB) const;
  Tensor behind_end(const Tensor& target_UB) const;
  int64_t longest_text(int64_t source_length) const;
  std::vector<std::vector<Hypothesis>> write(const DeviceBatch& batch);
  GridWorld map_of(const DeviceBatch& batch, int64_t sequence) const;
  std::string text_of(const Symbols& symbols);
  json answer_of(const std::vector<Hypothesis>& texts);
  json attention_of(const DeviceBatch& batch, int64_t sequence, const Symbols& written);

  ModelConfig config_;
  json description_;
  const json& target_;  ///< a part of the description
  EncoderDecoderSizes sizes_;
  int64_t end_;
  EncoderDecoder model_;
  WritingOptions writing_;
  std::optional<TextInputs> source_text_, target_text_;
};

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
Symbols column_of(const Tensor& target_UB, int64_t b, int64_t end) {
  const auto symbols = target_UB.accessor<int64_t, 2>();
  Symbols column;
  for (int64_t u = 0; u < target_UB.size(0) && symbols[u][b] >= 0 && symbols[u][b] != end; ++u) {
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
    const Symbols wanted = column_of(target_UB, b, end_);
    const Symbols& written = texts[static_cast<size_t>(b)].front().symbols;
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

std::string Translation::text_of(const Symbols& symbols) {
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
    const Symbols& written = texts[static_cast<size_t>(b)].front().symbols;
    const Symbols wanted = column_of(target_UB, b, end_);
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

json label_list(const json& labels, const Symbols& symbols, const std::string& end) {
  json list = json::array();
  for (const int64_t symbol : symbols) {
    const auto index = static_cast<size_t>(symbol);
    list.push_back(index < labels.size() ? labels[index] : json(end));
  }
  return list;
}

/// For each symbol written, with the end, the weights on the steps of the source.
json Translation::attention_of(const DeviceBatch& batch, int64_t sequence, const Symbols& written) {
  const int64_t length = batch.lengths[static_cast<size_t>(sequence)];
  const Tensor source_T1 = batch.inputs.narrow(0, 0, length).narrow(1, sequence, 1).contiguous();
  const Encoded source = model_->encode(source_T1, {length}, {});
  Symbols symbols = written;
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
    attention["source"] = label_list(inputs().at("labels"), Symbols(first, first + length), "");
  }
  return attention;
}

std::vector<int64_t> Translation::symbols_of(const json& line) {
  if (!line.contains("text")) throw Error(ExitCode::corrupt, "\"text\" is missing");
  if (!source_text_) source_text_.emplace(inputs());
  Symbols symbols = source_text_->symbols_of(line.at("text").get<std::string>());
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
                fmt::format("--n-best {} is more than the {} texts that the search "
                            "keeps",
                            writing_.n_best, writing_.beam_size),
                "raise --beam");
  }
  return true;
}

/// The target "target", or the first one of symbols.
const StreamSchema& find_target(const Manifest& manifest, const std::string& task) {
  const StreamSchema* found = nullptr;
  for (size_t i = 1; i < manifest.streams.size(); ++i) {
    const StreamSchema& stream = manifest.streams[i];
    if (stream.is_symbols() && (found == nullptr || stream.name == "target")) found = &stream;
  }
  if (found == nullptr) {
    throw Error(ExitCode::config,
                fmt::format("task {} needs a target of symbols; this data set has none", task),
                "`lockstep data inspect` shows the streams of a data set");
  }
  return *found;
}

json describe_target(const Manifest& manifest, const std::string& task) {
  const StreamSchema& target = find_target(manifest, task);
  json description = describe_symbols(manifest, target);
  description["stream"] = target.name;
  return {{"target", std::move(description)}};
}

json describe_translation(const Manifest& manifest) {
  const StreamSchema& source = manifest.streams.front();
  if (!source.is_symbols()) {
    throw Error(ExitCode::config, "task translation reads symbols; these inputs are numbers",
                "make a data set with `lockstep data import parallel`, or set task: captioning");
  }
  json description = describe_target(manifest, "translation");
  description["inputs"] = describe_symbols(manifest, source);
  return description;
}

json describe_captioning(const Manifest& manifest) {
  const StreamSchema& source = manifest.streams.front();
  if (source.is_symbols()) {
    throw Error(ExitCode::config, "task captioning reads numbers; these inputs are symbols",
                "set task: translation");
  }
  json description = describe_target(manifest, "captioning");
  description.update(
      {{"features", source.features}, {"scale", source.scale}, {"offset", source.offset}});
  return description;
}

json describe_paths(const Manifest& manifest) {
  const StreamSchema& source = manifest.streams.front();
  const std::vector<std::string> moves(std::begin(kMoveNames), std::end(kMoveNames));
  const bool fits = source.features > 0 && source.features % 3 == 0 &&
                    find_target(manifest, "path_planning").labels == moves;
  if (!fits) {
    throw Error(ExitCode::config,
                "task path_planning needs maps, and paths of the moves up, left, right and down; "
                "this data set has none",
                "`lockstep data generate grid-paths` makes one that does");
  }
  json description = describe_captioning(manifest);
  description["map_columns"] = source.features / 3;
  return description;
}

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
