#pragma once

#include <atomic>
#include <functional>

#include "core/result.h"
#include "core/runtime.h"
#include "pipeline/text_to_image.h"
#include "profile/profile.h"
#include "profile/recorder.h"

namespace edgefusion::profile {

struct ProfileOptions {
  int requests = 5;  ///< traced ones; one more before them looks at memory
  std::function<void(int done, int total)> progress = {};
  const std::atomic<bool>* cancel = nullptr;  ///< looked at between requests
  /// Told what is profiled as soon as that is known; an error it returns ends the work.
  std::function<Status(const Subject& subject)> subject_known = {};
};

/// Profiles a request as the pipeline serves it, from the text to pixels. `model_name`: for the
/// subject. Errors: those of generate(), cancelled, and a trace that is too long.
Result<Recording> profile_request(const pipeline::TextToImage& painter,
                                  const pipeline::GenerationRequest& request,
                                  const std::string& model_name, const Runtime& runtime,
                                  const ProfileOptions& options = {});

/// Serves options.requests requests by `serve`, each traced. Errors: those of `serve`, cancelled, a
/// trace that is too long.
Status trace_requests(Recorder& recorder, const ProfileOptions& options,
                      const std::function<Status()>& serve);

/// What the recorder saw, with what it does not see; `memory` without that of the Programs.
Recording finish_recording(Recorder&& recorder, Subject subject, const Machine& machine,
                           Memory memory);

/// What the arithmetic units and the memory of this machine do now.
Machine measure_machine(const Runtime& runtime);

}  // namespace edgefusion::profile
