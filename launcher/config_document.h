// The text of a run file as a tree that remembers where everything stands. Only this pair of files
// knows yaml-cpp.
//
// The subset that is accepted is what a configuration needs: one document of maps, lists and
// scalars. Anchors, aliases, tags, several documents, tabs, control characters, text that is not
// UTF-8, more than 1 MiB or 32 levels are refused: each is either a typo or an attack.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace lockstep {

inline constexpr size_t kMaxConfigBytes = size_t{1} << 20;
inline constexpr int kMaxConfigDepth = 32;
inline constexpr size_t kMaxMistakes = 1000;  ///< collected; a file with more has no use for them

/// Counted from 1, columns in bytes; line 0 means nowhere.
struct TextPosition {
  int line = 0;
  int column = 0;
};

struct ConfigMistake {
  TextPosition at;
  std::string message;
};

/// What is wrong so far. Stops collecting at kMaxMistakes.
class ConfigMistakes {
 public:
  void add(TextPosition at, std::string message);
  bool full() const { return list_.size() >= kMaxMistakes; }
  const std::vector<ConfigMistake>& list() const { return list_; }

 private:
  std::vector<ConfigMistake> list_;
};

struct ConfigEntry;

struct ConfigNode {
  enum class Kind { null, scalar, list, map };
  Kind kind = Kind::null;
  TextPosition at;
  std::string text;     ///< of a scalar
  bool quoted = false;  ///< a scalar in quotes is text, whatever it looks like
  std::vector<ConfigNode> items;
  std::vector<ConfigEntry> entries;  ///< each key once, in the order of the file
};

struct ConfigEntry {
  std::string key;
  TextPosition at;
  ConfigNode value;
};

/// Parses `text`. Mistakes of form go to `mistakes`; what could be read before a syntax error is
/// returned, so that its content can be checked in the same pass. Never throws on bad input.
ConfigNode parse_config_document(std::string_view text, ConfigMistakes& mistakes);

/// The position with its column counted in characters instead of bytes, as editors show it.
TextPosition in_characters(std::string_view text, TextPosition position);

bool is_utf8(std::string_view text);

/// Printable and short: control characters escaped, cut after about 80 bytes.
std::string excerpt(std::string_view text);

}  // namespace lockstep
