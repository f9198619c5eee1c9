#include "data/import/date_time.h"

#include <charconv>
#include <chrono>
#include <cmath>
#include <limits>
#include <numbers>
#include <string_view>

#include "data/base/error.h"

namespace lockstep {
namespace {

namespace chrono = std::chrono;

constexpr double kMillisecondsADay = 86400e3;
/// Seconds of times beyond this are no times (the year 33658).
constexpr double kLatest = 1e12;
constexpr int kNoZone = std::numeric_limits<int>::max();

/// Takes what it reads off the front of a text.
class TimeText {
 public:
  explicit TimeText(std::string_view text) : rest_(text) {}

  bool ended() const { return rest_.empty(); }
  bool take(char c) {
    if (rest_.empty() || rest_[0] != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  /// One digit or two; -1 when there is none.
  int take_short_number() {
    const bool two = rest_.size() > 1 && rest_[1] >= '0' && rest_[1] <= '9';
    return take_digits(two ? 2 : 1);
  }
  /// Exactly `digits` digits; -1 when they are not there.
  int take_digits(size_t digits) {
    if (rest_.size() < digits) return -1;
    int number = 0;
    for (size_t i = 0; i < digits; ++i) {
      if (rest_[i] < '0' || rest_[i] > '9') return -1;
      number = number * 10 + (rest_[i] - '0');
    }
    rest_.remove_prefix(digits);
    return number;
  }
  /// Milliseconds of the digits of a fraction, which may be many; -1 when there is none.
  int take_fraction() {
    int milliseconds = 0;
    int weight = 100;
    size_t digits = 0;
    for (; digits < rest_.size() && rest_[digits] >= '0' && rest_[digits] <= '9'; ++digits) {
      milliseconds += weight * (rest_[digits] - '0');
      weight /= 10;
    }
    rest_.remove_prefix(digits);
    return digits == 0 ? -1 : milliseconds;
  }
  /// Minutes of "+02:00" or "-0530"; 0 of "Z" and of nothing; kNoZone of a sign without them.
  int take_zone() {
    const bool west = take('-');
    if (!west && !take('+')) return take('Z'), 0;
    const int hours = take_digits(2);
    take(':');
    const int minutes = take_digits(2);
    if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59) return kNoZone;
    return (west ? -1 : 1) * (hours * 60 + minutes);
  }

 private:
  std::string_view rest_;
};

std::optional<int64_t> read_number(const std::string& text) {
  double seconds = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (problem != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  if (!(std::abs(seconds) < kLatest)) return std::nullopt;
  return std::llround(seconds * 1000);
}

/// Milliseconds since midnight of the day at Greenwich; nothing for no time of day.
std::optional<int64_t> read_time_of_day(TimeText& text, bool padded) {
  const int hour = padded ? text.take_digits(2) : text.take_short_number();
  if (!text.take(':')) return std::nullopt;
  const int minute = text.take_digits(2);
  int second = 0;
  int fraction = 0;
  if (text.take(':')) {
    second = text.take_digits(2);
    if (text.take('.')) fraction = text.take_fraction();
  }
  const int zone = text.take_zone();
  const bool legal = hour >= 0 && hour < 24 && minute >= 0 && minute < 60 && second >= 0 &&
                     second < 61 && fraction >= 0 && zone != kNoZone;
  if (!legal) return std::nullopt;
  return ((int64_t{hour} * 60 + minute - zone) * 60 + second) * 1000 + fraction;
}

}  // namespace

std::optional<int64_t> read_time(const std::string& text) {
  TimeText rest(text);
  const int year = rest.take_digits(4);
  const bool slashes = year >= 0 && rest.take('/');
  if (year < 0 || (!slashes && !rest.take('-'))) return read_number(text);
  const int month = slashes ? rest.take_short_number() : rest.take_digits(2);
  if (month < 0 || !rest.take(slashes ? '/' : '-')) return std::nullopt;
  const int day = slashes ? rest.take_short_number() : rest.take_digits(2);
  if (day < 0) return std::nullopt;
  const chrono::year_month_day date{chrono::year(year), chrono::month(static_cast<unsigned>(month)),
                                    chrono::day(static_cast<unsigned>(day))};
  if (!date.ok()) return std::nullopt;
  std::optional<int64_t> milliseconds = 0;
  if (rest.take(' ') || rest.take('T')) milliseconds = read_time_of_day(rest, !slashes);
  if (!milliseconds || !rest.ended()) return std::nullopt;
  const chrono::sys_days days(date);
  return chrono::duration_cast<chrono::milliseconds>(days.time_since_epoch()).count() +
         *milliseconds;
}

std::string date_text(int64_t milliseconds) {
  const chrono::sys_time<chrono::milliseconds> time{chrono::milliseconds(milliseconds)};
  const auto day = chrono::floor<chrono::days>(time);
  const chrono::year_month_day date{day};
  const chrono::hh_mm_ss clock{chrono::floor<chrono::seconds>(time) - day};
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     clock.hours().count(), clock.minutes().count(), clock.seconds().count());
}

const std::vector<std::string>& calendar_features() {
  static const std::vector<std::string> names{"hour", "weekday", "day", "month", "yearday"};
  return names;
}

std::array<float, 2> calendar_values(const std::string& feature, int64_t milliseconds) {
  const chrono::sys_time<chrono::milliseconds> time{chrono::milliseconds(milliseconds)};
  const auto midnight = chrono::floor<chrono::days>(time);
  const chrono::year_month_day date(midnight);
  double passed = 0;
  if (feature == "hour") {
    passed = static_cast<double>((time - midnight).count()) / kMillisecondsADay;
  } else if (feature == "weekday") {
    passed = (chrono::weekday(midnight).iso_encoding() - 1) / 7.0;
  } else if (feature == "day") {
    passed = (static_cast<unsigned>(date.day()) - 1) / 31.0;
  } else if (feature == "month") {
    passed = (static_cast<unsigned>(date.month()) - 1) / 12.0;
  } else {
    LOCKSTEP_CHECK(feature == "yearday", "no calendar feature \"{}\"", feature);
    const chrono::sys_days first{
        chrono::year_month_day{date.year(), chrono::month(1), chrono::day(1)}};
    passed = static_cast<double>((midnight - first).count()) / 366.0;
  }
  const double turn = 2 * std::numbers::pi * passed;
  return {static_cast<float>(std::sin(turn)), static_cast<float>(std::cos(turn))};
}

}  // namespace lockstep
