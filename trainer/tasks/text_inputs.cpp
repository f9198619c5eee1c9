#include "trainer/tasks/text_inputs.h"

#include "data/base/error.h"

namespace lockstep {

using nlohmann::json;

json describe_symbols(const Manifest& manifest, const StreamSchema& stream) {
  json description = {{"vocabulary", stream.num_classes}, {"labels", stream.labels}};
  if (!manifest.text) return description;
  const TextInfo& text = *manifest.text;
  description.update({{"tokens", text.tokens}, {"end", text.end}, {"unknown", text.unknown}});
  if (text.lowercase) description["lowercase"] = true;
  if (text.split_punctuation) description["split_punctuation"] = true;
  return description;
}

std::vector<int64_t> TextInputs::symbols_of(const std::string& text) {
  if (!symbols_) {
    if (!description_.contains("tokens")) {
      throw Error(ExitCode::corrupt, "the model was not trained on text");
    }
    const TextInfo info{description_.at("tokens"), description_.at("end"),
                        description_.at("unknown"), description_.value("lowercase", false),
                        description_.value("split_punctuation", false)};
    symbols_.emplace(info, description_.at("labels").get<std::vector<std::string>>());
  }
  return (*symbols_)(text);
}

}  // namespace lockstep
