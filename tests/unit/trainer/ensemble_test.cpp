// Several networks side by side answer with the mean of what each says, and learn from their own
// losses.
#include "trainer/tasks/ensemble.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <nlohmann/json.hpp>

#include "trainer/tasks/task.h"

namespace lockstep {
namespace {

using nlohmann::json;
using torch::Tensor;

constexpr int64_t kSideBySide = 3, kTextSteps = 4, kTexts = 5;

struct AveragedTask {
  const char* name;
  json own;           ///< its part of the description
  Tensor targets_SB;  ///< of its stream, "kind"; of "mood" for the second head
  const char* probabilities;
};

json symbols() {
  return {{"inputs", {{"vocabulary", 9}, {"labels", json::array()}}}};
}

std::vector<AveragedTask> averaged_tasks() {
  const json head = {{"target", "kind"}, {"classes", 3}, {"labels", {"a", "b", "c"}}};
  json labels = head;
  const Tensor classes_1B = torch::tensor({{0, 2, 1, 1, 0}});
  return {{"sequence_classification", {{"heads", {head}}}, classes_1B, "probabilities"},
          {"multi_label_classification",
           {{"target", "kind"}, {"labels", {"a", "b"}}},
           torch::tensor({{{1.F, 0.F}, {0.F, 0.F}, {1.F, 1.F}, {0.F, 1.F}, {1.F, 0.F}}}),
           "probabilities"},
          {"sequence_regression",
           {{"target", "kind"}, {"numbers", 2}},
           torch::randn({1, kTexts, 2}),
           "values"},
          {"sequence_labelling", labels, torch::randint(3, {kTextSteps, kTexts}), ""}};
}

ModelConfig config_of(int64_t networks) {
  ModelConfig config;
  config.hidden_size = 6;
  config.embedding_size = 4;
  config.bidirectional = true;
  config.ensemble = networks;
  return config;
}

DeviceBatch batch_of(const AveragedTask& task) {
  DeviceBatch batch;
  batch.inputs = torch::randint(9, {kTextSteps, kTexts});
  batch.lengths = std::vector<int64_t>(kTexts, kTextSteps);
  batch.targets = {{"kind", task.targets_SB}};
  batch.sample_ids = {0, 1, 2, 3, 4};
  return batch;
}

/// What each member would be by itself.
std::vector<std::unique_ptr<Task>> members_of(Task& ensemble, const AveragedTask& task,
                                              const json& description) {
  torch::NoGradGuard no_grad;
  const auto parameters = ensemble.model().named_parameters();
  std::vector<std::unique_ptr<Task>> members;
  for (int64_t i = 0; i < kSideBySide; ++i) {
    members.push_back(find_task(task.name).make(config_of(1), description));
    for (const auto& own : members.back()->model().named_parameters()) {
      own.value().copy_(parameters["member_" + std::to_string(i) + "." + own.key()]);
    }
  }
  return members;
}

/// Numbers of a prediction, whatever they are called.
Tensor numbers_of(const json& answer, const char* key) {
  std::vector<double> numbers;
  for (const auto& [name, number] : answer.at(key).items()) numbers.push_back(number);
  return torch::tensor(numbers);
}

TEST(EnsembleTest, AnswersAreTheMeanOfItsMembersAndSoIsTheLoss) {
  for (const AveragedTask& task : averaged_tasks()) {
    torch::manual_seed(4);
    json description = symbols();
    description.update(task.own);
    const auto ensemble = find_task(task.name).make(config_of(kSideBySide), description);
    const auto members = members_of(*ensemble, task, description);
    const DeviceBatch batch = batch_of(task);
    Tensor loss = torch::zeros({});
    Tensor mean = torch::zeros({});
    for (const auto& member : members) {
      loss = loss + member->compute(batch, {}).loss_sum / kSideBySide;
      if (*task.probabilities == '\0') continue;
      mean = mean + numbers_of(member->predict(batch)[1], task.probabilities) / kSideBySide;
    }
    EXPECT_TRUE(torch::allclose(ensemble->compute(batch, {}).loss_sum, loss)) << task.name;
    if (*task.probabilities == '\0') continue;
    const Tensor answer = numbers_of(ensemble->predict(batch)[1], task.probabilities);
    EXPECT_TRUE(torch::allclose(answer, mean)) << task.name << '\n' << answer << mean;
  }
}

TEST(EnsembleTest, MembersBeginAndDropOutDifferently) {
  for (const AveragedTask& task : averaged_tasks()) {
    torch::manual_seed(5);
    json description = symbols();
    description.update(task.own);
    ModelConfig config = config_of(2);
    config.dropout = 0.5;
    const auto ensemble = find_task(task.name).make(config, description);
    const auto parameters = ensemble->model().named_parameters();
    EXPECT_FALSE(
        torch::equal(parameters["member_0.output.weight"], parameters["member_1.output.weight"]));
    // Alike now, they see the same inputs through different dropout: their gradients differ.
    const DeviceBatch batch = batch_of(task);
    {
      torch::NoGradGuard no_grad;
      for (const auto& parameter : parameters) {
        if (parameter.key().rfind("member_1.", 0) != 0) continue;
        parameter.value().copy_(parameters["member_0." + parameter.key().substr(9)]);
      }
    }
    ensemble->compute(batch, {true, 1, 1, &batch.sample_ids}).loss_sum.backward();
    EXPECT_FALSE(torch::equal(parameters["member_0.output.weight"].grad(),
                              parameters["member_1.output.weight"].grad()))
        << task.name;
  }
}

TEST(EnsembleTest, NamesOfEachMembersRowsAreThoseOfItsParameters) {
  for (const AveragedTask& task : averaged_tasks()) {
    json description = symbols();
    description.update(task.own);
    for (const int64_t networks : {int64_t{1}, kSideBySide}) {
      const auto made = find_task(task.name).make(config_of(networks), description);
      const auto parameters = made->model().named_parameters();
      const std::vector<std::string> sparse = made->row_sparse_parameters();
      EXPECT_EQ(sparse.size(), static_cast<size_t>(networks)) << task.name;
      for (const std::string& name : sparse) EXPECT_TRUE(parameters.contains(name)) << name;
      EXPECT_EQ(made->row_labels().size(), static_cast<size_t>(3 * networks)) << task.name;
      for (const auto& [name, rows] : made->row_labels()) {
        EXPECT_TRUE(parameters.contains(name)) << name << rows.labels.size();
      }
    }
  }
}

TEST(EnsembleTest, MeansOfLogitsAreOfProbabilities) {
  torch::manual_seed(6);
  const std::vector<Tensor> logits = {torch::randn({4, 3}), 5 * torch::randn({4, 3})};
  const Tensor p = (logits[0].softmax(1) + logits[1].softmax(1)) / 2;
  EXPECT_TRUE(torch::allclose(mean_logits(logits).exp(), p));
  EXPECT_TRUE(torch::equal(mean_logits({logits[0]}), logits[0]));
  EXPECT_TRUE(torch::equal(mean_of({logits[0]}), logits[0]));
}

}  // namespace
}  // namespace lockstep
