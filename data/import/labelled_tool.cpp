#include "data/import/labelled_tool.h"

#include "data/staged_folder.h"

namespace lockstep {

void LabelledTool::run(const std::vector<std::filesystem::path>& paths,
                       const std::filesystem::path& out, const Progress& progress) {
  const std::vector<SplitSource> sources = find_sources(paths, files_);
  const SplitRule rule = split_.rule();
  form_.check(sources.size(), rule.by);
  RecordPasses<LabelledRecord> passes([&](const auto& visit) { form_.read_all(sources, visit); },
                                      rejections_, progress);
  Manifest manifest;
  manifest.source = name_sources(sources);
  learn(passes, rule, manifest);
  StagedFolder folder(out);
  SplitWriters writers(folder.path(), wanted_splits(sources, rule.shares), manifest.streams,
                       limits_);
  write(passes, manifest, writers);
  manifest.splits = writers.finish();
  write_manifest(folder.path(), manifest);
  folder.commit();
}

}  // namespace lockstep
