#include "train/processes.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <future>
#include <string>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
#include <vector>

#include "graph/builder.h"
#include "train/parameters.h"

namespace edgefusion::train {
namespace {

Environment second_of_two() {
  Environment environment;
  environment.rank = "1";
  environment.world_size = "2";
  environment.master_address = "127.0.0.1";
  environment.master_port = "29500";
  return environment;
}

TEST(ProcessPlace, WithoutVariablesOrWithOneProcessItIsAlone) {
  EXPECT_EQ(process_place({})->size, 1);
  Environment one;
  one.world_size = "1";
  EXPECT_EQ(process_place(one)->size, 1);
  Environment rank_of_somebody_else;
  rank_of_somebody_else.rank = "7";
  EXPECT_EQ(process_place(rank_of_somebody_else)->size, 1);
}

TEST(ProcessPlace, TakesWhatTorchrunSets) {
  Environment environment = second_of_two();
  const auto place = process_place(environment);
  ASSERT_TRUE(place) << place.error().message();
  EXPECT_EQ(place->rank, 1);
  EXPECT_EQ(place->size, 2);
  EXPECT_EQ(place->address, "127.0.0.1");
  EXPECT_EQ(place->port, 29500);
  EXPECT_TRUE(place->agent_prefix.empty());
  environment.agent_store = "True";
  environment.restart_count = "3";
  EXPECT_EQ(process_place(environment)->agent_prefix, "/worker/attempt_3");
}

TEST(ProcessPlace, AWrongVariableIsNamedWithWhatWasExpectedAndFound) {
  const auto message = [](auto change) {
    Environment environment = second_of_two();
    change(environment);
    const auto place = process_place(environment);
    EXPECT_FALSE(place);
    return place ? std::string() : place.error().message();
  };
  EXPECT_EQ(message([](Environment& e) { e.rank = "2"; }),
            "environment: RANK: expected a number from 0 to 1, found \"2\"");
  EXPECT_EQ(message([](Environment& e) { e.world_size = "two"; }),
            "environment: WORLD_SIZE: expected a number from 1 to 65536, found \"two\"");
  EXPECT_EQ(message([](Environment& e) { e.master_port.reset(); }),
            "environment: MASTER_PORT: expected a number from 1 to 65535, found nothing");
  EXPECT_NE(message([](Environment& e) { e.master_address.reset(); }).find("MASTER_ADDR"),
            std::string::npos);
  EXPECT_NE(message([](Environment& e) { e.local_rank = "-1"; }).find("LOCAL_RANK"),
            std::string::npos);
}

/// Places that meet at a port which is served as torchrun's agent does it: no two tests can want
/// the same one.
class ProcessesTest : public testing::Test {
 protected:
  /// libtorch's flight recorder is one for a whole program, and not for members that are threads:
  /// several groups that meet at a time break its table.
  static void SetUpTestSuite() { ::setenv("TORCH_FR_BUFFER_SIZE", "0", 1); }

  void SetUp() override {
    c10d::TCPStoreOptions options;
    options.port = 0;  // any that is free
    options.isServer = true;
    options.waitWorkers = false;
    store_ = c10::make_intrusive<c10d::TCPStore>("127.0.0.1", options);
  }

  ProcessPlace place(int64_t rank, int64_t size) const {
    return {rank, size, rank, "127.0.0.1", store_->getPort(), "/worker/attempt_0"};
  }

  /// Runs `work` in each of `size` members, which are threads here.
  template <typename Work>
  void together(int64_t size, const Work& work) const {
    std::vector<std::future<void>> members;
    for (int64_t rank = 0; rank < size; ++rank) {
      members.push_back(std::async(std::launch::async, [&, rank] {
        auto processes = Processes::join(place(rank, size), {std::chrono::seconds(60)});
        ASSERT_TRUE(processes) << processes.error().message();
        work(*processes);
      }));
    }
    for (auto& member : members) member.get();
  }

  c10::intrusive_ptr<c10d::TCPStore> store_;
};

/// One tensor that fills a bucket, and small ones around it.
Parameters parameters(float value) {
  graph::GraphBuilder builder("three", nullptr);
  for (const auto& [name, width] : {std::pair{"a", 3}, {"b", 5'000'000}, {"c", 7}}) {
    const graph::ValueId weight = builder.weight(graph::WeightScope(name), {2, width});
    builder.output(std::string("out_") + name, builder.affine(weight, 1.0f, 0.0f));
  }
  Parameters parameters = Parameters::initialize(*builder.finish(), 1);
  for (const at::Tensor& tensor : parameters.list()) {
    tensor.detach().fill_(value);
    tensor.mutable_grad() = at::full_like(tensor.detach(), value);
  }
  return parameters;
}

TEST_F(ProcessesTest, GradientsBecomeTheirMeanAndParametersThoseOfTheFirst) {
  together(3, [](Processes& processes) {
    const Parameters mine = parameters(static_cast<float>(processes.rank() * processes.rank()));
    mine.at("c").mutable_grad().t()[6][1] = static_cast<float>(processes.rank());
    ASSERT_TRUE(processes.average_gradients(mine));
    EXPECT_FLOAT_EQ(mine.at("a").grad().min().item<float>(), 5.0f / 3);
    EXPECT_FLOAT_EQ(mine.at("b").grad().max().item<float>(), 5.0f / 3);
    EXPECT_FLOAT_EQ(mine.at("c").grad()[1][6].item<float>(), 1.0f);
    ASSERT_TRUE(processes.copy_from_first(mine));
    for (const at::Tensor& tensor : mine.list()) {
      EXPECT_EQ(tensor.abs().max().item<float>(), 0.0f);
      EXPECT_TRUE(tensor.requires_grad());
    }
  });
}

TEST_F(ProcessesTest, TheyAgreeOnWhatOneOfThemSays) {
  together(2, [](Processes& processes) {
    EXPECT_FALSE(*processes.any(false));
    EXPECT_TRUE(*processes.any(processes.rank() == 1));
    std::vector<double> values = {1.0 + static_cast<double>(processes.rank()), 4.0};
    ASSERT_TRUE(processes.average(values));
    EXPECT_EQ(values, (std::vector<double>{1.5, 4.0}));
    const std::vector<std::string> names = {"steps", "batch"};
    EXPECT_TRUE(processes.agree(std::vector<int64_t>{3, 4}, names));
    const Status differ = processes.agree(std::vector<int64_t>{3, 4 + processes.rank()}, names);
    ASSERT_FALSE(differ);
    EXPECT_NE(differ.error().message().find("batch is " + std::to_string(4 + processes.rank())),
              std::string::npos)
        << differ.error().message();
  });
}

TEST_F(ProcessesTest, AFunctionOfTheirMeanHasTheGradientThatOneProcessWouldHave) {
  const auto loss = [](const at::Tensor& mean) { return mean.pow(3).sum(); };
  const at::Tensor rows = at::tensor({1.0f, -2.0f, 4.0f, 0.5f}).view({2, 2});
  const at::Tensor alone = at::ones({2}).requires_grad_();
  loss((rows * alone).mean(0)).backward();
  together(2, [&](Processes& processes) {
    const at::Tensor scale = at::ones({2}).requires_grad_();
    const at::Tensor row = rows[processes.rank()] * scale;
    const auto mean = processes.mean(row);
    ASSERT_TRUE(mean) << mean.error().message();
    EXPECT_TRUE(at::allclose(*mean, rows.mean(0)));
    EXPECT_TRUE(at::equal(row, rows[processes.rank()])) << "it is not written to";
    loss(*mean).backward();
    const auto gradient = processes.mean(scale.grad());
    ASSERT_TRUE(gradient) << gradient.error().message();
    EXPECT_TRUE(at::allclose(*gradient, alone.grad()));
  });
}

TEST_F(ProcessesTest, TheOthersComeAfterTheFirstAndNotAtAllIfItFails) {
  std::atomic<int> done{0};
  together(2, [&](Processes& processes) {
    ASSERT_TRUE(processes.first_before_others([&]() -> Status {
      EXPECT_EQ(done++, processes.rank());
      return {};
    }));
    const Status failed = processes.first_before_others([&]() -> Status {
      EXPECT_TRUE(processes.first());
      return fail(ErrorCode::bad_file, "broken");
    });
    ASSERT_FALSE(failed);
    EXPECT_NE(failed.error().message().find(processes.first() ? "broken" : "process 0 failed"),
              std::string::npos);
  });
}

TEST_F(ProcessesTest, OneThatEndsIsAnErrorOfTheOthers) {
  together(2, [](Processes& processes) {
    ASSERT_TRUE(processes.any(false));
    if (!processes.first()) return;  // it leaves
    const auto said = processes.any(false);
    ASSERT_FALSE(said);
    EXPECT_EQ(said.error().code(), ErrorCode::io);
    EXPECT_NE(said.error().message().find("process 0 of 2: another process"), std::string::npos)
        << said.error().message();
  });
}

TEST_F(ProcessesTest, WhoeverDoesNotComeIsWaitedForNoLongerThanAsked) {
  const auto alone = Processes::join(place(0, 2), {std::chrono::seconds(1)});
  ASSERT_FALSE(alone);
  EXPECT_NE(alone.error().message().find("the others were not met"), std::string::npos)
      << alone.error().message();
}

}  // namespace
}  // namespace edgefusion::train
