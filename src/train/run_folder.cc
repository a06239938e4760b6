#include "train/run_folder.h"

#include "train/checkpoint.h"

namespace edgefusion::train {

Status check_out(const RunConfig& config, bool resume) {
  const auto checkpoint = newest_checkpoint(config.out);
  if (resume && !checkpoint) {
    return fail(ErrorCode::not_found, config.out.string() + ": no checkpoint to go on from");
  }
  if (!resume && checkpoint) {
    return fail(ErrorCode::invalid_argument,
                checkpoint->string() +
                    ": a checkpoint of an earlier run; go on with --resume, or "
                    "choose another folder for \"out\"");
  }
  return {};
}

Status prepare_out(const RunConfig& config, bool resume) {
  EF_TRY_STATUS(check_out(config, resume));
  std::error_code error;
  std::filesystem::create_directories(config.out, error);
  if (error) return fail(ErrorCode::io, config.out.string() + ": " + error.message());
  return {};
}

}  // namespace edgefusion::train
