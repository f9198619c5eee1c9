// Lower case, where only ASCII letters matter.
#pragma once

#include <string>

namespace lockstep {

/// Bytes that are no ASCII letters, such as those of other alphabets in UTF-8, stay as they are.
inline std::string in_lower_case(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

}  // namespace lockstep
