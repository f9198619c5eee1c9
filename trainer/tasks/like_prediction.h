// Whether a user will like (click, buy) an item, from their history and the item.
#pragma once

#include "trainer/tasks/task.h"

namespace lockstep {

/// Of data sets made by `lockstep data import likes`. An item's vector is what an LSTM reads of its
/// text (`model.item_text`) beside an embedding of its own (`model.item_ids`). A second LSTM reads
/// a user's events so far, each an item and whether it was liked; a layer scores what it ends with,
/// the candidate's vector and the numbers known before the event (`model.item_features`).
///
/// Metrics over judged events: loss (cross-entropy), accuracy, auc; and the auc of two floors, the
/// item's number of events until then (`popularity_auc`) and the sum of the shares that its users
/// liked of it and the user liked of all items until then (`means_auc`). Areas are of histograms
/// (score_histogram.h), the same at any world size.
TaskEntry like_prediction_entry();

}  // namespace lockstep
