#include <gtest/gtest.h>

#include "edgefusion/edgefusion.h"
#include "edgefusion/edgefusion_c.h"

namespace edgefusion {
namespace {

const std::string kModel = EF_SOURCE_DIR "/models/emoji-v0";

PaintRequest small_request() {
  PaintRequest request;
  request.prompt = "red apple";
  request.steps = 1;
  request.width = 64;
  request.height = 64;
  request.seed = 7;
  return request;
}

TEST(Painter, SaysWhyAFolderIsNoModel) {
  std::string error;
  EXPECT_FALSE(Painter::open("no/such/folder", {}, &error));
  EXPECT_NE(error.find("no/such/folder"), std::string::npos) << error;
  EXPECT_EQ(error.find('\n'), std::string::npos) << error;
}

TEST(Painter, RefusesAnUnknownInstructionSetAndFewerThanNoThreads) {
  std::string error;
  EXPECT_FALSE(Painter::open(kModel, {.threads = 1, .isa = "abacus"}, &error));
  EXPECT_NE(error.find("abacus"), std::string::npos) << error;
  EXPECT_FALSE(Painter::open(kModel, {.threads = -1, .isa = ""}, &error));
  EXPECT_NE(error.find("threads"), std::string::npos) << error;
}

TEST(Painter, PaintsABatchAndTellsProgress) {
  std::string error;
  const auto painter = Painter::open(kModel, {.threads = 2, .isa = ""}, &error);
  ASSERT_TRUE(painter) << error;
  PaintRequest request = small_request();
  request.batch = 2;
  size_t calls = 0;
  request.progress = [&](std::string_view, size_t done, size_t total) {
    EXPECT_LE(done, total);
    ++calls;
  };
  const PaintOutcome outcome = painter->paint(request);
  ASSERT_TRUE(outcome) << outcome.error;
  ASSERT_EQ(outcome.pictures.size(), 2u);
  for (const Picture& picture : outcome.pictures) {
    EXPECT_EQ(picture.width, 64);
    EXPECT_EQ(picture.height, 64);
    EXPECT_EQ(picture.rgb.size(), 64u * 64u * 3u);
  }
  EXPECT_NE(outcome.pictures[0].rgb, outcome.pictures[1].rgb);
  EXPECT_GT(calls, 2u);
}

TEST(Painter, GivesNoPictureForABadRequestOrWhenCancelled) {
  const auto painter = Painter::open(kModel);
  ASSERT_TRUE(painter);
  PaintRequest request = small_request();
  request.width = 65;
  PaintOutcome outcome = painter->paint(request);
  EXPECT_FALSE(outcome);
  EXPECT_FALSE(outcome.cancelled);
  EXPECT_NE(outcome.error.find("65"), std::string::npos) << outcome.error;

  request = small_request();
  const std::atomic<bool> stop = true;
  request.cancel = &stop;
  outcome = painter->paint(request);
  EXPECT_FALSE(outcome);
  EXPECT_TRUE(outcome.cancelled);
  EXPECT_TRUE(outcome.pictures.empty());
}

struct Handle {
  ef_painter* painter;
  ~Handle() { ef_painter_free(painter); }
};

TEST(PainterC, PaintsWhatTheCppInterfacePaints) {
  const Handle handle{ef_painter_open(kModel.c_str(), 1, nullptr)};
  ASSERT_STREQ(ef_painter_error(handle.painter), "");
  ef_request request;
  ef_request_defaults(&request);
  request.prompt = "red apple";
  request.steps = 1;
  request.width = request.height = 64;
  request.seed = 7;
  ef_image image;
  ASSERT_EQ(ef_painter_paint(handle.painter, &request, &image), EF_OK)
      << ef_painter_error(handle.painter);
  const std::vector<uint8_t> rgb(image.rgb, image.rgb + image.width * image.height * 3);
  ef_image_free(&image);
  EXPECT_EQ(image.rgb, nullptr);

  const auto painter = Painter::open(kModel, {.threads = 1, .isa = ""});
  ASSERT_TRUE(painter);
  EXPECT_EQ(painter->paint(small_request()).pictures.at(0).rgb, rgb);
}

TEST(PainterC, StopsWhenProgressSaysSo) {
  const Handle handle{ef_painter_open(kModel.c_str(), 1, "")};
  ef_request request;
  ef_request_defaults(&request);
  request.progress = [](void* user, const char*, size_t, size_t) {
    ++*static_cast<int*>(user);
    return 1;
  };
  int calls = 0;
  request.user = &calls;
  ef_image image;
  EXPECT_EQ(ef_painter_paint(handle.painter, &request, &image), EF_CANCELLED);
  EXPECT_EQ(image.rgb, nullptr);
  EXPECT_GE(calls, 1);
}

TEST(PainterC, KeepsSayingWhyOpeningFailed) {
  const Handle handle{ef_painter_open("no/such/folder", 0, nullptr)};
  ASSERT_NE(handle.painter, nullptr);
  const std::string why = ef_painter_error(handle.painter);
  EXPECT_NE(why.find("no/such/folder"), std::string::npos) << why;
  ef_request request;
  ef_request_defaults(&request);
  ef_image image;
  EXPECT_EQ(ef_painter_paint(handle.painter, &request, &image), EF_FAILED);
  EXPECT_EQ(why, ef_painter_error(handle.painter));
}

}  // namespace
}  // namespace edgefusion
