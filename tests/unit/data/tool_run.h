// Runs importers and generators as a command line does, and reads what they made.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "data/data_tool.h"
#include "data/dataset.h"

namespace lockstep::testing {

/// Options by their names in describe(); lists are "a,b,c", booleans "true" or "false".
using ToolOptions = std::map<std::string, std::string>;

/// Gives what the tool says of rejected records. Throws what run() throws, and std::runtime_error
/// for an option that the tool lacks.
std::string run_tool(const DataToolEntry& entry, const std::vector<std::filesystem::path>& sources,
                     const std::filesystem::path& out, const ToolOptions& options);

/// The same, and what the tool notes of what came out, a line each.
std::string notes_of(const DataToolEntry& entry, const std::vector<std::filesystem::path>& sources,
                     const std::filesystem::path& out, const ToolOptions& options);

/// A symbol stream of a sequence, as labels.
std::vector<std::string> labels_of(const Split& split, int64_t id, const std::string& stream);
/// A stream of numbers of a sequence.
std::vector<float> floats_of(const Split& split, int64_t id, const std::string& stream);

/// The same of a data set's split, joined with spaces.
std::string text_of(const std::filesystem::path& folder, const std::string& split, int64_t id,
                    const std::string& stream);
/// SHA-256 of every shard of a data set, joined.
std::string shard_hashes(const std::filesystem::path& folder);

/// A folder of real data below LOCKSTEP_DATA; empty when there is none.
std::filesystem::path real_data(const std::string& name);

}  // namespace lockstep::testing
