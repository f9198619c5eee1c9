// One value, from the notation of a run file or a command line into a field.
#pragma once

#include <string>
#include <string_view>

#include "data/base/fields.h"
#include "launcher/config_document.h"

namespace lockstep {

/// Sets the field from a node and checks type and range. Returns what is wrong, empty when nothing
/// is; the field keeps its value then.
std::string assign_node(const Field& field, const ConfigNode& node);

/// The same from a word of the command line: text is taken as it stands, everything else as it
/// would be written in a run file.
std::string assign_word(const Field& field, std::string_view word);

/// What a node is, in words: `integer 5`, `text "five"`, `a list`, `a section`.
std::string describe_node(const ConfigNode& node);

}  // namespace lockstep
