// SPDX-License-Identifier: Apache-2.0
// Reads a trace and checks every rule of its format on the way. Program tarn.
#include "trace/trace_reader.hpp"

#include <string_view>

#include "common/exit_status.hpp"
#include "trace/event_reader.hpp"
#include "trace/header_reader.hpp"
#include "trace/input.hpp"

namespace tarn::tools {

namespace {

Trace read_bare(Input& input) {
  Trace trace;
  trace.header = read_trace_header(input);
  trace.events = EventReader(input, trace.header).read_all();
  return trace;
}

Trace read_any(ByteSource& source) {
  Input input(source);
  if (!input.ensure(1)) throw TraceError("the file is empty: it ends", 0, ByteOf::file);
  input.ensure(4);
  if (is_zstd_frame(input.visible())) {
    ZstdSource frame(input);
    Input unpacked(frame);
    return read_bare(unpacked);
  }
  if (input.visible()[0] != 'A') {
    throw TraceError("neither a zstd frame nor a bare ATRC trace: wrong", 0, ByteOf::file);
  }
  return read_bare(input);
}

}  // namespace

Trace read_trace_bytes(std::span<const std::uint8_t> bytes) {
  SpanSource source(bytes);
  return read_any(source);
}

Trace read_trace_file(const std::string& path) {
  FileSource source(path);
  try {
    return read_any(source);
  } catch (const TraceError& error) {
    throw UsageError(path + ": " + error.what());
  }
}

std::string trace_name(const std::string& path) {
  std::string_view name = path;
  const std::size_t slash = name.find_last_of('/');
  if (slash != std::string_view::npos) name.remove_prefix(slash + 1);
  for (const std::string_view ending : {std::string_view(".zst"), std::string_view(".atrc")}) {
    if (name.size() > ending.size() && name.ends_with(ending)) name.remove_suffix(ending.size());
  }
  return std::string(name);
}

}  // namespace tarn::tools
