#include "trainer/observers/tensorboard.h"

#include <gmock/gmock.h>

#include "tests/unit/observers/example_run.h"
#include "tests/unit/store/test_support.h"
#include "trainer/observers/tf_record.h"

namespace lockstep {
namespace {

using namespace lockstep::testing;  // example_*, files

TEST(TfRecord, Crc32cOfKnownStrings) {
  // RFC 3720, appendix B.4.
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8a9136aaU);
  EXPECT_EQ(crc32c(std::string(32, '\xff')), 0x62a8ab43U);
  EXPECT_EQ(crc32c("123456789"), 0xe3069283U);
  EXPECT_EQ(crc32c(""), 0U);
}

TEST(TfRecord, FramesTheBytes) {
  const std::string record = tf_record("abc");
  EXPECT_EQ(record.size(), 8U + 4 + 3 + 4);
  EXPECT_EQ(record.substr(0, 8), std::string("\3\0\0\0\0\0\0\0", 8));
  EXPECT_EQ(record.substr(12, 3), "abc");
}

TEST(TensorBoard, ItsOwnReaderSeesEveryScalarOnce) {
  if (python().empty()) GTEST_SKIP() << "LOCKSTEP_PYTHON is not set";
  const TempFolder run;
  {
    TensorBoard first(run.path());
    play(first, example_info(run.path()), 3);
  }
  // Files are read in the order of their names, and those begin with the second.
  for (const auto& entry : std::filesystem::directory_iterator(run.path())) {
    std::filesystem::rename(entry.path(), run / "events.out.tfevents.0000000001.host.1");
  }
  {
    TensorBoard second(run.path());
    play(second, example_info(run.path(), 400), 4);
  }
  const std::string code =
      "from tensorboard.backend.event_processing.event_accumulator import EventAccumulator\n"
      "a = EventAccumulator(\"" +
      run.path().string() +
      "\"); a.Reload()\n"
      "tags = sorted(a.Tags()[\"scalars\"])\n"
      "assert tags == [\"gradient_norm\", \"learning_rate\", \"samples_per_second\", "
      "\"test/accuracy\",\n"
      "                \"test/loss\", \"train/accuracy\", \"train/loss\"], tags\n"
      "steps = [e.step for e in a.Scalars(\"train/loss\")]\n"
      "assert steps == [100, 200, 300, 400, 500, 600, 700, 800], steps\n"
      "assert [e.step for e in a.Scalars(\"test/loss\")] == [200, 400, 600, 800]\n"
      "assert abs(a.Scalars(\"test/accuracy\")[0].value - 0.9) < 1e-6\n"
      "assert abs(a.Scalars(\"samples_per_second\")[0].value - 3200) < 1e-3\n";
  EXPECT_EQ(run_python(code), 0);
}

TEST(TensorBoard, AFolderThatIsGoneIsASaveFailure) {
  TensorBoard board("/nonexistent/run");
  EXPECT_EQ(code_of([&] { board.on_start(example_info("/nonexistent/run")); }),
            ExitCode::save_failed);
  board.on_interval(example_interval(100));
}

}  // namespace
}  // namespace lockstep
