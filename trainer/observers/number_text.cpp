#include "trainer/observers/number_text.h"

#include <fmt/format.h>

#include <array>
#include <cmath>

namespace lockstep {

std::string count_text(int64_t count) {
  std::string text = std::to_string(count);
  const int64_t first_digit = count < 0 ? 1 : 0;
  for (auto at = static_cast<int64_t>(text.size()) - 3; at > first_digit; at -= 3) {
    text.insert(static_cast<size_t>(at), 1, ',');
  }
  return text;
}

std::string number_text(double value) {
  const double size = std::fabs(value);
  if (!std::isfinite(value)) return fmt::format("{}", value);
  if (size != 0 && (size < 1e-3 || size >= 1e6)) return fmt::format("{:.3e}", value);
  return fmt::format("{:.{}f}", value, size < 10 ? 4 : 2);
}

std::string metric_text(const std::string& name, double value) {
  return name.ends_with("accuracy") ? percent_text(value) : number_text(value);
}

std::string percent_text(double fraction) {
  return std::isfinite(fraction) ? fmt::format("{:.2f} %", 100 * fraction) : number_text(fraction);
}

std::string duration_text(double seconds) {
  if (!std::isfinite(seconds)) return "?";
  if (seconds < 59.95) return fmt::format("{:.1f} s", seconds);
  const auto whole = static_cast<int64_t>(std::lround(seconds));
  if (whole < 3600) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
  return fmt::format("{} h {:02} min", whole / 3600, whole % 3600 / 60);
}

std::string bytes_text(int64_t bytes) {
  constexpr std::array kUnits = {"bytes", "KiB", "MiB", "GiB", "TiB"};
  auto size = static_cast<double>(bytes);
  size_t unit = 0;
  while (size >= 1024 && unit + 1 < kUnits.size()) {
    size /= 1024;
    ++unit;
  }
  return unit == 0 ? fmt::format("{} bytes", bytes)
                   : fmt::format("{:.1f} {}", size, kUnits.at(unit));
}

std::string rate_text(double per_second) {
  const bool whole = std::isfinite(per_second) && per_second >= 100 && per_second < 1e15;
  return whole ? count_text(std::llround(per_second)) : fmt::format("{:.3g}", per_second);
}

}  // namespace lockstep
