#include "data/manifest.h"

#include <algorithm>
#include <array>
#include <utility>

#include "data/base/error.h"
#include "data/base/fields.h"
#include "data/element_type.h"

namespace lockstep {
namespace {

constexpr std::array<std::pair<ElementType, const char*>, 6> kElementNames{
    {{ElementType::u8, "u8"},
     {ElementType::i16, "i16"},
     {ElementType::i32, "i32"},
     {ElementType::i64, "i64"},
     {ElementType::f32, "f32"},
     {ElementType::f64, "f64"}}};

template <class Items>
std::string names_of(const Items& items) {
  std::string names;
  for (const auto& item : items) names += (names.empty() ? "" : ", ") + item.name;
  return names;
}

}  // namespace

size_t size_of(ElementType type) {
  return with_element_type(type, [](auto tag) { return sizeof(typename decltype(tag)::type); });
}

std::string name_of(ElementType type) {
  for (const auto& [element, name] : kElementNames) {
    if (element == type) return name;
  }
  return "unknown";
}

ElementType element_type_of(const std::string& name) {
  for (const auto& [element, known] : kElementNames) {
    if (name == known) return element;
  }
  throw Error(ExitCode::corrupt, fmt::format("\"{}\" is no element type", name),
              "element types are u8, i16, i32, i64, f32 and f64");
}

bool is_plain_name(const std::string& name) {
  return !name.empty() && name.size() <= 200 && name[0] != '.' &&
         std::all_of(name.begin(), name.end(), [](unsigned char c) {
           return std::isalnum(c) != 0 || c == '_' || c == '-' || c == '.';
         });
}

const SplitInfo* Manifest::find_split(const std::string& name) const {
  const auto found = std::find_if(splits.begin(), splits.end(),
                                  [&](const SplitInfo& split) { return split.name == name; });
  return found == splits.end() ? nullptr : &*found;
}

const TextInfo* Manifest::text_of(const std::string& stream) const {
  if (stream == "inputs") return text ? &*text : nullptr;
  const auto found = target_text.find(stream);
  return found == target_text.end() ? nullptr : &found->second;
}

const StreamSchema& Manifest::stream(const std::string& name) const {
  for (const StreamSchema& stream : streams) {
    if (stream.name == name) return stream;
  }
  throw Error(ExitCode::config, fmt::format("the data set has no stream \"{}\"", name),
              "it has: " + names_of(streams));
}

}  // namespace lockstep
