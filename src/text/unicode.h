#pragma once

#include <string>
#include <string_view>

#include "core/result.h"

namespace edgefusion::text {

/// UTF-8 to code points. Errors: invalid_argument naming the byte offset (stray, cut or overlong
/// sequences, surrogates, beyond U+10FFFF).
Result<std::u32string> decode_utf8(std::string_view utf8);
void append_utf8(char32_t c, std::string& dst);
std::string to_utf8(std::u32string_view text);

/// Classes of code points as the `tokenizers` library sees them.
bool is_space(char32_t c);             ///< White_Space
bool is_letter(char32_t c);            ///< \p{L}
bool is_number(char32_t c);            ///< \p{N}
bool is_nonspacing_mark(char32_t c);   ///< Mn
bool is_word(char32_t c);              ///< \w: letters, marks, digits, connecting punctuation
bool is_bert_punctuation(char32_t c);  ///< P*, and every ASCII symbol
bool is_bert_control(char32_t c);      ///< what BERT drops: Cc, Cf, Co and U+FFFD; not tab, CR, LF
bool is_cjk_ideograph(char32_t c);     ///< the blocks BERT puts spaces around

/// Each code point on its own (no final sigma, no locale); U+0130 becomes two.
std::u32string to_lower(std::u32string_view text);
/// Canonical composition and decomposition; time is n log n even for endless runs of marks.
std::u32string to_nfc(std::u32string_view text);
std::u32string to_nfd(std::u32string_view text);

}  // namespace edgefusion::text
