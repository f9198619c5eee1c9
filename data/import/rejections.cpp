#include "data/import/rejections.h"

#include <algorithm>

#include "data/base/error.h"

namespace lockstep {

void Rejections::describe(Fields& fields) {
  fields
      .add("max_rejected", max_rejected_,
           "share of the records that may be unusable (not in the encoding, without text or label, "
           "...); they are left out and shown. The default is 1 %; with more the import fails")
      .at_least(0)
      .at_most(1);
}

void Rejections::add(const std::string& place, const std::string& why) {
  if (first_.size() < kShown) first_.push_back(fmt::format("{}: {}", place, why));
  ++count_;
}

void Rejections::check(int64_t records) {
  records_ = records;
  if (records == 0) throw Error(ExitCode::corrupt, "the source holds no record");
  const bool too_many =
      static_cast<double>(count_) > max_rejected_ * static_cast<double>(records) ||
      count_ == records;
  if (count_ == 0 || !too_many) return;
  std::string hint =
      count_ == records
          ? "no record is left; look at the options that say what a record is"
          : fmt::format("--max-rejected allows {:g} % of the records; correct them, or allow more",
                        100 * max_rejected_);
  const bool encoded = std::any_of(first_.begin(), first_.end(), [](const std::string& line) {
    return line.find("is not UTF-8") != std::string::npos;
  });
  if (encoded) hint += "; the encoding of the files may be another";
  throw Error(ExitCode::corrupt, text(), hint);
}

std::string Rejections::text() const {
  if (count_ == 0) return {};
  std::string lines =
      fmt::format("{} of {} records {} rejected:", count_, records_, count_ == 1 ? "was" : "were");
  for (const std::string& line : first_) lines += "\n  " + line;
  const int64_t more = count_ - static_cast<int64_t>(first_.size());
  if (more > 0) lines += fmt::format("\n  and {} more", more);
  return lines;
}

}  // namespace lockstep
