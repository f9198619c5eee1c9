#include "data/import/record_passes.h"

#include <algorithm>

namespace lockstep {

std::string RecordPlace::text() const {
  return line == 0 ? file.string() : fmt::format("{}:{}", file.string(), line);
}

void RecordPlan::add(const RecordPlace& place, int64_t key) {
  splits_.push_back(place.split ? static_cast<uint8_t>(*place.split) : kUndecided);
  if (!place.split) keys_.push_back(key);
}

void RecordPlan::add_rejected(const RecordPlace& place, const std::string& why) {
  splits_.push_back(kRejected);
  rejections_.add(place.text(), why);
}

void RecordPlan::divide(const SplitRule& rule) {
  rejections_.check(static_cast<int64_t>(splits_.size()));
  const std::vector<uint8_t> planned = plan_split(rule, keys_.size(), keys_);
  auto next = planned.begin();
  for (uint8_t& split : splits_) {
    if (split == kUndecided) split = *next++;
  }
  keys_ = {};
}

std::optional<size_t> RecordPlan::split_of(size_t record) const {
  if (record >= splits_.size() || splits_[record] == kRejected) return std::nullopt;
  return splits_[record];
}

void RecordPlan::reject(size_t record, const RecordPlace& place, const std::string& why) {
  splits_[record] = kRejected;
  rejections_.add(place.text(), why);
}

void RecordPlan::check(size_t records) const {
  if (records != splits_.size()) {
    throw Error(ExitCode::corrupt,
                fmt::format("the source held {} records and now holds {}", splits_.size(), records),
                "let nothing write to the files while they are imported");
  }
  rejections_.check(static_cast<int64_t>(records));
}

}  // namespace lockstep
