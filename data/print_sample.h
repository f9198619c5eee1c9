// One sequence for people to look at.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <string>
#include <string_view>

#include "data/dataset.h"
#include "data/manifest.h"

namespace lockstep {

/// Prints each stream of sequence `id`: symbols by their labels, as the text they stand for where
/// the manifest says how text was cut; small byte arrays as a picture; other numbers as their
/// first and last steps. What the data set's author wrote cannot control the terminal.
void print_sample(const Manifest& manifest, const Split& split, int64_t id, std::ostream& out);

/// The text with control characters spelled out ("\n", "\x1b").
std::string printable(std::string_view text);

}  // namespace lockstep
