#pragma once

#include "core/bytes.h"

namespace frdpu::core {

/// Tells whether bytes are well-formed UTF-8: no overlong forms, no surrogates, nothing above
/// U+10FFFF, nothing cut off. Empty is well-formed. Source: RFC 3629, section 4.
/// Threads: any. Cost: one pass, eight bytes at a time where the text is ASCII.
[[nodiscard]] bool is_utf8(Bytes bytes) noexcept;

}  // namespace frdpu::core
