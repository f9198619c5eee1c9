// The blocks of manifest.json that data/signal_info.h describes.
#pragma once

#include <nlohmann/json.hpp>

#include "data/base/json_value.h"
#include "data/signal_info.h"

namespace lockstep {

nlohmann::json json_of(const AudioInfo& info);
nlohmann::json json_of(const SymbolsInfo& info);
nlohmann::json json_of(const SeriesInfo& info);
nlohmann::json json_of(const LikesInfo& info);
nlohmann::json json_of(const FeatureScaling& scaling);

/// All throw Error(corrupt) with the JSON path of a value that is absent or out of range.
AudioInfo read_audio_info(const JsonValue& value);
SymbolsInfo read_symbols_info(const JsonValue& value);
SeriesInfo read_series_info(const JsonValue& value);
/// For so many items, the unknown one among them.
LikesInfo read_likes_info(const JsonValue& value, int64_t items);
FeatureScaling read_feature_scaling(const JsonValue& value, int64_t features);

}  // namespace lockstep
