#include "trainer/train_state.h"

#include <limits>

#include "data/base/error.h"
#include "data/base/sha256.h"
#include "trainer/strict_json.h"

namespace lockstep {
namespace {

using Json = nlohmann::json;
constexpr const char* kOwnDigest = "state_sha256";
constexpr int kMaxDepth = 6;

/// Bytes that are no UTF-8 (a path in the config, say) are replaced rather than fatal: a long run
/// must not lose its checkpoint for the sake of a name.
std::string canonical_text(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Json state_to_json(const TrainState& state) {
  Json metrics = Json::array();
  for (const auto& [name, value] : state.metrics) {
    metrics.push_back(Json::array({name, number_to_json(value)}));
  }
  Json epoch_sums = Json::object();
  for (const auto& [name, value] : state.epoch_sums) epoch_sums[name] = number_to_json(value);
  return {{"format_version", kCheckpointFormat},
          {"step", state.step},
          {"epoch", state.epoch},
          {"index", state.index},
          {"incarnation", state.incarnation},
          {"data_fingerprint", state.data_fingerprint},
          {"task", state.task},
          {"config", Json(state.config)},
          {"model", state.model},
          {"epoch_sums", epoch_sums},
          {"metrics", metrics},
          {"selection", json_of(state.selection)}};
}

int64_t count_from_json(const Json& json, const char* key, const std::string& origin) {
  const Json& value = json.at(key);
  const bool fits = value.is_number_unsigned() &&
                    value.get<uint64_t>() <= uint64_t{std::numeric_limits<int64_t>::max()};
  if (!fits) {
    throw Error(ExitCode::corrupt, fmt::format("{}: {} is not a count", origin, key));
  }
  return value.get<int64_t>();
}

TrainState state_from_json(const Json& json, const std::string& origin) {
  TrainState state;
  state.step = count_from_json(json, "step", origin);
  state.epoch = count_from_json(json, "epoch", origin);
  state.index = count_from_json(json, "index", origin);
  state.incarnation = count_from_json(json, "incarnation", origin);
  state.data_fingerprint = json.at("data_fingerprint").get<std::string>();
  state.task = json.at("task").get<std::string>();
  state.config = json.at("config").get<std::map<std::string, std::string>>();
  state.model = json.at("model").get<std::string>();
  for (const auto& [name, value] : json.at("epoch_sums").items()) {
    state.epoch_sums[name] = number_from_json(value);
  }
  for (const Json& pair : json.at("metrics")) {
    state.metrics.emplace_back(pair.at(0).get<std::string>(), number_from_json(pair.at(1)));
  }
  if (json.contains("selection")) state.selection = selection_state_from(json.at("selection"));
  return state;
}

std::map<std::string, FileDigest> files_from_json(const Json& json, const std::string& origin) {
  std::map<std::string, FileDigest> files;
  for (const auto& [name, entry] : json.items()) {
    files[name] = {static_cast<uint64_t>(count_from_json(entry, "bytes", origin)),
                   entry.at("sha256").get<std::string>()};
  }
  return files;
}

/// What the text says once it is known to be the text that was written.
Json verified(std::string_view text, const std::string& origin) {
  Json json = parse_strict_json(text, origin, kMaxDepth);
  const bool canonical = json.is_object() && canonical_text(json) == text;
  const Json digest = canonical && json.contains(kOwnDigest) ? json[kOwnDigest] : Json();
  if (canonical) json.erase(kOwnDigest);
  if (!canonical || digest != sha256_of(canonical_text(json))) {
    throw Error(ExitCode::corrupt, fmt::format("{}: does not match its own checksum", origin));
  }
  return json;
}

}  // namespace

std::string to_state_json(const StateFile& file) {
  Json json = state_to_json(file.state);
  for (const auto& [name, digest] : file.files) {
    json["files"][name] = {{"bytes", digest.bytes}, {"sha256", digest.sha256}};
  }
  // Written and read back once, so that what the dump replaced is hashed as it will be read.
  json = Json::parse(canonical_text(json));
  json[kOwnDigest] = sha256_of(canonical_text(json));
  return canonical_text(json);
}

StateFile from_state_json(std::string_view text, const std::string& origin) {
  const Json json = verified(text, origin);
  try {
    const int64_t version = count_from_json(json, "format_version", origin);
    if (version > kCheckpointFormat) {
      throw Error(ExitCode::config,
                  fmt::format("{}: checkpoint format {} is newer than this program reads ({})",
                              origin, version, kCheckpointFormat),
                  "continue with the version of Lockstep that wrote it, or a newer one");
    }
    return {state_from_json(json, origin), files_from_json(json.at("files"), origin)};
  } catch (const Json::exception& problem) {
    throw Error(ExitCode::corrupt, fmt::format("{}: {}", origin, problem.what()));
  }
}

}  // namespace lockstep
