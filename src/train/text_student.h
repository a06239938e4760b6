#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/result.h"
#include "train/parameters.h"
#include "train/text_teacher.h"

namespace edgefusion::train {

/// config.json of a student: the teacher's with fewer layers and another vocabulary. Errors:
/// invalid_argument, for more layers than the teacher has.
Result<nlohmann::json> text_student_config(const TextTeacher& teacher, int64_t layers,
                                           int64_t vocabulary_size);

/// The teacher's layer that layer `layer` of the student begins as: evenly spaced, the last one
/// among them.
int64_t inherited_layer(int64_t layer, int64_t student_layers, int64_t teacher_layers);

/// What a student begins as: layers and all but the table of words are copies. A token's row is
/// the teacher's of that token, or the mean of those of the pieces that the teacher sees in it.
/// `config` is text_student_config's, `tokens` are the student's by id. Errors: those of building
/// the network.
Result<Parameters> first_text_student(const TextTeacher& teacher, const nlohmann::json& config,
                                      const std::vector<std::string>& tokens);

/// Learns the student's vocabulary from lines of UTF-8. Padding has id 0.
Result<std::vector<std::string>> learn_student_vocabulary(const TextTeacher& teacher,
                                                          const std::vector<std::string>& lines,
                                                          int64_t size);

/// Writes a tokenizer's folder: these tokens with the teacher's settings. Errors: io.
Status write_student_tokenizer(const std::filesystem::path& folder, const TextTeacher& teacher,
                               const std::vector<std::string>& tokens);

/// The tokens of such a folder by id. Errors: not_found, io.
Result<std::vector<std::string>> read_student_tokens(const std::filesystem::path& folder);

}  // namespace edgefusion::train
