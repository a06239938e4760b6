#include "train/train_text.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "core/testing/temporary_folder.h"
#include "formats/safetensors.h"
#include "pipeline/model.h"
#include "train/checkpoint.h"
#include "train/text_pair.h"
#include "train/text_student.h"

namespace edgefusion::train {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using Texts = std::vector<std::string>;

constexpr const char* kNetwork = EF_SOURCE_DIR "/tests/goldens/text_encoder/bert";
constexpr const char* kModel = EF_SOURCE_DIR "/models/emoji-v0";

std::string teacher_vocabulary() {
  std::string tokens = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n";
  for (char c = 'a'; c <= 'z'; ++c) tokens += std::string(1, c) + "\n##" + c + "\n";
  return tokens + ":\nfox\n##es\nred\nblue\nwha\n##le\n";
}

class TrainTextTest : public testing::Test {
 protected:
  void SetUp() override {
    fs::create_directories(folder_ / "teacher" / "tokenizer");
    fs::copy(kNetwork, folder_ / "teacher" / "text_encoder");
    write("teacher/tokenizer/vocab.txt", teacher_vocabulary());
    write("teacher/tokenizer/tokenizer_config.json",
          R"({"tokenizer_class": "BertTokenizer", "model_max_length": 16,
              "added_tokens_decoder": {"2": {"content": "[CLS]"}}})");
    std::string lines;
    for (int i = 0; i < 12; ++i) {
      lines += "a red fox " + std::string(1, static_cast<char>('a' + i)) + "\n";
      lines += "two blue whales " + std::string(1, static_cast<char>('a' + i)) + "\n";
    }
    write("lines.txt", lines);
    fs::create_directories(folder_ / "wordnet");
    std::string nouns;
    for (char c = 'a'; c <= 'z'; ++c) {
      nouns += std::string("0 05 n 01 foxes") + c + " 0 000 | red animal " + c + "\n";
    }
    write("wordnet/data.noun", nouns);
  }

  void write(const char* name, std::string_view text) const {
    std::ofstream(folder_ / name) << text;
  }

  TextConfig config(const json& changes) const {
    json text = {{"teacher", "teacher"},   {"texts", {"lines.txt"}},
                 {"wordnet", "wordnet"},   {"layers", 2},
                 {"vocabulary_size", 120}, {"max_tokens", 16},
                 {"held_out_words", 12},   {"batch", 9},
                 {"learning_rate", 2e-3},  {"out", "out"},
                 {"log_every", 5},         {"checkpoint_every", 4},
                 {"ema_decay", 0.5}};
    text.update(changes);
    auto parsed = TextConfig::parse(text, folder_ / "config.json");
    EXPECT_TRUE(parsed) << parsed.error().message();
    return *parsed;
  }

  Result<TextReport> run(const TextConfig& config, bool resume = false) {
    metrics_.clear();
    TrainCallbacks callbacks;
    callbacks.log = [](LogLevel, std::string_view) {};
    callbacks.step = [this](const TrainMetrics& line) { metrics_.push_back(line); };
    callbacks.cancel = &cancel_;
    Processes alone;
    return train_text(config, resume, alone, callbacks);
  }

  std::shared_ptr<const TextTeacher> teacher() const {
    auto opened = open_text_teacher(folder_ / "teacher");
    EXPECT_TRUE(opened) << opened.error().message();
    return std::make_shared<const TextTeacher>(std::move(*opened));
  }

  /// A pair whose student has all of the teacher's layers and these tokens.
  TextPair pair(const std::shared_ptr<const TextTeacher>& of, const Texts& tokens,
                Parameters& student) const {
    const auto network = text_student_config(*of, 3, static_cast<int64_t>(tokens.size()));
    student = first_text_student(*of, *network, tokens).value();
    EXPECT_TRUE(write_student_tokenizer(folder_ / "student", *of, tokens));
    return TextPair::open(of, *network, folder_ / "student", 16, at::kCPU).value();
  }

  static Texts lines_of(const fs::path& path) {
    Texts lines;
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);) lines.push_back(line);
    return lines;
  }

  static std::string content(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  TemporaryFolder temporary_;
  const fs::path& folder_ = temporary_.path();
  std::vector<TrainMetrics> metrics_;
  std::atomic<bool> cancel_{false};
};

TEST_F(TrainTextTest, ComesNearerToTheTeacherAndReportsOnWordsItHasNotSeen) {
  const TextConfig c = config({{"steps", 60}});
  const auto report = run(c);
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_LT(metrics_.back().loss, 0.5 * metrics_.front().loss);
  EXPECT_GT(metrics_.back().terms.at("chunks"), 0);
  EXPECT_GT(metrics_.back().terms.at("sentences"), 0);
  EXPECT_EQ(report->words, 12);
  EXPECT_GT(*report->word_cosine, 0.8);
  EXPECT_GT(*report->word_recall_at_10, 0.5);
  EXPECT_FALSE(report->caption_cosine.has_value());
  const json written = json::parse(content(c.out / "report.json"));
  EXPECT_EQ(written["words"], 12);
  EXPECT_TRUE(written["caption_cosine"].is_null());
}

TEST_F(TrainTextTest, ACheckpointFollowsTheConventionsOfBertModel) {
  const TextConfig c = config({{"steps", 1}});
  ASSERT_TRUE(run(c));
  const fs::path checkpoint = *newest_checkpoint(c.out);
  const Texts tokens = lines_of(checkpoint / "tokenizer" / "vocab.txt");
  EXPECT_EQ(Texts(tokens.begin(), tokens.begin() + 5),
            (Texts{"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"}));
  EXPECT_EQ(content(c.out / "tokenizer" / "vocab.txt"),
            content(checkpoint / "tokenizer" / "vocab.txt"));
  const json settings = json::parse(content(checkpoint / "tokenizer" / "tokenizer_config.json"));
  EXPECT_EQ(settings["model_max_length"], 16);
  EXPECT_FALSE(settings.contains("added_tokens_decoder")) << "those are the teacher's ids";

  const json network = json::parse(content(checkpoint / "text_encoder" / "config.json"));
  json expected = json::parse(content(fs::path(kNetwork) / "config.json"));
  expected.update({{"num_hidden_layers", 2}, {"vocab_size", tokens.size()}});
  EXPECT_EQ(network, expected);
  const auto ours =
      formats::SafetensorsFile::open(checkpoint / "text_encoder" / "model.safetensors");
  const auto theirs = formats::SafetensorsFile::open(fs::path(kNetwork) / "model.safetensors");
  ASSERT_TRUE(ours && theirs);
  for (const std::string& name : ours->names()) {
    EXPECT_EQ(ours->find(name)->dtype, DType::f16) << name;
    ASSERT_NE(theirs->find(name), nullptr) << name;
  }
}

TEST_F(TrainTextTest, ACheckpointReplacesTheTextEncoderOfAPipeline) {
  if (!fs::exists(fs::path(kModel) / "text_encoder")) GTEST_SKIP() << "no model with MiniLM";
  const TextConfig c = config({{"teacher", kModel}, {"steps", 1}, {"max_tokens", 24}});
  const auto report = run(c);
  ASSERT_TRUE(report) << report.error().message();
  const fs::path model = folder_ / "model", checkpoint = *newest_checkpoint(c.out);
  fs::copy(kModel, model, fs::copy_options::recursive);
  for (const char* part : {"text_encoder", "tokenizer"}) {
    fs::remove_all(model / part);
    fs::copy(checkpoint / part, model / part);
  }
  const auto opened = pipeline::Model::open(model);
  ASSERT_TRUE(opened) << opened.error().message();
  EXPECT_LE((*opened)->tokenizer().vocab_size(), 120);
  EXPECT_TRUE((*opened)->text_encoder_graph(1, 0));
}

TEST_F(TrainTextTest, ARunTakenUpAgainEqualsOneThatDidNotStop) {
  const TextConfig straight = config({{"steps", 8}, {"out", "straight"}});
  ASSERT_TRUE(run(straight));
  ASSERT_TRUE(run(config({{"steps", 4}, {"out", "halves"}})));
  const TextConfig rest = config({{"steps", 8}, {"out", "halves"}});
  const auto resumed = run(rest, true);
  ASSERT_TRUE(resumed) << resumed.error().message();
  for (const char* file :
       {"text_encoder/model.safetensors", "tokenizer/vocab.txt", "training/parameters.safetensors",
        "training/average.safetensors", "training/optimizer.safetensors", "training/state.json"}) {
    EXPECT_EQ(content(straight.out / "checkpoint-00000008" / file),
              content(rest.out / "checkpoint-00000008" / file))
        << file;
  }
  EXPECT_EQ(content(straight.out / "report.json"), content(rest.out / "report.json"));
}

TEST_F(TrainTextTest, AStudentBeginsAsTheTeachersLayersAndRows) {
  cancel_ = true;  // a checkpoint of the beginning
  const TextConfig c = config({{"steps", 1}});
  EXPECT_EQ(run(c).error().code(), ErrorCode::cancelled);
  const auto ours =
      formats::SafetensorsFile::open(c.out / "checkpoint-00000000/training/parameters.safetensors");
  const auto theirs = formats::SafetensorsFile::open(fs::path(kNetwork) / "model.safetensors");
  ASSERT_TRUE(ours && theirs);
  for (const auto& [name, inherited] :
       {std::pair{"encoder.layer.0.attention.self.query.weight",
                  "encoder.layer.0.attention.self.query.weight"},
        std::pair{"encoder.layer.1.output.dense.bias", "encoder.layer.2.output.dense.bias"},
        std::pair{"embeddings.position_embeddings.weight",
                  "embeddings.position_embeddings.weight"}}) {
    const Tensor a = to_f32(*ours->find(name)), b = to_f32(*theirs->find(inherited));
    EXPECT_TRUE(std::ranges::equal(a.values<float>(), b.values<float>())) << name;
  }
  const Texts tokens = lines_of(c.out / "tokenizer" / "vocab.txt");
  const Texts all = lines_of(folder_ / "teacher" / "tokenizer" / "vocab.txt");
  const Tensor table = to_f32(*ours->find("embeddings.word_embeddings.weight"));
  const Tensor rows = to_f32(*theirs->find("embeddings.word_embeddings.weight"));
  const auto row = [](const Tensor& of, const Texts& in, const char* token) {
    const auto at = std::ranges::find(in, token);
    EXPECT_NE(at, in.end()) << token;
    return of.values<float>().subspan(static_cast<size_t>(at - in.begin()) * 48, 48);
  };
  EXPECT_TRUE(std::ranges::equal(row(table, tokens, "red"), row(rows, all, "red")));
  const auto foxes = row(table, tokens, "foxes");  // the teacher sees fox ##es
  const auto fox = row(rows, all, "fox"), es = row(rows, all, "##es");
  for (size_t i = 0; i < 48; ++i) EXPECT_NEAR(foxes[i], (fox[i] + es[i]) / 2, 1e-6);
}

TEST_F(TrainTextTest, AStudentWithEverythingOfTheTeachersGivesItsMeans) {
  const auto of = teacher();
  Parameters student;
  TextPair same = pair(of, lines_of(folder_ / "teacher" / "tokenizer" / "vocab.txt"), student);
  std::vector<ChunkedText> texts;
  for (const char* text : {"a red fox", "blue"}) texts.push_back(*same.chunked(text));
  const auto means = same.means(texts, student, false);
  ASSERT_TRUE(means) << means.error().message();
  EXPECT_TRUE(at::allclose(means->teacher, means->student, 1e-5, 1e-5));
  const at::Tensor chunks = at::tensor({1, 1, 1, 1, 1, 1, 1, 1, 0, 0}).view({2, 5});
  EXPECT_TRUE(at::equal(means->is_chunk, chunks.to(at::kFloat))) << "[CLS] blue [SEP]: three";
}

TEST_F(TrainTextTest, MeansDoNotDependOnTheOtherTextsOfABatch) {
  const auto of = teacher();
  Parameters student;
  TextPair other =
      pair(of, {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "red", "b", "##lue", "fox", "##es"},
           student);
  const ChunkedText text = *other.chunked("red foxes");
  EXPECT_EQ(text.chunks, 4);
  const std::vector<ChunkedText> alone = {text};
  const std::vector<ChunkedText> beside = {text, *other.chunked("a blue whale and red foxes")};
  const auto a = other.means(alone, student, false), b = other.means(beside, student, false);
  ASSERT_TRUE(a && b);
  for (const auto& [one, two] :
       {std::pair{a->teacher, b->teacher}, std::pair{a->student, b->student}}) {
    EXPECT_TRUE(at::allclose(one[0].narrow(0, 0, 4), two[0].narrow(0, 0, 4), 1e-5, 1e-5));
    EXPECT_TRUE(at::allclose(one[0][-1], two[0][-1], 1e-5, 1e-5));
  }
}

TEST_F(TrainTextTest, TextsAreCutWhereOneOfTheTwoIsFull) {
  const auto of = teacher();
  const auto chunked = [&](int64_t most) {
    return *chunk_text("red  foxes whale", *of->tokenizer, *of->tokenizer, most);
  };
  const ChunkedText whole = chunked(7);  // [CLS] red fox ##es wha ##le [SEP]
  EXPECT_EQ(whole.chunks, 5);
  EXPECT_EQ(whole.student.chunk_of, (std::vector<int32_t>{0, 1, 2, 2, 3, 3, 4}));
  EXPECT_EQ(chunked(6).student.chunk_of, (std::vector<int32_t>{0, 1, 2, 2, 3}));
  EXPECT_EQ(chunked(3).student.chunk_of, (std::vector<int32_t>{0, 1, 2}));
}

TEST_F(TrainTextTest, WhatDoesNotFitTheTeacherIsRefusedByName) {
  const auto deep = run(config({{"layers", 4}}));
  ASSERT_FALSE(deep);
  EXPECT_NE(deep.error().message().find("layers: 4"), std::string::npos) << deep.error().message();
  const auto longer = run(config({{"max_tokens", 129}}));
  ASSERT_FALSE(longer);
  EXPECT_NE(longer.error().message().find("max_tokens: 129"), std::string::npos);
  const auto clip = run(config({{"teacher", EF_SOURCE_DIR "/tests/goldens/pipelines/sd"}}));
  ASSERT_FALSE(clip);
  EXPECT_NE(clip.error().message().find("expected BertModel"), std::string::npos);
}

TEST_F(TrainTextTest, ABatchMayBeLargerThanThatOfAGraph) {
  const auto report = run(config({{"batch", 1100}, {"steps", 1}}));
  EXPECT_TRUE(report) << report.error().message();
}

TEST_F(TrainTextTest, AFileThatIsMissingIsNamedByThePlanAsByTheRun) {
  for (const auto& [field, value] : {std::pair{"shards", json::array({"none.tar"})},
                                     {"texts", json::array({"lines.txt", "none.txt"})},
                                     {"val_shards", json::array({"none.tar"})},
                                     {"wordnet", json("none")}}) {
    const TextConfig c = config({{field, value}});
    const auto plan = plan_text(c);
    const auto report = run(c);
    ASSERT_FALSE(plan) << field;
    ASSERT_FALSE(report) << field;
    EXPECT_EQ(plan.error().message(), report.error().message()) << field;
    EXPECT_NE(plan.error().message().find("none"), std::string::npos) << plan.error().message();
    EXPECT_FALSE(fs::exists(c.out));
  }
}

TEST_F(TrainTextTest, AStepThatFitsIntoNoMemoryIsRefusedBeforeAnythingIsRead) {
  json network = json::parse(content(folder_ / "teacher/text_encoder/config.json"));
  network.update(
      {{"hidden_size", 16384}, {"intermediate_size", 65536}, {"num_hidden_layers", 128}});
  write("teacher/text_encoder/config.json", network.dump());
  const TextConfig c = config({{"layers", 128}, {"texts", {"none.txt"}}});
  const auto plan = plan_text(c);
  const auto report = run(c);
  ASSERT_FALSE(plan);
  ASSERT_FALSE(report);
  EXPECT_EQ(plan.error().code(), ErrorCode::resource_exhausted) << plan.error().message();
  EXPECT_EQ(report.error().code(), ErrorCode::resource_exhausted) << report.error().message();
  EXPECT_NE(report.error().message().find("\"max_tokens\""), std::string::npos);
}

TEST(InheritedLayer, LayersAreEvenlySpacedAndTheLastIsAmongThem) {
  const auto layers = [](int64_t student, int64_t of) {
    std::vector<int64_t> all;
    for (int64_t i = 0; i < student; ++i) all.push_back(inherited_layer(i, student, of));
    return all;
  };
  EXPECT_EQ(layers(3, 6), (std::vector<int64_t>{1, 3, 5}));
  EXPECT_EQ(layers(2, 3), (std::vector<int64_t>{0, 2}));
  EXPECT_EQ(layers(4, 6), (std::vector<int64_t>{0, 2, 3, 5}));
  EXPECT_EQ(layers(3, 3), (std::vector<int64_t>{0, 1, 2}));
}

}  // namespace
}  // namespace edgefusion::train
