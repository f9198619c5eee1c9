#include "trainer/tasks/ensemble.h"

namespace lockstep {

using torch::Tensor;

Tensor mean_of(const std::vector<Tensor>& answers) {
  if (answers.size() == 1) return answers.front();
  Tensor sum = answers.front();
  for (size_t i = 1; i < answers.size(); ++i) sum = sum + answers[i];
  return sum / static_cast<double>(answers.size());
}

Tensor mean_logits(const std::vector<Tensor>& logits) {
  if (logits.size() == 1) return logits.front();
  return mean_of(each_of(logits, [](const Tensor& own) { return own.softmax(-1); })).log();
}

}  // namespace lockstep
