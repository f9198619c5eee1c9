// Vectors of items by number and by text: what is read together changes nothing.
#include "trainer/tasks/next_item_network.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "data/base/error.h"
#include "trainer/tasks/item_names.h"
#include "trainer/tasks/item_texts.h"

namespace lockstep {
namespace {

using torch::Tensor;

constexpr int64_t kItems = 700, kKnown = 500;

/// Of 1 to 20 words, long ones few; one item has none.
std::vector<std::string> texts_of_items() {
  std::vector<std::string> texts(1);
  for (int64_t item = 1; item < kItems; ++item) {
    std::string text;
    const int64_t words = item % 50 == 0 ? 20 : 1 + item % 6;
    for (int64_t i = 0; i < words; ++i) text += " w" + std::to_string((item * 7 + i * 3) % 90);
    texts.push_back(text);
  }
  return texts;
}

ModelConfig small_model() {
  ModelConfig config;
  config.embedding_size = config.hidden_size = 8;
  config.tied = config.item_text = true;
  config.logit_scale = 8;
  config.dropout = 0.4;
  return config;
}

const DropoutKey kTraining = {.training = true, .seed = 3, .step = 5};

TEST(ItemTexts, AnItemsVectorDoesNotDependOnWhatIsReadWithIt) {
  torch::manual_seed(1);
  ItemTextReader reader(describe_item_texts(texts_of_items()), small_model(), 0);
  const Tensor all = reader->forward(torch::arange(kItems), kTraining);
  const Tensor some = torch::tensor({650, 0, 1, 699, 50, 3}, torch::kInt64);
  EXPECT_TRUE(
      torch::allclose(reader->forward(some, kTraining), all.index_select(0, some), 1e-5, 1e-6));
  EXPECT_FALSE(torch::allclose(reader->forward(some, {}), all.index_select(0, some)));
}

TEST(ItemTexts, GradientsAreTheSumsOfEachItems) {
  torch::manual_seed(1);
  ItemTextReader reader(describe_item_texts(texts_of_items()), small_model(), 0);
  const Tensor weights = torch::randn({kItems, reader->output_size()});
  const auto gradients = [&](const std::vector<Tensor>& parts) {
    reader->zero_grad();
    for (const Tensor& items : parts) {
      (reader->forward(items, kTraining) * weights.index_select(0, items)).sum().backward();
    }
    std::vector<Tensor> all;
    for (const Tensor& parameter : reader->parameters()) all.push_back(parameter.grad().clone());
    return all;
  };
  const std::vector<Tensor> whole = gradients({torch::arange(kItems)});
  const std::vector<Tensor> parts = gradients(torch::arange(kItems).split(70));
  for (size_t i = 0; i < whole.size(); ++i) {
    EXPECT_TRUE(torch::allclose(whole[i], parts[i], 1e-4, 1e-4)) << i;
    EXPECT_GT(whole[i].abs().max().item<float>(), 0.1f) << i;
  }
}

TEST(NextItemNetwork, LearnsFromTheTextsOfKnownItemsAndOfThoseRead) {
  for (const bool item_ids : {true, false}) {
    ModelConfig config = small_model();
    config.item_ids = item_ids;
    torch::manual_seed(1);
    NextItemNetwork network(kItems, kKnown, describe_item_texts(texts_of_items()), config);
    const Tensor read = torch::tensor({3, 620, 3, 511, 0, 620}, torch::kInt64).view({2, 3});
    const Tensor all_VE = network->vectors(kTraining);
    const Tensor needed_VE = network->vectors_to_learn(read, kTraining);
    ASSERT_EQ(needed_VE.sizes(), all_VE.sizes());
    const Tensor is_needed = torch::arange(kItems).lt(kKnown);
    is_needed.index_fill_(0, read.reshape(-1), true);
    EXPECT_EQ(is_needed.sum().item<int64_t>(), kKnown + 2);
    const Tensor expected_VE = all_VE * is_needed.unsqueeze(1);
    EXPECT_TRUE(torch::allclose(needed_VE, expected_VE, 1e-5, 1e-6)) << item_ids;
    EXPECT_TRUE(torch::allclose(network->vectors_of(read.reshape(-1), kTraining),
                                all_VE.index_select(0, read.reshape(-1)), 1e-5, 1e-6));
  }
}

TEST(ItemNames, AreTextsOrWholeNumbers) {
  const ItemNames names({"<unk>", "a", "17", "a"});
  EXPECT_EQ(names.size(), 4);
  EXPECT_EQ(names.name_of(2), "17");
  EXPECT_EQ(names.number_of("a"), 1);
  EXPECT_EQ(names.number_of(17), 2);
  EXPECT_EQ(names.number_of("<unk>"), 0);
  EXPECT_EQ(names.number_of("b"), 0);
  EXPECT_THROW(names.number_of(1.5), Error);
  EXPECT_THROW(names.number_of(nullptr), Error);
}

}  // namespace
}  // namespace lockstep
