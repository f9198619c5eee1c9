// manifest.json: FORMAT.md describes its members. Whoever wrote it is not trusted here.
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "data/base/atomic_file.h"
#include "data/base/error.h"
#include "data/base/json_value.h"
#include "data/base/sha256.h"
#include "data/element_type.h"
#include "data/manifest.h"
#include "data/signal_info_json.h"

namespace lockstep {
namespace {

using nlohmann::json;

constexpr const char* kFileName = "manifest.json";
constexpr const char* kFormatName = "lockstep-dataset";
constexpr int64_t kFormatVersion = 1;
constexpr size_t kMaxManifestBytes = size_t{64} << 20;
constexpr size_t kMaxTextModelBytes = size_t{64} << 20;
// What keeps every product of counts and sizes below 2^63.
constexpr int64_t kMaxFeatures = int64_t{1} << 24;
constexpr int64_t kMaxCount = int64_t{1} << 40;

json json_of(const StreamSchema& stream) {
  return {{"name", stream.name},         {"element", name_of(stream.element)},
          {"features", stream.features}, {"scale", stream.scale},
          {"offset", stream.offset},     {"num_classes", stream.num_classes},
          {"labels", stream.labels}};
}

json json_of(const ShardInfo& shard) {
  return {{"file", shard.file},
          {"sequences", shard.sequences},
          {"bytes", shard.bytes},
          {"sha256", shard.sha256},
          {"steps", shard.steps}};
}

json json_of(const SplitInfo& split);

template <class Item>
json list_of(const std::vector<Item>& items) {
  json list = json::array();
  for (const Item& item : items) list.push_back(json_of(item));
  return list;
}

json json_of(const SplitInfo& split) {
  json object = {{"name", split.name},
                 {"sequences", split.sequences},
                 {"shortest", split.shortest},
                 {"longest", split.longest},
                 {"shards", list_of(split.shards)}};
  for (const auto& [first, count] : split.lengths) {
    object["length_histogram"].push_back({first, count});
  }
  return object;
}

json json_of(const TextInfo& text) {
  json object = {{"tokens", text.tokens},
                 {"end", text.end},
                 {"unknown", text.unknown},
                 {"lowercase", text.lowercase},
                 {"split_punctuation", text.split_punctuation}};
  if (!text.model_file.empty()) {
    object["model"] = {{"file", text.model_file}, {"sha256", sha256_of(text.model)}};
  }
  return object;
}

json json_of(const Manifest& manifest) {
  json object = {{"format", kFormatName},
                 {"format_version", manifest.format_version},
                 {"source", manifest.source},
                 {"streams", list_of(manifest.streams)},
                 {"splits", list_of(manifest.splits)}};
  if (manifest.text) object["text"] = json_of(*manifest.text);
  for (const auto& [stream, text] : manifest.target_text) {
    object["target_text"][stream] = json_of(text);
  }
  if (manifest.audio) object["audio"] = json_of(*manifest.audio);
  if (manifest.symbols) object["symbols"] = json_of(*manifest.symbols);
  if (manifest.series) object["series"] = json_of(*manifest.series);
  if (manifest.likes) object["likes"] = json_of(*manifest.likes);
  for (const auto& [stream, scaling] : manifest.scaling) {
    object["scaling"][stream] = json_of(scaling);
  }
  if (!manifest.symbol_texts.empty()) object["symbol_texts"] = manifest.symbol_texts;
  if (!manifest.known_symbols.empty()) object["known_symbols"] = manifest.known_symbols;
  return object;
}

void read_signal_info(const JsonValue& root, Manifest& manifest) {
  if (root.has("audio")) manifest.audio = read_audio_info(root.member("audio"));
  if (root.has("symbols")) manifest.symbols = read_symbols_info(root.member("symbols"));
  if (root.has("series")) manifest.series = read_series_info(root.member("series"));
  if (root.has("likes")) {
    manifest.likes = read_likes_info(root.member("likes"), manifest.streams.front().num_classes);
  }
  if (!root.has("scaling")) return;
  const JsonValue scaling = root.member("scaling");
  for (const StreamSchema& stream : manifest.streams) {
    if (!scaling.has(stream.name)) continue;
    manifest.scaling[stream.name] =
        read_feature_scaling(scaling.member(stream.name), stream.features);
  }
}

std::string plain_name(const JsonValue& value) {
  std::string name = value.text();
  if (!is_plain_name(name)) {
    value.fail("is not a plain name (letters, digits, \"_\", \"-\" and \".\")");
  }
  return name;
}

std::string digest(const JsonValue& value) {
  std::string text = value.text();
  const bool hex = text.size() == 64 && text.find_first_not_of("0123456789abcdef") == text.npos;
  if (!hex) value.fail("is not a SHA-256 in 64 lower-case hexadecimal digits");
  return text;
}

/// Reads the model that a manifest names, if it is the one.
void read_text_model(const JsonValue& value, const std::filesystem::path& folder, TextInfo& info) {
  info.model_file = plain_name(value.member("file"));
  const std::string expected = digest(value.member("sha256"));
  info.model = read_file(folder / info.model_file, kMaxTextModelBytes);
  if (sha256_of(info.model) != expected) {
    value.fail(
        fmt::format("{} is damaged: its SHA-256 is another", (folder / info.model_file).string()));
  }
}

TextInfo read_text_info(const JsonValue& text, const std::filesystem::path& folder) {
  TextInfo info{text.member("tokens").text(), text.member("end").text(),
                text.member("unknown").text()};
  const auto flag = [&](const char* name) { return text.has(name) && text.member(name).boolean(); };
  info.lowercase = flag("lowercase");
  info.split_punctuation = flag("split_punctuation");
  if (info.tokens == "sentencepiece") {
    read_text_model(text.member("model"), folder, info);
  } else if (info.tokens != "characters" && info.tokens != "words") {
    text.member("tokens").fail("is none of \"characters\", \"words\" and \"sentencepiece\"");
  }
  return info;
}

void read_texts(const JsonValue& root, const std::filesystem::path& folder, Manifest& manifest) {
  if (root.has("text")) manifest.text = read_text_info(root.member("text"), folder);
  if (!root.has("target_text")) return;
  const JsonValue texts = root.member("target_text");
  for (size_t i = 1; i < manifest.streams.size(); ++i) {
    const std::string& name = manifest.streams[i].name;
    if (texts.has(name)) manifest.target_text[name] = read_text_info(texts.member(name), folder);
  }
}

void read_symbol_texts(const JsonValue& root, Manifest& manifest) {
  if (!root.has("symbol_texts")) return;
  const JsonValue all = root.member("symbol_texts");
  for (const StreamSchema& stream : manifest.streams) {
    if (!all.has(stream.name)) continue;
    const JsonValue value = all.member(stream.name);
    std::vector<std::string>& texts = manifest.symbol_texts[stream.name];
    for (const JsonValue& text : value.items()) texts.push_back(text.text());
    if (!stream.is_symbols() || static_cast<int64_t>(texts.size()) != stream.num_classes) {
      value.fail(fmt::format("has {} texts for {} symbols", texts.size(), stream.num_classes));
    }
  }
}

void read_known_symbols(const JsonValue& root, Manifest& manifest) {
  if (!root.has("known_symbols")) return;
  const JsonValue all = root.member("known_symbols");
  for (const StreamSchema& stream : manifest.streams) {
    if (!all.has(stream.name)) continue;
    const JsonValue value = all.member(stream.name);
    if (manifest.symbol_texts.count(stream.name) == 0) {
      value.fail("is of a stream whose symbols have no texts");
    }
    manifest.known_symbols[stream.name] = value.integer(1, stream.num_classes);
  }
}

ElementType element(const JsonValue& value) {
  try {
    return element_type_of(value.text());
  } catch (const Error& error) {
    value.fail(error.what());
  }
}

void check_kind(const JsonValue& value, const StreamSchema& stream) {
  if ((stream.features > 0) == (stream.num_classes > 0)) {
    value.fail("must have either features (dense) or num_classes (symbols)");
  }
  if (stream.is_symbols() && !is_integer(stream.element)) {
    value.fail("holds symbols in a type that is not an integer");
  }
  const auto labels = static_cast<int64_t>(stream.labels.size());
  const int64_t expected = stream.is_symbols() ? stream.num_classes : stream.features;
  if (labels > 0 && labels != expected) {
    value.fail(fmt::format("has {} labels for {} {}", labels, expected,
                           stream.is_symbols() ? "classes" : "features"));
  }
}

StreamSchema read_stream(const JsonValue& value) {
  StreamSchema stream;
  stream.name = plain_name(value.member("name"));
  stream.element = element(value.member("element"));
  stream.features = value.member("features").integer(0, kMaxFeatures);
  stream.scale = value.member("scale").number();
  stream.offset = value.member("offset").number();
  stream.num_classes = value.member("num_classes").integer(0, kMaxCount);
  for (const JsonValue& label : value.member("labels").items()) {
    stream.labels.push_back(label.text());
  }
  check_kind(value, stream);
  return stream;
}

std::vector<StreamSchema> read_streams(const JsonValue& list) {
  std::vector<StreamSchema> streams;
  for (const JsonValue& item : list.items()) {
    streams.push_back(read_stream(item));
    const std::string& name = streams.back().name;
    if (streams.size() == 1 && name != "inputs") item.fail("must be the stream \"inputs\"");
    if (streams.size() >= 2 && name == "inputs") item.fail("is a second stream \"inputs\"");
    if (streams.size() > 2 && name <= streams[streams.size() - 2].name) {
      item.fail("targets are not in sorted order of distinct names");
    }
  }
  if (streams.empty()) list.fail("holds no stream");
  return streams;
}

ShardInfo read_shard(const JsonValue& value, size_t num_streams) {
  ShardInfo shard{.file = plain_name(value.member("file")),
                  .sequences = value.member("sequences").integer(0, kMaxCount),
                  .bytes = value.member("bytes").integer(0),
                  .sha256 = digest(value.member("sha256")),
                  .steps = {}};
  const JsonValue steps = value.member("steps");
  for (const JsonValue& count : steps.items()) shard.steps.push_back(count.integer(0, kMaxCount));
  if (shard.steps.size() != num_streams) {
    steps.fail(fmt::format("has {} entries for {} streams", shard.steps.size(), num_streams));
  }
  return shard;
}

/// Pairs of a bucket's smallest length and the number of its sequences.
LengthHistogram read_lengths(const JsonValue& value, const SplitInfo& split) {
  LengthHistogram lengths;
  int64_t sequences = 0;
  for (const JsonValue& item : value.items()) {
    const std::vector<JsonValue> pair = item.items();
    if (pair.size() != 2) item.fail("is not a length and a number of sequences");
    const int64_t first = pair[0].integer(0, kMaxCount);
    if (first != length_bucket(first)) pair[0].fail(fmt::format("{} begins no bucket", first));
    if (!lengths.empty() && first <= lengths.rbegin()->first) {
      pair[0].fail("lengths do not ascend");
    }
    lengths[first] = pair[1].integer(1, kMaxCount);
    sequences = std::min(sequences + lengths[first], kMaxCount + 1);
  }
  if (sequences != split.sequences) {
    value.fail(fmt::format("counts {} sequences; the split has {}", sequences, split.sequences));
  }
  if (!lengths.empty() && (lengths.begin()->first != length_bucket(split.shortest) ||
                           lengths.rbegin()->first != length_bucket(split.longest))) {
    value.fail("does not reach from the shortest length to the longest");
  }
  return lengths;
}

SplitInfo read_split(const JsonValue& value, size_t num_streams, std::set<std::string>& files) {
  SplitInfo split;
  split.name = plain_name(value.member("name"));
  split.sequences = value.member("sequences").integer(0, kMaxCount);
  split.shortest = value.member("shortest").integer(0, kMaxCount);
  split.longest = value.member("longest").integer(split.shortest, kMaxCount);
  int64_t sequences = 0;
  for (const JsonValue& item : value.member("shards").items()) {
    split.shards.push_back(read_shard(item, num_streams));
    if (!files.insert(split.shards.back().file).second) item.fail("names a file a second time");
    sequences = std::min(sequences + split.shards.back().sequences, kMaxCount + 1);
  }
  if (sequences != split.sequences) {
    value.fail(fmt::format("says {} sequences but its shards hold {}", split.sequences, sequences));
  }
  if (value.has("length_histogram")) {
    split.lengths = read_lengths(value.member("length_histogram"), split);
  }
  return split;
}

void write_text_model(const std::filesystem::path& folder, const TextInfo& info) {
  if (!info.model_file.empty()) write_file_atomically(folder / info.model_file, info.model);
}

}  // namespace

std::string Manifest::fingerprint() const {
  return sha256_of(json_of(*this).dump());
}

Manifest read_manifest(const std::filesystem::path& folder) {
  const std::filesystem::path file = folder / kFileName;
  if (!std::filesystem::is_regular_file(file)) {
    throw Error(ExitCode::missing, fmt::format("{}: there is no data set here", file.string()),
                "make one with `lockstep data import` or `lockstep data generate`");
  }
  const json document = parse_json(read_file(file, kMaxManifestBytes), file);
  const JsonValue root(document, file);
  const JsonValue format = root.member("format");
  if (format.text() != kFormatName) format.fail("is not a Lockstep data set");
  Manifest manifest;
  manifest.format_version = root.member("format_version").integer(kFormatVersion, kFormatVersion);
  manifest.source = root.member("source").text();
  manifest.streams = read_streams(root.member("streams"));
  std::set<std::string> files;
  std::set<std::string> names;
  for (const JsonValue& item : root.member("splits").items()) {
    manifest.splits.push_back(read_split(item, manifest.streams.size(), files));
    if (!names.insert(manifest.splits.back().name).second) {
      item.fail("is a second split of its name");
    }
  }
  read_texts(root, folder, manifest);
  read_symbol_texts(root, manifest);
  read_known_symbols(root, manifest);
  read_signal_info(root, manifest);
  return manifest;
}

void write_manifest(const std::filesystem::path& folder, const Manifest& manifest) {
  const std::filesystem::path file = folder / kFileName;
  if (manifest.text) write_text_model(folder, *manifest.text);
  for (const auto& entry : manifest.target_text) write_text_model(folder, entry.second);
  try {
    write_file_atomically(file, json_of(manifest).dump(1) + "\n");
  } catch (const json::exception&) {
    throw Error(ExitCode::corrupt, fmt::format("{}: a text in it is not UTF-8", file.string()));
  }
}

}  // namespace lockstep
