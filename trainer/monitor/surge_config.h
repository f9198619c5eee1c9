// How surges of negative texts are found: the settings of `lockstep monitor`.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "data/base/fields.h"

namespace lockstep {

/// Lengths are counted in buckets of time.
struct SurgeConfig {
  double bucket_minutes = 60;
  std::vector<int64_t> window = {3, 6};
  int64_t season = 24;
  int64_t history = 20;
  int64_t warm_up = 5;
  double threshold = 5;
  double release = 0.5;
  double growth = 2;
  int64_t cool_down = 24;
  double least = 3;
  int64_t most_alerts = 10;
  double lateness_minutes = 60;
  int64_t silence = 12;
  double leap_days = 7;

  int64_t bucket_milliseconds() const { return static_cast<int64_t>(bucket_minutes * 60e3); }
  int64_t cool_down_milliseconds() const { return cool_down * bucket_milliseconds(); }
  int64_t lateness_milliseconds() const { return static_cast<int64_t>(lateness_minutes * 60e3); }
  int64_t leap_milliseconds() const { return static_cast<int64_t>(leap_days * 86400e3); }
  int64_t longest_window() const {
    return window.empty() ? 0 : *std::max_element(window.begin(), window.end());
  }
  /// How many buckets a look back takes.
  int64_t reach() const { return longest_window() + history * season; }

  void describe(Fields& fields) {
    fields.add("bucket_minutes", bucket_minutes, "time is counted in steps of this")
        .unit("minutes")
        .at_least(1.0 / 60)
        .at_most(1e6);
    fields
        .add("window", window,
             "buckets of the sliding window that is judged; of several the one with the highest "
             "score counts")
        .at_least(1)
        .at_most(10000);
    fields
        .add("season", season,
             "a window is compared with those this many buckets before it, twice as many, ...: a "
             "day or a week where volume follows the clock")
        .at_least(1)
        .at_most(10000);
    fields.add("history", history, "past windows to compare with").at_least(3).at_most(1000);
    fields.add("warm_up", warm_up, "no alert before there are so many of them")
        .at_least(3)
        .at_most(1000);
    fields
        .add("threshold", threshold,
             "score that raises an alert: how many robust standard deviations above the median")
        .more_than(0);
    fields
        .add("release", release,
             "an alert is over when the score is below this share of the threshold")
        .at_least(0)
        .at_most(1);
    fields
        .add("growth", growth,
             "a surge is told again when its score is so many times that of its alert, and the "
             "longest window has passed; 0: never")
        .at_least(0);
    fields.add("cool_down", cool_down, "buckets after an alert before the topic's next one")
        .at_least(0)
        .at_most(100000);
    fields.add("least", least, "a window with less evidence, in negative texts, raises no alert")
        .at_least(0);
    fields
        .add("most_alerts", most_alerts,
             "of all topics together within `cool_down` buckets; more are held back and counted")
        .at_least(1);
    fields
        .add("lateness_minutes", lateness_minutes,
             "how much older than the newest text a text may be and still count: a bucket is "
             "judged so long after its end")
        .unit("minutes")
        .at_least(0)
        .at_most(1e6);
    fields
        .add("silence", silence,
             "after so many buckets without any text, whole seasons of them are no time")
        .at_least(1);
    fields
        .add("leap_days", leap_days,
             "a text so far ahead of the newest one counts only when the two after it are as well")
        .unit("days")
        .more_than(0)
        .at_most(1e5);
  }
};

}  // namespace lockstep
