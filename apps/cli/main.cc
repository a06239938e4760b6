#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <exception>
#include <string>
#include <string_view>

#include "cli/command.h"
#include "core/env.h"
#include "core/nearest_name.h"

namespace edgefusion::cli {
namespace {

constexpr int kFailed = 1, kWrongUsage = 2, kInterrupted = 130;

constexpr auto kCommands = std::to_array<Command>({
    {"generate", "paint a picture from text", declare_generate},
    {"inspect", "show what a model is: networks, parameters, cost, memory", declare_inspect},
    {"exec", "run one network on tensors from a file", declare_exec},
    {"tokenize", "show the token ids of texts", declare_tokenize},
    {"convert", "turn a model into one file, or back into a folder", declare_convert},
    {"bench", "time a real architecture on random weights", declare_bench},
    {"eval", "judge pictures, and what a model paints in 1, 2, 4 and 8 steps", declare_eval},
    {"quantize", "make a bundle of fewer bits, with a report of what each layer cost", declare_quantize},
    {"plan", "tile a network for a described NPU, and time it there", declare_plan},
    {"profile", "show where time, bytes and products of a picture go", declare_profile},
    {"export-onnx", "write networks as ONNX files, whole or in the parts of a plan",
     declare_export_onnx},
    {"kernels", "show instruction sets and the kernels chosen here", declare_kernels},
    {"data", "prepare training data, shards in and shards out", declare_data},
#ifdef EF_TRAIN
    {"train", "train a model's networks on captioned pictures and texts", declare_train},
#endif
});

/// The form of every message that ends the program; what came from outside may hold line breaks.
void print_error(std::string line) {
  std::ranges::replace(line, '\n', ' ');
  std::fprintf(stderr, "edgefusion: error: %s\n", line.c_str());
}

/// Results that did not arrive (a full disk, a closed pipe) are a failure like any other.
Status flush_results() {
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return {};
  return fail(ErrorCode::io, std::string("standard output: cannot write: ") + std::strerror(errno));
}

int report(Status status) {
  if (status) status = flush_results();
  if (status) return 0;
  if (status.error().code() == ErrorCode::cancelled) {
    std::fputs("edgefusion: cancelled\n", stderr);
    return kInterrupted;
  }
  print_error(status.error().message());
  return kFailed;
}

/// CLI11 says only that a command is missing, also when one was mistyped.
std::string usage_message(const CLI::App& app, const CLI::ParseError& error) {
  const std::vector<std::string> strangers = app.remaining();
  if (!app.get_subcommands().empty() || strangers.empty()) return error.what();
  std::array<std::string_view, kCommands.size()> names;
  std::ranges::transform(kCommands, names.begin(), [](const Command& c) { return c.name; });
  return unknown_name_message("command", strangers.front(), names);
}

/// --help and --version come as such errors too, with exit code 0.
int report_usage(const CLI::App& app, const CLI::ParseError& error) {
  if (error.get_exit_code() == 0) return app.exit(error);
  std::string help = app.get_name();
  for (const CLI::App* command : app.get_subcommands()) help += " " + command->get_name();
  print_error(usage_message(app, error) + " (see " + help + " --help)");
  return kWrongUsage;
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
    return report_usage(app, error);
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
    // Libraries put a trace of calls behind their message.
    const std::string_view text = error.what();
    const std::string line(text.substr(0, text.find('\n')));
    std::fprintf(stderr, "edgefusion: error: %s\n", line.c_str());
  }
  return 1;
}
