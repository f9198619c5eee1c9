#include "launcher/config_document.h"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <deque>
#include <map>
#include <sstream>

namespace lockstep {
namespace {

/// Leaves the parser from inside an event: nothing after this point makes sense.
struct StopParsing {};

TextPosition position_of(const YAML::Mark& mark) {
  return mark.is_null() ? TextPosition{1, 1} : TextPosition{mark.line + 1, mark.column + 1};
}

/// Turns yaml-cpp's events into a ConfigNode, noting what a configuration may not contain.
class TreeBuilder : public YAML::EventHandler {
 public:
  TreeBuilder(std::string_view text, ConfigMistakes& mistakes) : text_(text), mistakes_(mistakes) {}

  ConfigNode take() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (documents_++ == 0) return;
    mistakes_.add(position_of(mark), "a second document begins here; a run file is one document");
    throw StopParsing{};
  }
  void OnDocumentEnd() override {}
  void OnAnchor(const YAML::Mark&, const std::string&) override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    refuse_extras(mark, anchor, "");
    add_node(mark, ConfigNode::Kind::null);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    mistakes_.add(position_of(mark), "aliases (*name) are not allowed; write the value itself");
    frames_.empty() || !expects_key() ? discard() : take_key({}, mark, false);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    refuse_extras(mark, anchor, tag);
    if (!frames_.empty() && expects_key()) return take_key(value, mark, true);
    ConfigNode& node = place();
    node.kind = ConfigNode::Kind::scalar;
    node.at = position_of(mark);
    node.text = value;
    node.quoted = tag == "!";
    if (node.quoted && !quote_is_closed(mark)) {
      mistakes_.add(node.at, "not YAML: a quote that is never closed");
    }
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    refuse_extras(mark, anchor, tag);
    open(mark, ConfigNode::Kind::list);
  }
  void OnSequenceEnd() override { frames_.pop_back(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    refuse_extras(mark, anchor, tag);
    open(mark, ConfigNode::Kind::map);
  }
  void OnMapEnd() override { frames_.pop_back(); }

 private:
  /// A list or map that has begun and not ended.
  struct Frame {
    ConfigNode* node;
    bool has_key = false;  ///< of a map: the key is known, its value comes next
    bool keep_value = false;
    std::string key;
    TextPosition key_at;
    std::map<std::string, int> lines;  ///< where each key stood first
  };

  bool expects_key() const {
    return frames_.back().node->kind == ConfigNode::Kind::map && !frames_.back().has_key;
  }

  void take_key(const std::string& key, const YAML::Mark& mark, bool usable) {
    Frame& frame = frames_.back();
    frame.has_key = true;
    frame.key = key;
    frame.key_at = position_of(mark);
    frame.keep_value = usable;
    if (!usable) return;
    const auto [first, is_new] = frame.lines.emplace(key, frame.key_at.line);
    if (is_new) return;
    frame.keep_value = false;
    mistakes_.add(frame.key_at, fmt::format("duplicate key \"{}\"; it stands already in line {}",
                                            excerpt(key), first->second));
  }

  /// Where the next node goes: the root, the end of a list, the value of a key, or nowhere.
  ConfigNode& place() {
    if (frames_.empty()) return root_;
    Frame& frame = frames_.back();
    if (frame.node->kind == ConfigNode::Kind::list) return frame.node->items.emplace_back();
    frame.has_key = false;
    if (!frame.keep_value) return discarded_.emplace_back();
    frame.node->entries.push_back({frame.key, frame.key_at, {}});
    return frame.node->entries.back().value;
  }

  void discard() {
    if (frames_.empty() || frames_.back().node->kind == ConfigNode::Kind::list) return;
    frames_.back().has_key = false;
  }

  ConfigNode& add_node(const YAML::Mark& mark, ConfigNode::Kind kind) {
    ConfigNode* node = nullptr;
    if (!frames_.empty() && expects_key()) {
      mistakes_.add(position_of(mark), "a key must be plain text");
      take_key({}, mark, false);
      node = &discarded_.emplace_back();
    } else {
      node = &place();
    }
    node->kind = kind;
    node->at = position_of(mark);
    return *node;
  }

  void open(const YAML::Mark& mark, ConfigNode::Kind kind) {
    if (frames_.size() >= static_cast<size_t>(kMaxConfigDepth)) {
      mistakes_.add(position_of(mark),
                    fmt::format("nested deeper than {} levels", kMaxConfigDepth));
      throw StopParsing{};
    }
    frames_.push_back({&add_node(mark, kind), false, false, {}, {}, {}});
  }

  void refuse_extras(const YAML::Mark& mark, YAML::anchor_t anchor, const std::string& tag) {
    if (mistakes_.full()) throw StopParsing{};
    if (anchor != 0) {
      mistakes_.add(position_of(mark), "anchors (&name) are not allowed; write the value twice");
    }
    // yaml-cpp reports a quoted scalar as tagged "!", like a value with that tag written out.
    const bool written = mark.pos >= 0 && static_cast<size_t>(mark.pos) < text_.size() &&
                         text_[static_cast<size_t>(mark.pos)] == '!';
    if (written || (!tag.empty() && tag != "?" && tag != "!")) {
      mistakes_.add(position_of(mark),
                    "tags (!type) are not allowed; the type follows from the key");
    }
  }

  /// yaml-cpp takes the end of the file for a closing quote.
  bool quote_is_closed(const YAML::Mark& mark) const {
    const auto begin = static_cast<size_t>(mark.pos);
    const char quote = begin < text_.size() ? text_[begin] : '\0';
    if (quote != '"' && quote != '\'') return true;
    for (size_t at = begin + 1; at < text_.size(); ++at) {
      if (text_[at] == '\\' && quote == '"') {
        ++at;
      } else if (text_[at] == quote) {
        const bool doubled = quote == '\'' && at + 1 < text_.size() && text_[at + 1] == quote;
        if (!doubled) return true;
        ++at;
      }
    }
    return false;
  }

  std::string_view text_;
  ConfigMistakes& mistakes_;
  ConfigNode root_;
  std::deque<ConfigNode> discarded_;
  std::vector<Frame> frames_;
  int documents_ = 0;
};

/// Length of the UTF-8 sequence at the start of `bytes`; 0 when it is none (RFC 3629).
size_t utf8_length(std::string_view bytes) {
  const auto byte = [&](size_t i) {
    return i < bytes.size() ? static_cast<unsigned char>(bytes[i]) : 0U;
  };
  const auto continues = [&](size_t i) { return (byte(i) & 0xC0U) == 0x80U; };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return continues(1) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    const bool shortest = first != 0xE0 || byte(1) >= 0xA0;
    const bool surrogate = first == 0xED && byte(1) >= 0xA0;
    return continues(1) && continues(2) && shortest && !surrogate ? 3 : 0;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    const bool in_range = (first != 0xF0 || byte(1) >= 0x90) && (first != 0xF4 || byte(1) < 0x90);
    return continues(1) && continues(2) && continues(3) && in_range ? 4 : 0;
  }
  return 0;
}

/// Checks the bytes themselves. False when they are no text that can be parsed.
bool check_bytes(std::string_view text, ConfigMistakes& mistakes) {
  TextPosition at{1, 1};
  for (size_t i = 0; i < text.size();) {
    const size_t length = utf8_length(text.substr(i));
    if (length == 0) {
      mistakes.add(at, "not UTF-8 text");
      return false;
    }
    const auto c = static_cast<unsigned char>(text[i]);
    const bool line_end = c == '\n' || (c == '\r' && i + 1 < text.size() && text[i + 1] == '\n');
    if (c < 0x20 && !line_end && c != '\t') {
      mistakes.add(at, fmt::format("control character 0x{:02x}", c));
      return false;
    }
    i += length;
    at = c == '\n' ? TextPosition{at.line + 1, 1}
                   : TextPosition{at.line, at.column + static_cast<int>(length)};
  }
  return true;
}

/// Refuses tabs outside comments, and puts spaces in their place so that the rest can be read.
std::string without_tabs(std::string_view text, ConfigMistakes& mistakes) {
  std::string spaced(text);
  TextPosition at{1, 0};
  bool comment = false;
  bool told = false;
  char before = ' ';
  for (char& c : spaced) {
    ++at.column;
    if (c == '#' && (before == ' ' || before == '\n')) comment = true;
    if (c == '\t' && !comment && !told) {
      mistakes.add(at, "a tab; use spaces (inside quotes write \\t)");
      told = true;
    }
    if (c == '\t') c = ' ';
    before = c;
    if (c == '\n') {
      at = {at.line + 1, 0};
      comment = told = false;
    }
  }
  return spaced;
}

}  // namespace

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const size_t length = utf8_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

void ConfigMistakes::add(TextPosition at, std::string message) {
  if (!full()) list_.push_back({at, std::move(message)});
}

ConfigNode parse_config_document(std::string_view text, ConfigMistakes& mistakes) {
  if (text.size() > kMaxConfigBytes) {
    mistakes.add({1, 1},
                 fmt::format("larger than the {} bytes a run file may have", kMaxConfigBytes));
    return {};
  }
  if (text.substr(0, 3) == "\xEF\xBB\xBF") text.remove_prefix(3);  // a byte order mark
  if (!check_bytes(text, mistakes)) return {};
  const std::string spaced = without_tabs(text, mistakes);
  TreeBuilder builder(spaced, mistakes);
  std::istringstream stream(spaced);
  try {
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const StopParsing&) {
  } catch (const YAML::Exception& error) {
    mistakes.add(position_of(error.mark), fmt::format("not YAML: {}", error.msg));
  }
  return builder.take();
}

TextPosition in_characters(std::string_view text, TextPosition position) {
  size_t start = 0;
  for (int line = 1; line < position.line && start != std::string_view::npos; ++line) {
    start = text.find('\n', start);
    if (start != std::string_view::npos) ++start;
  }
  if (start == std::string_view::npos || start > text.size()) return position;
  const std::string_view before =
      text.substr(start, static_cast<size_t>(std::max(0, position.column - 1)));
  const auto continuations = std::count_if(before.begin(), before.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U;
  });
  return {position.line, position.column - static_cast<int>(continuations)};
}

std::string excerpt(std::string_view text) {
  constexpr size_t kMaxBytes = 80;
  std::string shown;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (shown.size() >= kMaxBytes && (byte & 0xC0U) != 0x80U) return shown + "...";
    if (byte < 0x20 || byte == 0x7F) {
      shown += fmt::format("\\x{:02x}", byte);
    } else {
      shown += c;
    }
  }
  return shown;
}

}  // namespace lockstep
