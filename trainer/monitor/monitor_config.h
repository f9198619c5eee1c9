// The settings of `lockstep monitor` besides the models.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/base/fields.h"
#include "trainer/monitor/surge_config.h"

namespace lockstep {

struct MonitorConfig {
  std::string text_field = "text";
  std::string time_field = "time";
  std::string id_field = "id";
  std::string topic_head = "topic";
  std::string sentiment_head = "sentiment";
  std::vector<std::string> negative = {"negative"};
  int64_t longest = 200;
  bool trends = false;
  SurgeConfig surge;

  void describe(Fields& fields) {
    fields.add("text_field", text_field, "where a line has its text: a dotted path");
    fields.add("time_field", time_field,
               "where it has its time: a date such as 2024-05-01T12:30:00Z or seconds (from 1e11 "
               "on milliseconds) since 1970");
    fields.add("id_field", id_field, "where it may have something to be known by again");
    fields.add("topic_head", topic_head, "which answer is the topic, of a run with several");
    fields.add("sentiment_head", sentiment_head, "which answer is the sentiment, likewise");
    fields.add("negative", negative, "the sentiments that count as negative");
    fields.add("longest", longest, "of longer texts the beginning is read")
        .unit("symbols")
        .at_least(1);
    fields.add("trends", trends, "also write each topic's counts whenever a bucket ends");
    surge.describe(fields);
  }
};

}  // namespace lockstep
