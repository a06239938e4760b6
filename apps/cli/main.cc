#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <exception>

#include "cli/command.h"
#include "core/env.h"

namespace edgefusion::cli {
namespace {

constexpr int kFailed = 1, kWrongUsage = 2, kInterrupted = 130;

constexpr std::array kCommands = {
    Command{"generate", "paint a picture from text", declare_generate},
    Command{"inspect", "show what a model is: networks, parameters, cost, memory", declare_inspect},
    Command{"exec", "run one network on tensors from a file", declare_exec},
    Command{"tokenize", "show the token ids of texts", declare_tokenize},
    Command{"bench", "time a real architecture on random weights", declare_bench},
    Command{"kernels", "show instruction sets and the kernels chosen here", declare_kernels},
};

int report(const Status& status) {
  if (status) return 0;
  if (status.error().code() == ErrorCode::cancelled) {
    std::fputs("edgefusion: cancelled\n", stderr);
    return kInterrupted;
  }
  std::string line = status.error().message();
  std::ranges::replace(line, '\n', ' ');
  std::fprintf(stderr, "edgefusion: error: %s\n", line.c_str());
  return kFailed;
}

int run(int argc, char** argv) {
  CLI::App app("Text to pictures on ordinary CPUs.", "edgefusion");
  app.set_version_flag("--version", std::string("edgefusion ") + EF_VERSION);
  app.require_subcommand(1);
  CommonOptions common;
  std::array<Action, kCommands.size()> actions;
  for (size_t i = 0; i < kCommands.size(); ++i) {
    CLI::App* command = app.add_subcommand(kCommands[i].name, kCommands[i].summary);
    actions[i] = kCommands[i].declare(*command);
    command->add_option("--threads", common.threads, "Threads to use; 0: one per CPU")
        ->check(CLI::Range(0, 1024))
        ->capture_default_str();
    command->add_flag("-v,--verbose", common.verbose, "Say more on stderr");
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error);
    return code == 0 ? 0 : kWrongUsage;
  }
  for (size_t i = 0; i < kCommands.size(); ++i) {
    if (app.got_subcommand(kCommands[i].name)) return report(actions[i](common));
  }
  return kWrongUsage;
}

}  // namespace

Result<Runtime> make_runtime(const CommonOptions& common) {
  const Environment environment = read_environment();
  const LogLevel level = common.verbose ? LogLevel::debug : LogLevel::warn;
  auto runtime = Runtime::make(common.threads, environment.isa.value_or(""), stderr_log(level));
  if (!runtime) return fail(std::move(runtime).error().with_context("EDGEFUSION_ISA"));
  return runtime;
}

}  // namespace edgefusion::cli

int main(int argc, char** argv) {
  // A closed pipe or a file over its size limit shall come back as an error, not kill the program.
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
  try {
    return edgefusion::cli::run(argc, argv);
  } catch (const std::bad_alloc&) {
    std::fputs("edgefusion: error: out of memory\n", stderr);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "edgefusion: error: %s\n", error.what());
  }
  return 1;
}
