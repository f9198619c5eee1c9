// Networks of one kind side by side, whose answers are averaged (Hansen & Salamon 1990).
#pragma once

#include "trainer/model/libtorch.h"

#include <fmt/format.h>
#include <string>
#include <vector>

namespace lockstep {

/// Each network has its own initial weights and its own dropout, and learns from its own loss. One
/// network is the model itself, several are the model's members member_0, member_1, ...
/// `Network` is a torch::nn::ModuleHolder.
template <class Network>
class Ensemble {
 public:
  /// `make(number)` builds each of them; `count` is at least one.
  template <class Make>
  Ensemble(int64_t count, const Make& make) {
    for (int number = 0; number < static_cast<int>(count); ++number) {
      members_.push_back(make(number));
      if (count > 1) holder_.register_module(fmt::format("member_{}", number), members_.back());
    }
  }

  torch::nn::Module& module() { return members_.size() == 1 ? *members_.front() : holder_; }
  std::vector<Network>& members() { return members_; }
  /// The first network, asked for what all have in common.
  auto* operator->() { return members_.front().get(); }
  const auto* operator->() const { return members_.front().get(); }

  /// What stands before the names of each network's parameters.
  std::vector<std::string> prefixes() const {
    if (members_.size() == 1) return {""};
    std::vector<std::string> prefixes;
    for (size_t i = 0; i < members_.size(); ++i) prefixes.push_back(fmt::format("member_{}.", i));
    return prefixes;
  }
  /// "lstm 28 -> 128" or "3 networks of lstm 28 -> 128".
  std::string summary() const {
    const std::string one = members_.front()->summary();
    return members_.size() == 1 ? one : fmt::format("{} networks of {}", members_.size(), one);
  }

 private:
  std::vector<Network> members_;
  torch::nn::Module holder_{"ensemble"};
};

/// What `function` makes of each network's answer.
template <class Function>
std::vector<torch::Tensor> each_of(const std::vector<torch::Tensor>& answers,
                                   const Function& function) {
  std::vector<torch::Tensor> results;
  results.reserve(answers.size());
  for (const torch::Tensor& own : answers) results.push_back(function(own));
  return results;
}
/// The mean of what several networks say; an only network's as it is.
torch::Tensor mean_of(const std::vector<torch::Tensor>& answers);
/// Logarithms of the mean of several networks' probabilities, [..., C] as their logits are; an only
/// network's logits as they are.
torch::Tensor mean_logits(const std::vector<torch::Tensor>& logits);

}  // namespace lockstep
