#include "trainer/tasks/text_inputs.h"

#include <algorithm>

#include "data/base/error.h"
#include "data/base/json_problem.h"
#include "data/import/alphabet.h"
#include "data/signal_info_json.h"

namespace lockstep {

using nlohmann::json;

namespace {

/// JSON holds no bytes.
std::string hexadecimal(const std::string& bytes) {
  std::string digits;
  digits.reserve(2 * bytes.size());
  for (const char byte : bytes) {
    for (const int shift : {4, 0}) {
      digits += "0123456789abcdef"[static_cast<unsigned char>(byte) >> shift & 15];
    }
  }
  return digits;
}

std::string from_hexadecimal(const std::string& digits) {
  std::string bytes;
  bytes.reserve(digits.size() / 2);
  for (size_t i = 0; i + 1 < digits.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(digits.substr(i, 2), nullptr, 16));
  }
  return bytes;
}

TextInfo text_info_of(const json& description) {
  return {.tokens = description.at("tokens"),
          .end = description.at("end"),
          .unknown = description.at("unknown"),
          .lowercase = description.value("lowercase", false),
          .split_punctuation = description.value("split_punctuation", false),
          .model = from_hexadecimal(description.value("model", ""))};
}

constexpr const char* kOtherKmer = "<unk>";

/// The alphabet, and for each symbol of DNA its number on the other strand.
void add_alphabet(const SymbolsInfo& info, json& description) {
  description.update({{"alphabet", info.alphabet}, {"kmer", info.kmer}});
  const Alphabet alphabet(info.alphabet);
  if (!alphabet.has_strands()) return;
  const auto labels = description.at("labels").get<std::vector<std::string>>();
  const auto number_of = [&](const std::string& label) -> int64_t {
    return std::find(labels.begin(), labels.end(), label) - labels.begin();
  };
  json complement = json::array();
  for (const std::string& label : labels) {
    int64_t other =
        label == kOtherKmer ? number_of(label) : number_of(alphabet.reverse_complement(label));
    if (other == static_cast<int64_t>(labels.size())) other = number_of(kOtherKmer);
    complement.push_back(other);
  }
  description["complement"] = complement;
}

}  // namespace

json describe_symbols(const Manifest& manifest, const StreamSchema& stream) {
  json description = {{"vocabulary", stream.num_classes}, {"labels", stream.labels}};
  if (manifest.symbols && &stream == &manifest.streams.front()) {
    add_alphabet(*manifest.symbols, description);
  }
  const TextInfo* info = manifest.text_of(stream.name);
  if (info == nullptr) return description;
  const TextInfo& text = *info;
  description.update({{"tokens", text.tokens}, {"end", text.end}, {"unknown", text.unknown}});
  if (text.lowercase) description["lowercase"] = true;
  if (text.split_punctuation) description["split_punctuation"] = true;
  if (!text.model.empty()) description["model"] = hexadecimal(text.model);
  return description;
}

json describe_inputs(const Manifest& manifest) {
  const StreamSchema& inputs = manifest.streams.front();
  if (inputs.is_symbols()) return {{"inputs", describe_symbols(manifest, inputs)}};
  json description = {
      {"features", inputs.features}, {"scale", inputs.scale}, {"offset", inputs.offset}};
  if (!manifest.audio) return description;
  description["audio"] = json_of(*manifest.audio);
  const auto scaling = manifest.scaling.find(inputs.name);
  if (scaling != manifest.scaling.end()) description["scaling"] = json_of(scaling->second);
  return description;
}

std::vector<std::string> labels_of_symbols(const json& description) {
  return description.at("labels").get<std::vector<std::string>>();
}

std::vector<int64_t> TextInputs::symbols_of_line(const json& line) {
  std::vector<int64_t> symbols;
  if (line.contains("text")) {
    symbols = symbols_of(text_member(line, "text"));
  } else if (line.contains("sequence")) {
    symbols = symbols_of_letters(text_member(line, "sequence"));
  } else if (line.contains("symbols")) {
    symbols = symbols_of_labels(line.at("symbols"));
  } else {
    throw Error(ExitCode::corrupt, "\"text\" is missing (or \"sequence\", or \"symbols\")");
  }
  if (symbols.empty()) {
    throw Error(ExitCode::corrupt,
                line.contains("text") ? "the text is empty" : "the line holds no symbol");
  }
  return symbols;
}

std::vector<int64_t> TextInputs::symbols_of_letters(const std::string& letters) {
  if (!description_.contains("alphabet")) {
    throw Error(ExitCode::corrupt, "the model was not trained on letters of an alphabet");
  }
  const Alphabet alphabet(description_.at("alphabet"));
  std::vector<int64_t> symbols;
  for (const std::string& kmer : alphabet.kmers(letters, description_.at("kmer"))) {
    const int64_t number = number_of(kmer);
    symbols.push_back(number >= 0 ? number : number_of(kOtherKmer));
  }
  return symbols;
}

std::vector<int64_t> TextInputs::symbols_of_labels(const json& labels) {
  std::vector<int64_t> symbols;
  for (const json& label : labels) {
    symbols.push_back(number_of(label.get<std::string>()));
    if (symbols.back() < 0) {
      throw Error(ExitCode::corrupt, fmt::format("the model knows no symbol {}", label.dump()));
    }
  }
  return symbols;
}

/// -1 for a label that there is not.
int64_t TextInputs::number_of(const std::string& label) {
  if (numbers_.empty()) {
    const json& labels = description_.at("labels");
    for (size_t i = 0; i < labels.size(); ++i) {
      numbers_.emplace(labels[i].get<std::string>(), static_cast<int64_t>(i));
    }
  }
  const auto found = numbers_.find(label);
  return found == numbers_.end() ? -1 : found->second;
}

const TextSymbols& TextInputs::symbols() {
  if (!symbols_) {
    if (!description_.contains("tokens")) {
      throw Error(ExitCode::corrupt, "the model was not trained on text");
    }
    symbols_.emplace(text_info_of(description_),
                     description_.at("labels").get<std::vector<std::string>>());
  }
  return *symbols_;
}

}  // namespace lockstep
