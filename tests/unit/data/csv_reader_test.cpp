// Tables as text, with expectations that Python's csv module shares; and text in other encodings,
// with bytes that Python's codecs gave.
#include "data/import/csv_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/base/atomic_file.h"
#include "tests/interop/run_python.h"
#include "tests/unit/base/temp_folder.h"

namespace lockstep {
namespace {

using ::testing::ElementsAre;
using testing::expect_error;
using ::testing::HasSubstr;

using Row = std::vector<std::string>;

class CsvReaderTest : public ::testing::Test {
 protected:
  std::filesystem::path write(const std::string& text) {
    write_file_atomically(folder_ / "table", text);
    return folder_ / "table";
  }
  std::vector<Row> rows(const std::string& text, CsvFormat format = {}) {
    CsvReader reader(write(text), format);
    std::vector<Row> all;
    for (Row row; reader.next(row);) all.push_back(row);
    return all;
  }
  std::vector<std::string> lines(const std::string& bytes, TextEncoding encoding) {
    LineReader reader(write(bytes), encoding);
    std::vector<std::string> all;
    for (std::string line; reader.next(line);) {
      all.push_back(reader.problem().empty() ? line : "! " + reader.problem());
    }
    return all;
  }

  testing::TempFolder folder_;
};

TEST_F(CsvReaderTest, FieldsQuotedAndPlain) {
  EXPECT_THAT(rows("a,b\r\n1,\"x, \"\"y\"\"\r\nz\"\n,\n\n\"\",end"),
              ElementsAre(Row{"a", "b"}, Row{"1", "x, \"y\"\nz"}, Row{"", ""}, Row{"", "end"}));
  EXPECT_THAT(rows("a \"b\" c,5'\"\n"), ElementsAre(Row{"a \"b\" c", "5'\""}));
  EXPECT_THAT(rows("a\t\"b\n\"c\td\"\n", {'\t', false}),
              ElementsAre(Row{"a", "\"b"}, Row{"\"c", "d\""}));
  EXPECT_THAT(rows(""), ElementsAre());
}

TEST_F(CsvReaderTest, RowsKnowTheLineTheyBeginIn) {
  CsvReader reader(write("h\n\"a\nb\"\nc\n"));
  Row row;
  ASSERT_TRUE(reader.next(row) && reader.next(row));
  EXPECT_EQ(reader.number(), 2);
  ASSERT_TRUE(reader.next(row));
  EXPECT_EQ(reader.place(), (folder_ / "table").string() + ":4");
}

TEST_F(CsvReaderTest, WhatCannotBeTrustedIsTold) {
  CsvReader reader(write("\"a\"x,b\ncaf\xe9,b\ngood,b\n"));
  Row row;
  ASSERT_TRUE(reader.next(row));
  EXPECT_THAT(reader.problem(), HasSubstr("closing quote"));
  ASSERT_TRUE(reader.next(row));
  EXPECT_EQ(reader.problem(), "byte 4 is not UTF-8");
  ASSERT_TRUE(reader.next(row));
  EXPECT_EQ(reader.problem(), "");
  expect_error(ExitCode::corrupt, ":2: a quote in this row is never closed",
               [&] { rows("a,b\n\"c,d\ne,f\n"); });
}

TEST_F(CsvReaderTest, PythonReadsTheSame) {
  std::string text;
  for (int i = 0; i < 200; ++i) {
    for (int column = 0; column < 3; ++column) {
      const char* forms[] = {"x{}", "\"x,{}\"", "\"x \"\"{}\"\"\"", "\"x\n\n{}\"", "\"{}\"", ""};
      text += fmt::format(fmt::runtime(forms[(i * 7 + column * 5 + i / 6) % 6]), i);
      text += column == 2 ? (i % 2 == 0 ? "\n" : "\r\n") : ",";
    }
  }
  std::string ours;
  for (const Row& row : rows(text)) ours += fmt::format("{}\n", fmt::join(row, "|"));
  write_file_atomically(folder_ / "ours", ours);
  if (testing::python() == nullptr) GTEST_SKIP() << "LOCKSTEP_PYTHON is not set";
  EXPECT_EQ(testing::run_python("interop/csv_rows.py",
                                {(folder_ / "table").string(), (folder_ / "ours").string()}),
            0);
}

TEST_F(CsvReaderTest, ColumnsByNameOrNumber) {
  EXPECT_EQ(find_column("b", {"a", "b"}, "f"), 1U);
  EXPECT_EQ(find_column("1", {"a", "b"}, "f"), 0U);
  EXPECT_EQ(find_column("3", {}, "f"), 2U);
  EXPECT_EQ(find_column("1", {"2", "1"}, "f"), 1U) << "a name goes before a number";
  expect_error(ExitCode::usage, "review", [] { find_column("reviev", {"label", "review"}, "f"); });
  expect_error(ExitCode::usage, "--header", [] { find_column("label", {}, "f"); });
  for (const char* none : {"0", "3", "-1", "", "1x"}) {
    expect_error(ExitCode::usage, "no column", [&] { find_column(none, {"a", "b"}, "f"); });
  }
}

TEST_F(CsvReaderTest, TextInOtherEncodings) {
  EXPECT_THAT(lines("Gr\xfc\xdf"
                    "e \x80\n",
                    TextEncoding::windows1252),
              ElementsAre("Grüße €"));
  EXPECT_THAT(lines("Gr\xfc\xdf"
                    "e\r\n",
                    TextEncoding::latin1),
              ElementsAre("Grüße"));
  EXPECT_THAT(lines("\xb7\xfe\xce\xf1\n\x81\x30\x8a\x37", TextEncoding::gb18030),
              ElementsAre("服务", "ï"));
  EXPECT_THAT(lines("\xef\xbb\xbf"
                    "a\n\xef\xbb\xbf"
                    "b",
                    TextEncoding::utf8),
              ElementsAre("a",
                          "\xef\xbb\xbf"
                          "b"));
  EXPECT_THAT(lines("ok\nundefined \x81\n", TextEncoding::windows1252),
              ElementsAre("ok", "! byte 11 is not windows-1252"));
  EXPECT_THAT(lines(std::string("a\0b\n", 4), TextEncoding::utf8),
              ElementsAre(HasSubstr("zero character")));
  EXPECT_THAT(lines("x\xed\xa0\x80\n", TextEncoding::utf8), ElementsAre("! byte 2 is not UTF-8"))
      << "a surrogate";
}

TEST_F(CsvReaderTest, Utf16OfBothByteOrders) {
  // "\u0a41\u0100" holds the bytes of a little-endian end of line, but across two characters.
  const std::string little(
      "\xff\xfe"
      "a\0\n\0"
      "\x41\x0a\x00\x01"
      "\r\0\n\0"
      "b\0",
      16);
  EXPECT_THAT(lines(little, TextEncoding::utf16), ElementsAre("a", "\u0a41\u0100", "b"));
  const std::string big(
      "\xfe\xff"
      "\0a\0\n"
      "\x00\xe9",
      8);
  EXPECT_THAT(lines(big, TextEncoding::utf16), ElementsAre("a", "é"));
  EXPECT_THAT(lines(std::string("a\0\n\0"
                                "b",
                                5),
                    TextEncoding::utf16),
              ElementsAre("a", "! byte 1 is not utf-16"))
      << "half a character";
}

TEST_F(CsvReaderTest, LinesLongerThanTheBuffer) {
  const std::string longer(200'001, 'x');
  EXPECT_THAT(lines(longer + "\n\n" + longer, TextEncoding::utf8), ElementsAre(longer, "", longer));
  std::string wide;
  for (const char c : longer) wide += std::string{c, '\0'};
  wide += std::string("\n\0", 2);
  EXPECT_THAT(lines(wide + wide, TextEncoding::utf16), ElementsAre(longer, longer));
}

}  // namespace
}  // namespace lockstep
