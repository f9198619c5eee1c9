#include "trainer/strict_json.h"

#include <set>
#include <vector>

#include "data/base/error.h"

namespace lockstep {
namespace {

using Json = nlohmann::json;

/// Watches the parser's events. The library itself keeps one of two equal keys without a word, so
/// two readers of a file could see different contents.
class Watcher {
 public:
  Watcher(const std::string& origin, int max_depth) : origin_(origin), max_depth_(max_depth) {}

  void on_event(int depth, Json::parse_event_t event, const Json& parsed) {
    if (depth > max_depth_) {
      throw Error(ExitCode::corrupt,
                  fmt::format("{}: nested more than {} deep", origin_, max_depth_));
    }
    if (event == Json::parse_event_t::object_start) keys_.emplace_back();
    if (event == Json::parse_event_t::object_end) keys_.pop_back();
    if (event == Json::parse_event_t::key) {
      const auto key = parsed.get<std::string>();
      if (!keys_.back().insert(key).second) {
        throw Error(ExitCode::corrupt, fmt::format("{}: \"{}\" is there twice", origin_, key));
      }
    }
  }

 private:
  const std::string& origin_;
  int max_depth_;
  std::vector<std::set<std::string>> keys_;  ///< of the objects that are open
};

}  // namespace

Json parse_strict_json(std::string_view text, const std::string& origin, int max_depth) {
  Watcher watcher(origin, max_depth);
  try {
    return Json::parse(text, [&](int depth, Json::parse_event_t event, Json& parsed) {
      watcher.on_event(depth, event, parsed);
      return true;
    });
  } catch (const Json::exception& problem) {
    throw Error(ExitCode::corrupt, fmt::format("{}: not valid JSON: {}", origin, problem.what()));
  }
}

}  // namespace lockstep
