#include "tests/unit/data/small_dataset.h"

namespace lockstep::testing {

std::vector<StreamSchema> ragged_schema() {
  StreamSchema inputs;
  inputs.name = "inputs";
  inputs.element = ElementType::f32;
  inputs.features = 3;
  StreamSchema regression;
  regression.name = "regression";
  regression.element = ElementType::f64;
  regression.features = 2;
  regression.scale = 2;
  regression.offset = -1;
  StreamSchema words;
  words.name = "words";
  words.element = ElementType::i32;
  words.num_classes = 11;
  words.labels = {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "long label"};
  return {inputs, regression, words};
}

Sequence ragged_sequence(int64_t id) {
  Sequence sequence;
  const int64_t length = 1 + (id * 7 + 3) % 9;
  for (int64_t i = 0; i < length * 3; ++i) {
    sequence.inputs.push_back(static_cast<float>(id) + static_cast<float>(i) / 64);
  }
  for (int64_t i = 0; i < length * 2; ++i) {
    sequence.regression.push_back(static_cast<double>(id) - static_cast<double>(i) / 8);
  }
  for (int64_t i = 0; i < id % 5; ++i) {
    sequence.words.push_back(static_cast<int32_t>((id + i) % 11));
  }
  return sequence;
}

namespace {

SplitInfo write_ragged_split(const std::filesystem::path& folder, const std::string& name,
                             int64_t count, ShardLimits limits) {
  ShardWriter writer(folder, name, ragged_schema(), limits);
  for (int64_t id = 0; id < count; ++id) {
    const Sequence sequence = ragged_sequence(id);
    const auto length = static_cast<int64_t>(sequence.inputs.size()) / 3;
    writer.append({{sequence.inputs.data(), length},
                   {sequence.regression.data(), length},
                   {sequence.words.data(), static_cast<int64_t>(sequence.words.size())}},
                  name + std::to_string(id));
  }
  return writer.finish();
}

}  // namespace

Manifest write_ragged(const std::filesystem::path& folder, int64_t train, ShardLimits limits) {
  Manifest manifest;
  manifest.source = "a test";
  manifest.streams = ragged_schema();
  manifest.splits.push_back(write_ragged_split(folder, "train", train, limits));
  manifest.splits.push_back(write_ragged_split(folder, "test", 5, limits));
  write_manifest(folder, manifest);
  return manifest;
}

std::vector<StreamSchema> image_schema(int64_t num_classes) {
  StreamSchema inputs;
  inputs.name = "inputs";
  inputs.element = ElementType::u8;
  inputs.features = 5;
  inputs.scale = 1.0 / 255.0;
  StreamSchema classes;
  classes.name = "classes";
  classes.element = ElementType::i32;
  classes.num_classes = num_classes;
  return {inputs, classes};
}

Manifest write_images(const std::filesystem::path& folder, int64_t count, int64_t num_classes) {
  Manifest manifest;
  manifest.source = "a test";
  manifest.streams = image_schema(num_classes);
  ShardWriter writer(folder, "train", manifest.streams, {.max_sequences = 16});
  for (int64_t id = 0; id < count; ++id) {
    std::vector<uint8_t> image;
    for (int64_t i = 0; i < 20; ++i) image.push_back(static_cast<uint8_t>(id * 20 + i));
    const auto label = static_cast<int32_t>(id % 7);
    writer.append({{image.data(), 4}, {&label, 1}}, std::to_string(id));
  }
  manifest.splits.push_back(writer.finish());
  write_manifest(folder, manifest);
  return manifest;
}

}  // namespace lockstep::testing
