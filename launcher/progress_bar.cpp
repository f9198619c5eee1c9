#include "launcher/progress_bar.h"

#include <fmt/format.h>

#include <ostream>

namespace lockstep {
namespace {

constexpr std::chrono::milliseconds kTerminalInterval{100};
constexpr std::chrono::seconds kLogInterval{5};

std::string with_commas(int64_t number) {
  std::string digits = std::to_string(number);
  for (int at = static_cast<int>(digits.size()) - 3; at > 0; at -= 3) {
    digits.insert(static_cast<size_t>(at), 1, ',');
  }
  return digits;
}

std::string minutes_text(double seconds) {
  const auto whole = static_cast<int64_t>(seconds + 0.5);
  return whole < 3600 ? fmt::format("{}:{:02}", whole / 60, whole % 60)
                      : fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
}

}  // namespace

std::string progress_text(const std::string& what, int64_t done, int64_t total,
                          const std::string& unit, double seconds) {
  std::string text = fmt::format("{}: {}", what, with_commas(done));
  if (total > 0) {
    text += fmt::format(" of {} {} ({} %)", with_commas(total), unit, done * 100 / total);
  } else {
    text += " " + unit;
  }
  if (done <= 0 || seconds <= 0) return text;
  const double rate = static_cast<double>(done) / seconds;
  text += fmt::format(", {} {}/s", with_commas(static_cast<int64_t>(rate + 0.5)), unit);
  if (total > done)
    text += fmt::format(", {} left", minutes_text(static_cast<double>(total - done) / rate));
  return text;
}

void ProgressBar::update(const std::string& what, int64_t done, int64_t total,
                         const std::string& unit) {
  const Clock::time_point now = Clock::now();
  if (what != what_) {
    if (width_ > 0) out_ << '\n';
    width_ = 0;
    what_ = what;
    begun_ = now;
    shown_ = terminal_ ? Clock::time_point{} : now;
  }
  const bool last = total > 0 && done >= total;
  const bool due = terminal_ ? now - shown_ >= kTerminalInterval : now - shown_ >= kLogInterval;
  if (!due && !last) return;
  shown_ = now;
  show(progress_text(what, done, total, unit, std::chrono::duration<double>(now - begun_).count()),
       last);
}

void ProgressBar::show(const std::string& text, bool last) {
  if (terminal_) {
    out_ << fmt::format("\r{:<{}}", text, width_);
    width_ = last ? 0 : text.size();
    if (last) out_ << '\n';
  } else {
    out_ << text << '\n';
  }
  out_.flush();
}

ProgressBar::~ProgressBar() {
  if (width_ > 0) out_ << std::endl;
}

}  // namespace lockstep
