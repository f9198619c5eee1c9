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

/// Captioning whose source is a map and whose text is a path through it, as `lockstep data generate
/// grid-paths` makes them. Where paths were written: the shares that lead to the goal
/// (`valid_paths`) and do so in as few moves as the reference (`shortest_paths`), beside floors:
/// the probability that a random walk comes to the goal in as many moves as the search may make
/// (`random_walk_valid`), that it takes a shortest path (`random_walk_shortest`), and the share of
/// maps where nothing stands in the straight way, down or up and then sideways (`straight_valid`).
TaskEntry path_planning_entry();

}  // namespace lockstep
