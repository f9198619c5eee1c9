// What `lockstep bench` can time, one file each.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <string>

#include "launcher/verbs/verbs.h"

namespace lockstep {

void add_bench_step(CLI::App& bench, CommandLine& line, std::ostream& out);
void add_bench_lstm(CLI::App& bench, CommandLine& line, std::ostream& out);
void add_bench_comm(CLI::App& bench, CommandLine& line, std::ostream& out);
void add_bench_data(CLI::App& bench, CommandLine& line, std::ostream& out);

/// An option for a number of something, `least` or more.
void add_count(CLI::App& verb, const std::string& flag, int64_t& value, int64_t least,
               const std::string& help);

}  // namespace lockstep
