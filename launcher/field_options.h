// Options of a command line made from the description of a struct.
#pragma once

#include "data/base/fields.h"

namespace CLI {
class App;
}

namespace lockstep {

/// "learning_rate" -> "--learning-rate"
std::string flag_name(const std::string& path);

/// Adds `--kebab-case VALUE` for each field (booleans: `--name` and `--no-name`), with its help,
/// default and legal values; values are checked as in a run file. The structs that `fields` points
/// to must outlive the parse.
void add_field_options(CLI::App& verb, const Fields& fields);

}  // namespace lockstep
