#include "data/signal_info_json.h"

#include <algorithm>

#include "data/base/error.h"

namespace lockstep {
namespace {

using nlohmann::json;

constexpr int64_t kMaxRate = 1 << 20;
constexpr int64_t kMaxBands = 1 << 12;
constexpr int64_t kMaxMilliseconds = 1000;
constexpr double kMaxDecibels = 1000;
constexpr int64_t kMaxSteps = 1 << 20;

double number_between(const JsonValue& value, double low, double high) {
  const double number = value.number();
  if (number < low || number > high) value.fail(fmt::format("is not from {} to {}", low, high));
  return number;
}

std::string one_of(const JsonValue& value, const std::vector<std::string>& choices) {
  std::string text = value.text();
  if (std::find(choices.begin(), choices.end(), text) == choices.end()) {
    value.fail(fmt::format("\"{}\" is not known here", text));
  }
  return text;
}

template <class Item, class Read>
std::vector<Item> list_from(const JsonValue& value, Read read) {
  std::vector<Item> list;
  for (const JsonValue& item : value.items()) list.push_back(read(item));
  return list;
}

std::vector<std::string> texts_from(const JsonValue& value) {
  return list_from<std::string>(value, [](const JsonValue& item) { return item.text(); });
}

}  // namespace

json json_of(const AudioInfo& info) {
  json object = {{"sample_rate", info.sample_rate},
                 {"features", info.features},
                 {"window", info.window},
                 {"window_ms", info.window_ms},
                 {"step_ms", info.step_ms},
                 {"pre_emphasis", info.pre_emphasis},
                 {"bands", info.bands},
                 {"low_hz", info.low_hz},
                 {"high_hz", info.high_hz},
                 {"coefficients", info.coefficients},
                 {"deltas", info.deltas},
                 {"normalise", info.normalise}};
  if (info.range_db > 0) object["range_db"] = info.range_db;
  return object;
}

json json_of(const SymbolsInfo& info) {
  return {{"alphabet", info.alphabet}, {"kmer", info.kmer}};
}

json json_of(const SeriesInfo& info) {
  return {{"history", info.history},
          {"horizon", info.horizon},
          {"missing", info.missing},
          {"calendar", info.calendar}};
}

json json_of(const LikesInfo& info) {
  json sums = json::array();
  for (const LikeSums& item : info.item_sums) {
    sums.push_back({item.events, item.liked, item.leaning});
  }
  return {{"known_items", info.known_items},
          {"all", {info.all.events, info.all.liked, info.all.leaning}},
          {"item_sums", std::move(sums)},
          {"item_categories", info.item_categories},
          {"item_numbers", info.item_numbers}};
}

json json_of(const FeatureScaling& scaling) {
  return {{"names", scaling.names}, {"mean", scaling.mean}, {"deviation", scaling.deviation}};
}

AudioInfo read_audio_info(const JsonValue& value) {
  AudioInfo info;
  info.sample_rate = value.member("sample_rate").integer(1, kMaxRate);
  info.features = one_of(value.member("features"), {"log-mel", "mfcc"});
  info.window = one_of(value.member("window"), {"hamming", "hann"});
  info.window_ms = number_between(value.member("window_ms"), 0, kMaxMilliseconds);
  info.step_ms = number_between(value.member("step_ms"), 0, kMaxMilliseconds);
  info.pre_emphasis = number_between(value.member("pre_emphasis"), 0, 1);
  info.bands = value.member("bands").integer(1, kMaxBands);
  info.low_hz = number_between(value.member("low_hz"), 0, kMaxRate);
  info.high_hz = number_between(value.member("high_hz"), 0, kMaxRate);
  if (value.has("range_db")) {
    info.range_db = number_between(value.member("range_db"), 0, kMaxDecibels);
  }
  info.coefficients = value.member("coefficients").integer(1, kMaxBands);
  info.deltas = value.member("deltas").integer(0, 2);
  info.normalise = one_of(value.member("normalise"), {"none", "utterance", "train"});
  return info;
}

SymbolsInfo read_symbols_info(const JsonValue& value) {
  return {one_of(value.member("alphabet"), {"dna", "protein"}),
          value.member("kmer").integer(1, 16)};
}

SeriesInfo read_series_info(const JsonValue& value) {
  return {
      value.member("history").integer(1, kMaxSteps), value.member("horizon").integer(1, kMaxSteps),
      one_of(value.member("missing"), {"mask", "forward"}), texts_from(value.member("calendar"))};
}

LikesInfo read_likes_info(const JsonValue& value, int64_t items) {
  const auto numbers = [](const JsonValue& list) {
    return list_from<double>(list, [](const JsonValue& item) { return item.number(); });
  };
  const auto sums = [&](const JsonValue& list) {
    const std::vector<double> three = numbers(list);
    if (three.size() != 3) list.fail("is not three numbers");
    return LikeSums{three[0], three[1], three[2]};
  };
  LikesInfo info;
  info.known_items = value.member("known_items").integer(0, items - 1);
  info.all = sums(value.member("all"));
  info.item_sums = list_from<LikeSums>(value.member("item_sums"), sums);
  info.item_categories =
      list_from<std::vector<int64_t>>(value.member("item_categories"), [](const JsonValue& list) {
        return list_from<int64_t>(list, [](const JsonValue& item) { return item.integer(0); });
      });
  info.item_numbers = list_from<std::vector<double>>(value.member("item_numbers"), numbers);
  const auto count = static_cast<size_t>(items);
  const bool complete = info.item_sums.size() == count && info.item_categories.size() == count &&
                        info.item_numbers.size() == count;
  if (!complete) value.fail(fmt::format("does not describe {} items", items));
  for (const std::vector<double>& of_item : info.item_numbers) {
    if (of_item.size() != info.item_numbers.front().size()) {
      value.member("item_numbers").fail("holds lists of different lengths");
    }
  }
  return info;
}

FeatureScaling read_feature_scaling(const JsonValue& value, int64_t features) {
  FeatureScaling scaling;
  scaling.names = texts_from(value.member("names"));
  const auto numbers = [&](const char* name) {
    return list_from<double>(value.member(name),
                             [](const JsonValue& item) { return item.number(); });
  };
  scaling.mean = numbers("mean");
  scaling.deviation = numbers("deviation");
  const auto count = static_cast<size_t>(features);
  const bool complete = scaling.mean.size() == count && scaling.deviation.size() == count &&
                        (scaling.names.empty() || scaling.names.size() == count);
  if (!complete) value.fail(fmt::format("does not describe {} features", features));
  for (const double deviation : scaling.deviation) {
    if (deviation <= 0) value.member("deviation").fail("holds a number that is not above zero");
  }
  return scaling;
}

}  // namespace lockstep
