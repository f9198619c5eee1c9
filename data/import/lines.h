// Imports plain text for language models: each line a sequence of tokens.
#pragma once

#include "data/data_tool.h"

namespace lockstep {

/// Each line becomes a sequence of symbols that ends with an end-of-line token, so that all lines
/// behind each other are the text again. Plain or gzip; UTF-8.
DataToolEntry lines_importer();

}  // namespace lockstep
