// Numbers as people read them on a terminal and in a report.
#pragma once

#include <cstdint>
#include <string>

namespace lockstep {

/// "60,000"
std::string count_text(int64_t count);

/// Four significant places or more: "0.3124", "114.62", "4.100e-05", "nan".
std::string number_text(double value);

/// As number_text, but shares of right answers (names that end in "accuracy") in percent.
std::string metric_text(const std::string& name, double value);

/// "98.51 %"
std::string percent_text(double fraction);

/// "0.8 s", "1 min 23 s", "2 h 05 min"
std::string duration_text(double seconds);

/// "12.3 MiB"
std::string bytes_text(int64_t bytes);

/// "10,234 samples/s" without the unit; "9.81" when slow.
std::string rate_text(double per_second);

}  // namespace lockstep
