// Writes a text for each sequence: encoder, attention, decoder.
#pragma once

#include "trainer/tasks/task.h"

namespace lockstep {

/// From sequences of symbols to sequences of symbols, such as texts and their translations.
/// Metrics: loss in nats per symbol (with label smoothing in training, without it elsewhere) and
/// perplexity; where texts were written, BLEU. It is over words between white space, the same as
/// sacrebleu's on the same texts with `--tokenize none`.
TaskEntry translation_entry();

/// The same from sequences of numbers. Where texts were written: the share of those that are right
/// (`sequence_accuracy`), and of symbols at whose place the right one was written
/// (`symbol_accuracy`); BLEU as well when the target was text.
TaskEntry captioning_entry();

}  // namespace lockstep
