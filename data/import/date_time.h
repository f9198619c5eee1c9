// Dates and times of tables.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace lockstep {

/// Milliseconds since 1970-01-01 00:00 (of whatever zone the table is in). Reads "2016-07-01",
/// "2016-07-01 05:30", "2016-07-01T05:30:07.25" (a final "Z" or "+02:00" is taken off), "2016/7/1",
/// "2016/07/01 5:30", and numbers as seconds since 1970. Nothing when it is none of them, or no day
/// of the calendar.
std::optional<int64_t> read_time(const std::string& text);

/// "2016-07-01 05:30:00", which read_time() reads back to the second.
std::string date_text(int64_t milliseconds);

/// "hour" (of 24, with minutes), "weekday" (of 7 from Monday), "day" (of a month, of 31), "month"
/// (of 12) and "yearday" (of 366).
const std::vector<std::string>& calendar_features();

/// Sine and cosine of 2 pi times the part of the feature's period that has passed.
std::array<float, 2> calendar_values(const std::string& feature, int64_t milliseconds);

}  // namespace lockstep
