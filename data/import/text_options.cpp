#include "data/import/text_options.h"

namespace lockstep {

void TextOptions::describe(Fields& fields) {
  fields.add("tokens", tokens_, "how text is cut: one token per character or per word")
      .one_of({"characters", "words"});
  fields.add("lowercase", lowercase_, "tell no upper case from lower case");
  fields.add("split_punctuation", split_punctuation_,
             "words: punctuation marks are tokens of their own");
  fields
      .add("vocabulary", vocabulary_,
           "how many of the most frequent tokens of the training text are told apart; the others "
           "become <unk>; 0: all")
      .at_least(0);
  fields
      .add("min_count", min_count_,
           "tokens that the training text holds less often become <unk>; a model learns <unk> only "
           "where some do")
      .at_least(1);
}

std::vector<std::string> TextOptions::tokens_of(const std::string& text) const {
  return tokenize(text, rules_of(info()));
}

std::vector<std::string> TextOptions::vocabulary(const VocabularyCounter& counter) const {
  return counter.most_frequent({kUnknownToken}, vocabulary_, min_count_);
}

TextInfo TextOptions::info() const {
  return {tokens_, "", kUnknownToken, lowercase_, split_punctuation_};
}

StreamSchema TextOptions::schema(const std::vector<std::string>& tokens) const {
  StreamSchema inputs;
  inputs.name = "inputs";
  inputs.element = ElementType::i32;
  inputs.num_classes = static_cast<int64_t>(tokens.size());
  inputs.labels = tokens;
  return inputs;
}

}  // namespace lockstep
