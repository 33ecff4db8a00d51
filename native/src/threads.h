// The library's own threads, for callers without a pool.
#ifndef ONDOL_THREADS_H
#define ONDOL_THREADS_H

#include <stdint.h>

namespace ondol {

int64_t thread_count();
void set_thread_count(int64_t threads);

// Calls task(context, begin, end, thread) for pieces that cover [0, tasks), on the calling thread (thread 0) and on
// idle workers (thread < threads), and returns when all are done. Callers may come from many threads at once and share
// the workers; a caller always makes progress by itself. Workers sleep while there is nothing to do.
typedef void (*Task)(void* context, int64_t begin, int64_t end, int64_t thread);
void parallel(int64_t tasks, int64_t threads, Task task, void* context);

}  // namespace ondol

#endif
