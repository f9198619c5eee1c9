// N texts: sources times beam size. V symbols.
#include "trainer/model/beam_search.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace lockstep {

using torch::Tensor;

namespace {

constexpr float kImpossible = -std::numeric_limits<float>::infinity();

/// One source's texts that go on, and those that have ended.
struct SourceBeam {
  size_t source = 0;
  std::vector<Hypothesis> live, ended;
};

/// A text that goes on by a symbol; `text` is its place in the beam.
struct Candidate {
  int64_t text = 0;
  int64_t symbol = 0;
  float log_probability = kImpossible;
};

class BeamSearch {
 public:
  BeamSearch(BeamModel& model, const BeamOptions& options, const std::vector<int64_t>& limits)
      : model_(model), options_(options), limits_(limits), results_(limits.size()) {
    for (size_t source = 0; source < limits.size(); ++source) {
      SourceBeam beam{source, std::vector<Hypothesis>(width()), {}};
      // All begin alike: only one may go on, or they stayed alike.
      for (size_t i = 1; i < width(); ++i) beam.live[i].log_probability = kImpossible;
      beams_.push_back(std::move(beam));
    }
  }

  std::vector<std::vector<Hypothesis>> run() {
    while (!beams_.empty()) step();
    return std::move(results_);
  }

 private:
  size_t width() const { return static_cast<size_t>(options_.beam_size); }

  void step() {
    ++length_;
    const std::vector<Candidate> best = candidates();
    const size_t each = best.size() / beams_.size();
    std::vector<int64_t> texts, sources;
    std::vector<SourceBeam> going_on;
    for (size_t b = 0; b < beams_.size(); ++b) {
      const std::vector<int64_t> parents = extend(beams_[b], &best[b * each], each);
      if (finish_if_done(beams_[b])) continue;
      for (const int64_t parent : parents) {
        texts.push_back(static_cast<int64_t>(b) * options_.beam_size + parent);
      }
      sources.push_back(static_cast<int64_t>(b));
      going_on.push_back(std::move(beams_[b]));
    }
    beams_ = std::move(going_on);
    if (!beams_.empty()) model_.select(torch::tensor(texts), torch::tensor(sources));
  }

  /// The best continuations of each beam: twice its width, of which at least half do not end.
  std::vector<Candidate> candidates() {
    std::vector<int64_t> last;
    std::vector<float> so_far;
    for (const SourceBeam& beam : beams_) {
      for (const Hypothesis& text : beam.live) {
        last.push_back(text.symbols.empty() ? options_.end_symbol : text.symbols.back());
        so_far.push_back(static_cast<float>(text.log_probability));
      }
    }
    const Tensor next_NV = model_.next(torch::tensor(last));
    const int64_t vocabulary = next_NV.size(1);
    const Tensor sums =
        (next_NV + torch::tensor(so_far).to(next_NV.device()).unsqueeze(1))
            .view({static_cast<int64_t>(beams_.size()), options_.beam_size * vocabulary});
    const auto [values, places] = sums.topk(std::min(2 * options_.beam_size, sums.size(1)), 1);
    const Tensor host_values = values.cpu().contiguous(), host_places = places.cpu().contiguous();
    std::vector<Candidate> best;
    for (int64_t i = 0; i < host_values.numel(); ++i) {
      const int64_t place = host_places.const_data_ptr<int64_t>()[i];
      best.push_back(
          {place / vocabulary, place % vocabulary, host_values.const_data_ptr<float>()[i]});
    }
    return best;
  }

  /// Gives back which text each of those that go on comes from.
  std::vector<int64_t> extend(SourceBeam& beam, const Candidate* best, size_t count) const {
    std::vector<Hypothesis> live;
    std::vector<int64_t> parents;
    for (size_t i = 0; i < count && live.size() < width(); ++i) {
      const Candidate& candidate = best[i];
      Hypothesis text = beam.live[static_cast<size_t>(candidate.text)];
      text.log_probability = candidate.log_probability;
      if (candidate.symbol != options_.end_symbol) {
        text.symbols.push_back(candidate.symbol);
        live.push_back(std::move(text));
        parents.push_back(candidate.text);
      } else if (i < width() && candidate.log_probability > kImpossible) {
        add_ended(beam, std::move(text));
      }
    }
    // Only with fewer symbols than texts: some that never come to anything.
    while (live.size() < width()) {
      live.push_back({{options_.end_symbol}, kImpossible, kImpossible});
      parents.push_back(0);
    }
    beam.live = std::move(live);
    return parents;
  }

  void add_ended(SourceBeam& beam, Hypothesis text) const {
    const double penalty =
        std::pow((5 + static_cast<double>(length_)) / 6, options_.length_penalty);
    text.score = text.log_probability / penalty;
    beam.ended.push_back(std::move(text));
  }

  bool finish_if_done(SourceBeam& beam) {
    const bool at_limit = length_ >= limits_[beam.source];
    if (beam.ended.size() < width() && !at_limit) return false;
    for (size_t i = 0; at_limit && i < width() && beam.ended.size() < width(); ++i) {
      if (beam.live[i].log_probability > kImpossible) add_ended(beam, beam.live[i]);
    }
    std::stable_sort(beam.ended.begin(), beam.ended.end(),
                     [](const Hypothesis& a, const Hypothesis& b) { return a.score > b.score; });
    if (beam.ended.size() > width()) beam.ended.resize(width());
    results_[beam.source] = std::move(beam.ended);
    return true;
  }

  BeamModel& model_;
  const BeamOptions& options_;
  const std::vector<int64_t>& limits_;
  std::vector<SourceBeam> beams_;  ///< of the sources that are not done
  std::vector<std::vector<Hypothesis>> results_;
  int64_t length_ = 0;  ///< symbols of each text that goes on, with what may be its end
};

}  // namespace

std::vector<std::vector<Hypothesis>> beam_search(BeamModel& model, const BeamOptions& options,
                                                 const std::vector<int64_t>& limits) {
  return BeamSearch(model, options, limits).run();
}

}  // namespace lockstep
