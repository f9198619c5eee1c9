#include "launcher/config_show.h"

#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>

#include "launcher/child_process.h"

namespace lockstep {
namespace {

std::filesystem::path source_root() {
  return std::filesystem::path(__FILE__).parent_path().parent_path().parent_path().parent_path();
}

nlohmann::json schema() {
  RunConfig config;
  Fields fields;
  config.describe(fields);
  return nlohmann::json::parse(config_schema(fields));
}

TEST(ConfigShow, EveryFileInConfigsIsRight) {
  int files = 0;
  ASSERT_TRUE(std::filesystem::is_directory(source_root() / "configs")) << source_root();
  for (const auto& entry : std::filesystem::directory_iterator(source_root() / "configs")) {
    SCOPED_TRACE(entry.path().string());
    if (entry.path().extension() != ".yaml") continue;
    EXPECT_NO_THROW(load_run_config(entry.path(), {}));
    ++files;
  }
  EXPECT_GE(files, 4);
}

TEST(ConfigShow, TheFoundingRecipeIsWhatItWas) {
  const RunConfig config = load_run_config(source_root() / "configs/mnist.yaml", {}).config;
  EXPECT_EQ(config.model.hidden_size, 128);
  EXPECT_EQ(config.model.num_layers, 1);
  EXPECT_EQ(config.optimizer.kind, "adam");
  EXPECT_EQ(config.optimizer.learning_rate, 1e-3);
  EXPECT_EQ(config.batch.size, 64);
  EXPECT_EQ(config.train.epochs, 10);
  EXPECT_EQ(config.train.log_every, 100);
  EXPECT_EQ(config.run.dir, "runs/mnist");
}

TEST(ConfigShow, ResolvedRunConfigReadsBackEqual) {
  const LoadedConfig loaded = read_run_config({"run.yaml",
                                               "optimizer:\n  epsilon: 1e-12\n",
                                               {"data.path=/a b/\"c\"", "model.dropout=0.1"}});
  const std::string text = resolved_yaml(loaded.config);
  EXPECT_EQ(resolved_yaml(read_run_config({"again.yaml", text, {}}).config), text);
  const std::string shown = resolved_yaml(loaded.config, &loaded.origins);
  EXPECT_EQ(resolved_yaml(read_run_config({"shown.yaml", shown, {}}).config), text);
}

TEST(ConfigShow, TellsOrigins) {
  const LoadedConfig loaded =
      read_run_config({"run.yaml", "batch:\n  size: 3\n", {"train.epochs=2"}});
  const std::string shown = resolved_yaml(loaded.config, &loaded.origins);
  EXPECT_THAT(shown, testing::ContainsRegex("  size: 3 +# run.yaml:2\n"));
  EXPECT_THAT(shown, testing::ContainsRegex("  epochs: 2 +# command line\n"));
  EXPECT_THAT(shown, testing::ContainsRegex("  seed: 1 +# default\n"));
}

TEST(ConfigShow, SchemaHasEveryFieldWithItsBounds) {
  const nlohmann::json root = schema();
  EXPECT_EQ(root["$schema"], "https://json-schema.org/draft/2020-12/schema");
  EXPECT_EQ(root["additionalProperties"], false);
  const nlohmann::json& properties = root["properties"];
  EXPECT_EQ(properties["batch"]["additionalProperties"], false);
  EXPECT_EQ(properties["batch"]["properties"]["size"]["minimum"], 1);
  EXPECT_EQ(properties["batch"]["properties"]["size"]["type"], "integer");
  EXPECT_EQ(properties["model"]["properties"]["dropout"]["exclusiveMaximum"], 1);
  EXPECT_EQ(properties["device"]["enum"], (nlohmann::json{"auto", "cpu", "cuda"}));
  EXPECT_EQ(properties["optimizer"]["properties"]["learning_rate"]["default"], 1e-3);
  RunConfig config;
  Fields fields;
  config.describe(fields);
  for (const Field& field : fields.all()) {
    std::string pointer = "/properties/" + field.path;
    for (size_t dot; (dot = pointer.find('.')) != std::string::npos;) {
      pointer.replace(dot, 1, "/properties/");
    }
    EXPECT_TRUE(root.contains(nlohmann::json::json_pointer(pointer))) << pointer;
  }
}

TEST(ConfigShow, ReferenceHasEveryField) {
  RunConfig config;
  Fields fields;
  config.describe(fields);
  const std::string page = config_reference(fields);
  for (const Field& field : fields.all())
    EXPECT_THAT(page, testing::HasSubstr("| `" + field.path + "` |"));
}

/// An independent validator must agree with our reader on files that are right and on one that is
/// not. Skipped where the virtual environment has none.
TEST(ConfigShow, AnIndependentValidatorAgreesWithTheSchema) {
  const char* python = std::getenv("LOCKSTEP_PYTHON");
  const auto validator =
      std::filesystem::path(python == nullptr ? "" : python).parent_path() / "check-jsonschema";
  if (!std::filesystem::exists(validator))
    GTEST_SKIP() << "no check-jsonschema beside LOCKSTEP_PYTHON";
  const std::filesystem::path folder =
      std::filesystem::temp_directory_path() / ("config_show_test." + std::to_string(::getpid()));
  std::filesystem::create_directories(folder);
  std::ofstream(folder / "schema.json") << schema().dump();
  std::ofstream(folder / "resolved.yaml") << resolved_yaml(RunConfig{});
  std::ofstream(folder / "bad.yaml") << "batch:\n  size: 0\n";
  const auto validate = [&](const std::vector<std::string>& files) {
    std::vector<std::string> command = {validator.string(), "--schemafile",
                                        (folder / "schema.json").string()};
    command.insert(command.end(), files.begin(), files.end());
    std::string said;
    const auto note = [&](std::string_view bytes) { said += bytes; };
    const int status = run_child(command, {note, note, [](int, pid_t) {}, [](pid_t) {}});
    return std::pair(WEXITSTATUS(status), said);
  };
  const auto [good_code, good_said] = validate(
      {(folder / "resolved.yaml").string(), (source_root() / "configs/mnist.yaml").string(),
       (source_root() / "configs/mnist_tuned.yaml").string()});
  EXPECT_EQ(good_code, 0) << good_said;
  const auto [bad_code, bad_said] = validate({(folder / "bad.yaml").string()});
  EXPECT_NE(bad_code, 0);
  EXPECT_THAT(bad_said, testing::HasSubstr("minimum"));
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace lockstep
