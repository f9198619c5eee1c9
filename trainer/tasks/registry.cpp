// The tasks there are: one line each.
#include "data/base/error.h"
#include "trainer/tasks/ctc.h"
#include "trainer/tasks/forecasting.h"
#include "trainer/tasks/frame_prediction.h"
#include "trainer/tasks/language_model.h"
#include "trainer/tasks/like_prediction.h"
#include "trainer/tasks/multi_label_classification.h"
#include "trainer/tasks/next_item.h"
#include "trainer/tasks/sequence_classification.h"
#include "trainer/tasks/sequence_labelling.h"
#include "trainer/tasks/sequence_regression.h"
#include "trainer/tasks/task_names.h"
#include "trainer/tasks/translation.h"

namespace lockstep {
namespace {

const std::vector<TaskEntry>& entries() {
  static const std::vector<TaskEntry> all = {
      sequence_classification_entry(),
      multi_label_classification_entry(),
      sequence_labelling_entry(),
      sequence_regression_entry(),
      ctc_entry(),
      language_model_entry(),
      translation_entry(),
      captioning_entry(),
      path_planning_entry(),
      frame_prediction_entry(),
      next_item_entry(),
      like_prediction_entry(),
      forecasting_entry(),
  };
  return all;
}

}  // namespace

const TaskEntry& find_task(const std::string& name) {
  for (const TaskEntry& entry : entries()) {
    if (entry.name == name) return entry;
  }
  throw Error(ExitCode::config, fmt::format("task: \"{}\" is not known to this version", name),
              "`lockstep config reference` lists the tasks");
}

std::vector<std::string> task_names() {
  std::vector<std::string> names;
  for (const TaskEntry& entry : entries()) names.push_back(entry.name);
  return names;
}

}  // namespace lockstep
