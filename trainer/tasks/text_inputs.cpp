#include "trainer/tasks/text_inputs.h"

#include "data/base/error.h"

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

}  // namespace

json describe_symbols(const Manifest& manifest, const StreamSchema& stream) {
  json description = {{"vocabulary", stream.num_classes}, {"labels", stream.labels}};
  const TextInfo* info = manifest.text_of(stream.name);
  if (info == nullptr) return description;
  const TextInfo& text = *info;
  description.update({{"tokens", text.tokens}, {"end", text.end}, {"unknown", text.unknown}});
  if (text.lowercase) description["lowercase"] = true;
  if (text.split_punctuation) description["split_punctuation"] = true;
  if (!text.model.empty()) description["model"] = hexadecimal(text.model);
  return description;
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
