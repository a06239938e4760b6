#include "formats/safetensors.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace edgefusion::formats {
namespace {

namespace fs = std::filesystem;

const fs::path kReference = fs::path(EF_SOURCE_DIR) / "src/formats/testdata/reference.safetensors";

/// Length, header and data as one file's bytes.
std::vector<std::byte> file_of(std::string_view header, size_t data_bytes,
                               std::optional<uint64_t> length = std::nullopt) {
  const uint64_t said = length.value_or(header.size());
  std::vector<std::byte> bytes(8);
  for (size_t i = 0; i < 8; ++i) bytes[i] = static_cast<std::byte>(said >> (8 * i));
  for (const char c : header) bytes.push_back(static_cast<std::byte>(c));
  for (size_t i = 0; i < data_bytes; ++i) bytes.push_back(static_cast<std::byte>(i));
  return bytes;
}

std::string error_of(std::span<const std::byte> bytes) {
  const auto file = SafetensorsFile::parse(bytes, "m.safetensors");
  return file ? "no error" : file.error().message();
}

std::string error_of(std::string_view header, size_t data_bytes) {
  return error_of(file_of(header, data_bytes));
}

TEST(Safetensors, ReadsAFileOfTheReferenceWriter) {
  const auto file = SafetensorsFile::open(kReference);
  ASSERT_TRUE(file.has_value()) << file.error().message();
  EXPECT_EQ(file->names().size(), 15u);
  EXPECT_EQ(file->names().front(), "a.f32");
  EXPECT_EQ(file->origin(), kReference.string());
  EXPECT_EQ(file->metadata(), (std::map<std::string, std::string>{{"format", "pt"}}));
  const ConstTensorView* a = file->find("a.f32");
  ASSERT_NE(a, nullptr);
  EXPECT_EQ(a->shape, (Shape{2, 3}));
  EXPECT_EQ(a->dtype, DType::f32);
  EXPECT_EQ(load_as_f32(*a, 5), 1.25f);
  EXPECT_EQ(load_as_f32(*file->find("b.f16"), 0), -1.0f);
  EXPECT_EQ(load_as_f32(*file->find("c.bf16"), 3), 1.5f);
  EXPECT_EQ(load_as_f32(*file->find("d.i64"), 0), -7.0f);
  EXPECT_EQ(file->find("d.i64")->shape.rank(), 0);
  EXPECT_EQ(load_as_f32(*file->find("i.i32"), 1), -2.0f);
  EXPECT_EQ(file->find("g.empty")->shape, (Shape{0, 4}));
  EXPECT_EQ(file->find("n.u64")->dtype, DType::u64);
  EXPECT_NE(file->find("\xc3\xbcn\xc3\xaf"), nullptr);
  EXPECT_EQ(file->find("missing"), nullptr);
}

TEST(Safetensors, ReleasedTensorsReadTheSameAgain) {
  const auto file = SafetensorsFile::open(kReference);
  ASSERT_TRUE(file.has_value());
  for (const std::string& name : file->names()) file->release(name);
  file->release("missing");
  EXPECT_EQ(load_as_f32(*file->find("a.f32"), 5), 1.25f);
}

TEST(Safetensors, ViewsSurviveMovingTheFile) {
  auto opened = SafetensorsFile::open(kReference);
  ASSERT_TRUE(opened.has_value());
  const ConstTensorView* view = opened->find("a.f32");
  const SafetensorsFile moved = std::move(*opened);
  EXPECT_EQ(moved.find("a.f32"), view);
  EXPECT_EQ(load_as_f32(*view, 4), 1.0f);
}

TEST(Safetensors, UnalignedDataIsReadWhereItLies) {
  const auto bytes = file_of(R"({"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]},)"
                             R"("b":{"dtype":"I32","shape":[],"data_offsets":[3,7]}})",
                             7);
  const auto file = SafetensorsFile::parse(bytes, "m");
  ASSERT_TRUE(file.has_value()) << file.error().message();
  EXPECT_EQ(load_as_f32(*file->find("b"), 0), static_cast<float>(0x06050403));
}

TEST(Safetensors, AFileWithoutTensorsIsAFile) {
  EXPECT_EQ(error_of("{}", 0), "no error");
  EXPECT_EQ(error_of("{}      ", 0), "no error");
  EXPECT_EQ(error_of("{}", 1),
            "m.safetensors: expected 0 bytes of data as the header says, found 1");
}

TEST(Safetensors, AMissingFileAndAFolderAreErrors) {
  const auto missing = SafetensorsFile::open("no/such/file.safetensors");
  ASSERT_FALSE(missing.has_value());
  EXPECT_EQ(missing.error().code(), ErrorCode::not_found);
  EXPECT_NE(missing.error().message().find("no/such/file.safetensors"), std::string::npos);
  EXPECT_FALSE(SafetensorsFile::open(kReference.parent_path()).has_value());
}

TEST(Safetensors, EveryTruncationOfAFileIsRefused) {
  std::ifstream in(kReference, std::ios::binary);
  const std::string whole((std::istreambuf_iterator<char>(in)), {});
  const auto bytes = std::as_bytes(std::span(whole));
  EXPECT_EQ(error_of(bytes), "no error");
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_NE(error_of(bytes.first(size)), "no error") << size;
  }
}

TEST(Safetensors, HeaderLengthsThatCannotBeAreRefused) {
  EXPECT_EQ(error_of(file_of("{}", 0, 3)),
            "m.safetensors: expected a header of 3 bytes, found 2 bytes (is the file cut short?)");
  EXPECT_NE(error_of(file_of("{}", 0, 100'000'001)).find("at most 100000000"), std::string::npos);
  EXPECT_NE(error_of(file_of("{}", 0, UINT64_MAX)), "no error");
  EXPECT_NE(error_of(file_of("{}", 0, 0)), "no error");
}

TEST(Safetensors, HeadersThatAreNotAJsonObjectAreRefused) {
  EXPECT_EQ(error_of(" {}", 0),
            "m.safetensors: header: expected '{' as its first byte, found \" \"");
  EXPECT_NE(error_of("[]", 0), "no error");
  EXPECT_NE(error_of("{} x", 0), "no error");
  EXPECT_NE(error_of("{\"a\"", 0).find("line 1, column"), std::string::npos);
  EXPECT_NE(error_of("{\"\xff\":1}", 0).find("UTF-8"), std::string::npos);
  EXPECT_NE(error_of("{\"a\":1}", 0), "no error");
  EXPECT_NE(error_of(std::string(1000, '{'), 0), "no error");
  EXPECT_NE(error_of("{\"a\":" + std::string(100000, '['), 0), "no error");
}

TEST(Safetensors, DuplicatesAreRefusedAtEveryLevel) {
  const std::string a = R"("a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]})";
  EXPECT_EQ(error_of("{" + a + "}", 1), "no error");
  EXPECT_EQ(error_of("{" + a + "," + a + "}", 1),
            "m.safetensors: a: expected the name once, found twice");
  EXPECT_NE(error_of(R"({"a":{"dtype":"U8","dtype":"U8","shape":[1],"data_offsets":[0,1]}})", 1)
                .find("dtype once"),
            std::string::npos);
  EXPECT_NE(error_of(R"({"__metadata__":{"x":"1","x":"2"}})", 0).find("found twice"),
            std::string::npos);
  EXPECT_NE(error_of(R"({"__metadata__":{},"__metadata__":{}})", 0), "no error");
}

TEST(Safetensors, MetadataIsStringsOnly) {
  EXPECT_NE(error_of(R"({"__metadata__":"pt"})", 0), "no error");
  EXPECT_NE(error_of(R"({"__metadata__":null})", 0), "no error");
  EXPECT_EQ(error_of(R"({"__metadata__":{"x":"1"}})", 0), "no error");
  for (const char* bad : {"1", "null", "{}", "[]", "true", "1.5"}) {
    EXPECT_NE(error_of(std::string(R"({"__metadata__":{"x":)") + bad + "}}", 0), "no error") << bad;
  }
}

TEST(Safetensors, FieldsOfTheWrongTypeAreRefused) {
  const auto with = [](const char* dtype, const char* shape, const char* offsets) {
    return std::string(R"({"a":{"dtype":)") + dtype + ",\"shape\":" + shape +
           ",\"data_offsets\":" + offsets + "}}";
  };
  EXPECT_EQ(error_of(with("\"F32\"", "[1]", "[0,4]"), 4), "no error");
  EXPECT_NE(error_of(with("\"F31\"", "[1]", "[0,4]"), 4).find("found \"F31\""), std::string::npos);
  EXPECT_NE(error_of(with("4", "[1]", "[0,4]"), 4), "no error");
  EXPECT_NE(error_of(with("[\"F32\"]", "[1]", "[0,4]"), 4), "no error");
  EXPECT_NE(error_of(with("\"F32\"", "[-1]", "[0,4]"), 4), "no error");
  EXPECT_NE(error_of(with("\"F32\"", "[1.0]", "[0,4]"), 4), "no error");
  EXPECT_NE(error_of(with("\"F32\"", "[\"1\"]", "[0,4]"), 4), "no error");
  EXPECT_NE(error_of(with("\"F32\"", "[[1]]", "[0,4]"), 4), "no error");
  EXPECT_NE(error_of(with("\"F32\"", "1", "[0,4]"), 4), "no error");
  EXPECT_NE(error_of(with("\"F32\"", "[18446744073709551615]", "[0,4]"), 4), "no error");
  EXPECT_NE(error_of(with("\"F32\"", "[1]", "[0]"), 4), "no error");
  EXPECT_NE(error_of(with("\"F32\"", "[1]", "[0,4,4]"), 4), "no error");
  EXPECT_NE(error_of(with("\"F32\"", "[1]", "[-4,0]"), 4), "no error");
  EXPECT_NE(error_of(R"({"a":{"dtype":"F32","shape":[1]}})", 0).find("found 2 of them"),
            std::string::npos);
  EXPECT_NE(error_of(R"({"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0],"x":1}})", 0),
            "no error");
}

TEST(Safetensors, TypesAndRanksNothingComputesWithAreUnsupported) {
  for (const char* header :
       {R"({"a":{"dtype":"F8_E4M3","shape":[1],"data_offsets":[0,1]}})",
        R"({"a":{"dtype":"U8","shape":[1,1,1,1,1,1,1],"data_offsets":[0,1]}})"}) {
    const auto bytes = file_of(header, 1);
    const auto file = SafetensorsFile::parse(bytes, "m");
    ASSERT_FALSE(file.has_value());
    EXPECT_EQ(file.error().code(), ErrorCode::unsupported);
  }
}

TEST(Safetensors, SpansMustFitShapeTypeAndFile) {
  EXPECT_EQ(error_of(R"({"w.x":{"dtype":"F32","shape":[2,2],"data_offsets":[0,12]}})", 12),
            "m.safetensors: w.x: expected 16 bytes for F32 [2,2], found 12");
  EXPECT_EQ(error_of(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[4,0]}})", 4),
            "m.safetensors: a: expected data_offsets in order, found [4, 0)");
  EXPECT_EQ(error_of(R"({"a":{"dtype":"U8","shape":[8],"data_offsets":[0,8]}})", 4),
            "m.safetensors: a: expected data_offsets within the 4 bytes of data, found [0, 8)");
  EXPECT_NE(error_of(R"({"a":{"dtype":"U8","shape":[0],"data_offsets":[18446744073709551615,)"
                     R"(18446744073709551615]}})",
                     4),
            "no error");
}

TEST(Safetensors, ElementCountsThatOverflowAreRefused) {
  for (const char* shape : {"[4294967296,4294967296,4294967296]", "[9223372036854775807]",
                            "[4611686018427387904,4]", "[0,4611686018427387904,8]"}) {
    const std::string header =
        std::string(R"({"a":{"dtype":"F32","shape":)") + shape + R"(,"data_offsets":[0,0]}})";
    EXPECT_NE(error_of(header, 0).find("below 2^63"), std::string::npos) << shape;
  }
}

TEST(Safetensors, OverlapsAndHolesAreRefused) {
  const auto two = [](const char* first, const char* second) {
    return std::string(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":)") + first +
           R"(},"b":{"dtype":"U8","shape":[4],"data_offsets":)" + second + "}}";
  };
  EXPECT_EQ(error_of(two("[0,4]", "[4,8]"), 8), "no error");
  EXPECT_EQ(error_of(two("[4,8]", "[0,4]"), 8), "no error");
  EXPECT_EQ(error_of(two("[0,4]", "[3,7]"), 7),
            "m.safetensors: b: expected data to begin at byte 4 where the tensor before it ends, "
            "found 3 (overlap)");
  EXPECT_NE(error_of(two("[0,4]", "[0,4]"), 4).find("(overlap)"), std::string::npos);
  EXPECT_NE(error_of(two("[0,4]", "[5,9]"), 9).find("(hole)"), std::string::npos);
  EXPECT_NE(error_of(two("[1,5]", "[5,9]"), 9).find("(hole)"), std::string::npos);
  EXPECT_NE(error_of(two("[0,4]", "[4,8]"), 9), "no error");
}

TEST(Safetensors, MessagesStayOnOneLineWhateverTheNamesHold) {
  const std::string error =
      error_of(R"({"a\nb":{"dtype":"U\u0007","shape":[4],"data_offsets":[0,4]}})", 4);
  EXPECT_NE(error.find("a\\x0ab"), std::string::npos);
  EXPECT_EQ(error.find('\n'), std::string::npos);
}

}  // namespace
}  // namespace edgefusion::formats
