// Progress of data tools on a terminal or in a log.
#pragma once

#include <chrono>
#include <cstdint>
#include <iosfwd>
#include <string>

namespace lockstep {

/// "reading images: 12,000 of 60,000 images (20 %), 4,000 images/s, 0:12 left"
std::string progress_text(const std::string& what, int64_t done, int64_t total,
                          const std::string& unit, double seconds);

/// Shows what Progress (data/base/progress.h) reports: on a terminal one line that is rewritten a
/// few times a second, elsewhere a line every few seconds and one at the end of each piece of work.
class ProgressBar {
 public:
  ProgressBar(std::ostream& out, bool terminal) : out_(out), terminal_(terminal) {}
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  void update(const std::string& what, int64_t done, int64_t total, const std::string& unit);

 private:
  using Clock = std::chrono::steady_clock;
  void show(const std::string& text, bool last);

  std::ostream& out_;
  bool terminal_;
  std::string what_;
  Clock::time_point begun_;
  Clock::time_point shown_;
  size_t width_ = 0;  ///< of the line on the terminal that is not ended yet
};

}  // namespace lockstep
