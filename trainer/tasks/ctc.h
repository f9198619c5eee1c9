// Sequences of symbols without a place for each: connectionist temporal classification.
#pragma once

#include "trainer/tasks/task.h"

namespace lockstep {

/// LSTM layers, a linear layer over the labels and a blank, the loss of Graves et al. 2006. The
/// target is the first one of symbols; its steps need not be those of the inputs, of which there
/// must be as many as labels and one more between equal ones: other sequences give no loss.
///
/// Metrics: wer, edits over right words (cer over characters, where the target is text, whose words
/// stand between spaces), exact (whole sequences), and the counts of edits.
TaskEntry ctc_entry();

}  // namespace lockstep
