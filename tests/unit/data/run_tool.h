// Runs importers and generators as a command line does, with options given as texts.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "data/data_tool.h"

namespace lockstep::testing {

using ToolOptions = std::map<std::string, std::string>;

/// Sets options (lists: "a,b") by field name and runs the tool; returns it for its rejections.
std::unique_ptr<DataTool> run_tool(const DataToolEntry& entry,
                                   const std::vector<std::filesystem::path>& sources,
                                   const std::filesystem::path& out, const ToolOptions& options);

/// Sequence `id` of a stream of symbols, by their labels joined with spaces.
std::string labels_of(const std::filesystem::path& folder, const std::string& split,
                      const std::string& stream, int64_t id);

/// SHA-256 of every shard of a data set, joined.
std::string shard_hashes(const std::filesystem::path& folder);

}  // namespace lockstep::testing
