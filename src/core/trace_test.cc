#include "core/trace.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "core/thread_pool.h"

namespace edgefusion {
namespace {

TEST(Trace, ScopesLieWithinEachOtherAndKeepTheirNames) {
  Trace trace(1, 8);
  {
    const TraceScope outer(&trace, SpanKind::stage, "outer");
    const TraceScope inner(&trace, SpanKind::step, trace.label("inner"), 7);
  }
  const auto spans = trace.spans(0);
  ASSERT_EQ(spans.size(), 2u);
  EXPECT_EQ(trace.name(spans[0].label), "inner");
  EXPECT_EQ(spans[0].index, 7);
  EXPECT_EQ(spans[0].kind, SpanKind::step);
  EXPECT_EQ(trace.name(spans[1].label), "outer");
  EXPECT_LE(spans[1].begin_ns, spans[0].begin_ns);
  EXPECT_LE(spans[0].begin_ns, spans[0].end_ns);
  EXPECT_LE(spans[0].end_ns, spans[1].end_ns);
  EXPECT_EQ(trace.label("inner"), spans[0].label);
}

TEST(Trace, WithoutRoomSpansAreCountedNotWritten) {
  Trace trace(1, 2);
  for (int i = 0; i < 5; ++i) const TraceScope scope(&trace, SpanKind::host, "a");
  EXPECT_EQ(trace.spans(0).size(), 2u);
  EXPECT_EQ(trace.lost(), 3u);
  trace.clear();
  EXPECT_EQ(trace.lost(), 0u);
  EXPECT_TRUE(trace.spans(0).empty());
  EXPECT_EQ(trace.labels(), 1u);
}

TEST(Trace, EveryPartOfALoopIsASpanOfTheWorkerThatTookIt) {
  for (const int threads : {2, 5}) {
    ThreadPool pool(threads);
    Trace trace(threads, 1000);
    pool.set_trace(&trace);
    const int32_t label = trace.label("loop");
    trace.begin_loops(label, 3);
    std::atomic<int> parts{0};  // that workers took
    const auto here = std::this_thread::get_id();
    for (int i = 0; i < 50; ++i) {
      pool.parallel_for(threads, [&](int64_t, int64_t, int) {
        if (std::this_thread::get_id() != here) ++parts;
      });
    }
    pool.set_trace(nullptr);
    pool.parallel_for(threads, [&](int64_t, int64_t, int) {});
    size_t spans = 0;
    for (int thread = 0; thread < threads; ++thread) {
      spans += trace.spans(thread).size();
      int64_t last = 0;
      for (const TraceSpan& span : trace.spans(thread)) {
        EXPECT_EQ(span.kind, SpanKind::part);
        EXPECT_EQ(span.label, label);
        EXPECT_EQ(span.index, 3);
        EXPECT_GE(span.begin_ns, last) << "one thread does one thing at a time";
        last = span.end_ns;
      }
    }
    EXPECT_EQ(spans, static_cast<size_t>(parts.load()));
    EXPECT_TRUE(trace.spans(0).empty());
  }
}

}  // namespace
}  // namespace edgefusion
