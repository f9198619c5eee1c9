#include "data/import/label_set.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "data/base/error.h"

namespace lockstep {
namespace {

std::optional<int64_t> label_value(const std::string& label) {
  int64_t value = 0;
  const auto [end, problem] = std::from_chars(label.data(), label.data() + label.size(), value);
  if (problem != std::errc{} || end != label.data() + label.size()) return std::nullopt;
  return value;
}

}  // namespace

Vocabulary LabelSet::finish() const {
  if (labels_.empty()) throw Error(ExitCode::corrupt, "no training record has a label");
  std::vector<std::string> sorted(labels_.begin(), labels_.end());
  const bool numbers = std::all_of(sorted.begin(), sorted.end(),
                                   [](const auto& label) { return label_value(label); });
  if (numbers) {
    std::stable_sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) {
      return *label_value(a) < *label_value(b);
    });
  }
  return Vocabulary(std::move(sorted));
}

int32_t label_number(const Vocabulary& labels, const std::string& label) {
  const int64_t number = labels.find(label);
  if (number < 0) {
    throw Error(ExitCode::corrupt,
                fmt::format("its label \"{}\" is not in the training records", label));
  }
  return static_cast<int32_t>(number);
}

StreamSchema symbol_stream(const std::string& name, const Vocabulary& vocabulary) {
  StreamSchema stream;
  stream.name = name;
  stream.element = ElementType::i32;
  stream.num_classes = vocabulary.size();
  stream.labels = vocabulary.tokens();
  return stream;
}

}  // namespace lockstep
