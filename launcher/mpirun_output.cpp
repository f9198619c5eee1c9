#include "launcher/mpirun_output.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <regex>
#include <utility>

namespace lockstep {
namespace {

const std::string kFrame(74, '-');
constexpr size_t kMaxFrameBytes = 8192;
constexpr size_t kMaxNoticeBytes = 32768;
constexpr std::string_view kForwarding = "mpirun: Forwarding signal ";
constexpr std::array<std::string_view, 3> kRemarks = {"ORTE_ERROR_LOG", "help message help-",
                                                      "orte_base_help_aggregate"};

bool starts_with(std::string_view text, std::string_view start) {
  return text.substr(0, start.size()) == start;
}

/// "[host:process] ..." is how Open MPI begins a line; of ranks such lines matter, of mpirun not.
bool is_remark(std::string_view line) {
  if (starts_with(line, kForwarding)) return true;
  return starts_with(line, "[") && std::any_of(kRemarks.begin(), kRemarks.end(), [&](auto remark) {
           return line.find(remark) != std::string_view::npos;
         });
}

}  // namespace

bool MpirunOutput::may_be_mpiruns(std::string_view start) const {
  return in_frame_ || starts_with(kFrame, start) || starts_with(start, kForwarding) ||
         starts_with(kForwarding, start) || start[0] == '[';
}

void MpirunOutput::feed(std::string_view bytes) {
  while (!bytes.empty()) {
    const size_t line_end = bytes.find('\n');
    const bool ends = line_end != std::string_view::npos;
    const std::string_view part = bytes.substr(0, ends ? line_end + 1 : bytes.size());
    bytes.remove_prefix(part.size());
    if (!passing_) {
      line_ += part;
      const std::string_view content =
          ends ? std::string_view(line_).substr(0, line_.size() - 1) : line_;
      passing_ = !may_be_mpiruns(content) || line_.size() > kMaxFrameBytes;
      if (passing_) pass_on_(std::exchange(line_, {}));
    } else {
      pass_on_(part);
    }
    if (ends) end_line();
  }
}

void MpirunOutput::end_line() {
  if (std::exchange(passing_, false)) return;
  const std::string line = std::exchange(line_, {});
  const bool is_frame = line.size() == kFrame.size() + 1 && starts_with(line, kFrame);
  if (in_frame_) {
    frame_ += line;
    if (is_frame) {
      in_frame_ = false;
      frame_.resize(frame_.size() - line.size());
      if (notices_.size() < kMaxNoticeBytes) notices_ += frame_;
      frame_.clear();
    } else if (frame_.size() > kMaxFrameBytes) {
      finish();
    }
  } else if (is_frame) {
    in_frame_ = true;
  } else if (!is_remark(line)) {
    pass_on_(line);
  }
}

void MpirunOutput::finish() {
  if (in_frame_) pass_on_(kFrame + "\n" + frame_);
  if (!line_.empty()) pass_on_(line_);
  in_frame_ = false;
  frame_.clear();
  line_.clear();
}

std::string who_was_lost(const std::string& notices) {
  static const std::regex kSignal(
      R"(process rank (\d+) with PID \d+ on node (\S+) exited on (signal \d+ \([^)]*\)))");
  static const std::regex kExit(R"(Process name: \[\[\d+,\d+\],(\d+)\]\s+Exit code:\s+(\d+))");
  std::smatch found;
  if (std::regex_search(notices, found, kSignal)) {
    return fmt::format("rank {} on {} ended with {}", found.str(1), found.str(2), found.str(3));
  }
  if (std::regex_search(notices, found, kExit)) {
    return fmt::format("rank {} ended with exit code {}", found.str(1), found.str(2));
  }
  std::string text = std::regex_replace(notices, std::regex(R"(\s+)"), " ");
  if (!text.empty() && text.back() == ' ') text.pop_back();
  return text.empty() ? "mpirun did not say why" : "mpirun says: " + text;
}

}  // namespace lockstep
