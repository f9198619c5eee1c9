// What importers of labelled texts have in common.
#pragma once

#include <filesystem>
#include <vector>

#include "data/data_tool.h"
#include "data/import/labelled_records.h"
#include "data/import/record_passes.h"
#include "data/import/split_writers.h"
#include "data/import/text_options.h"
#include "data/manifest.h"

namespace lockstep {

/// Reads the records, divides and learns, then writes the shards aside and gives them their name.
class LabelledTool : public DataTool {
 public:
  void run(const std::vector<std::filesystem::path>& paths, const std::filesystem::path& out,
           const Progress& progress) override;
  const Rejections* rejections() const override { return &rejections_; }

 protected:
  /// Divides the records, and fills in the streams and what is known of them.
  virtual void learn(RecordPasses<LabelledRecord>& passes, const SplitRule& rule,
                     Manifest& manifest) = 0;
  virtual void write(RecordPasses<LabelledRecord>& passes, const Manifest& manifest,
                     SplitWriters& writers) const = 0;

  SplitFiles files_;
  SplitOptions split_;
  LabelledForm form_;
  TextOptions text_;
  Rejections rejections_;
  ShardLimits limits_;
};

}  // namespace lockstep
