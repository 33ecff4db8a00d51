#include "threads.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <system_error>
#include <thread>

namespace ondol {
namespace {

constexpr int64_t MAX_THREADS = 1024;

// Lives on its caller's stack, linked into the pool while it accepts workers.
struct Job {
  Task task;
  void* context;
  int64_t tasks, piece, threads;
  std::atomic<int64_t> next{0};
  int64_t joined = 1;   // threads that ever joined; the caller is thread 0     (guarded by the pool's mutex)
  int64_t working = 0;  // workers inside                                       (guarded by the pool's mutex)
  std::condition_variable idle;
  Job* following = nullptr;

  bool open() const { return joined < threads && next.load(std::memory_order_relaxed) < tasks; }
};

class Pool {
 public:
  Pool() : limit_(std::max<int64_t>(1, std::thread::hardware_concurrency())) {}

  int64_t threads() const { return limit_.load(std::memory_order_relaxed); }

  void set_threads(int64_t threads) {
    std::lock_guard<std::mutex> lock(mutex_);
    limit_ = std::min(std::max<int64_t>(1, threads), MAX_THREADS);
    wake_.notify_all();
  }

  void run(Job& job) {
    if (job.tasks <= 0) return;
    {
      std::lock_guard<std::mutex> lock(mutex_);
      busy_++;
      if (job.threads > 1) {
        enter(job);
        grow(job.threads - 1);
        for (int64_t i = 1; i < job.threads; i++) wake_.notify_one();
      }
    }
    work(job, 0, false);
    std::unique_lock<std::mutex> lock(mutex_);
    if (job.threads > 1) {
      leave(job);
      job.idle.wait(lock, [&] { return job.working == 0; });
    }
    busy_--;
    if (jobs_ != nullptr) wake_.notify_one();
  }

 private:
  // Pieces of tasks until none is left. A worker steps back as soon as callers and workers together outnumber the
  // limit; the job's caller then finishes alone.
  void work(Job& job, int64_t thread, bool worker) {
    while (!(worker && busy_.load(std::memory_order_relaxed) > threads())) {
      const int64_t begin = job.next.fetch_add(job.piece, std::memory_order_relaxed);
      if (begin >= job.tasks) return;
      job.task(job.context, begin, std::min(begin + job.piece, job.tasks), thread);
    }
  }

  void serve() {
    std::unique_lock<std::mutex> lock(mutex_);
    for (;;) {
      Job* job = nullptr;
      wake_.wait(lock, [&] { return busy_ < threads() && (job = find()) != nullptr; });
      const int64_t thread = job->joined++;
      job->working++;
      busy_++;
      lock.unlock();
      work(*job, thread, true);
      lock.lock();
      busy_--;
      if (--job->working == 0) job->idle.notify_one();
    }
  }

  Job* find() const {
    for (Job* job = jobs_; job != nullptr; job = job->following) {
      if (job->open()) return job;
    }
    return nullptr;
  }

  void enter(Job& job) {
    Job** end = &jobs_;
    while (*end != nullptr) end = &(*end)->following;
    *end = &job;
  }

  void leave(Job& job) {
    Job** link = &jobs_;
    while (*link != &job) link = &(*link)->following;
    *link = job.following;
  }

  // Fewer workers than asked for, where the system refuses more threads, only make a call slower.
  void grow(int64_t workers) {
    try {
      while (workers_ < workers) {
        std::thread(&Pool::serve, this).detach();
        workers_++;
      }
    } catch (const std::system_error&) {
    }
  }

  std::mutex mutex_;
  std::condition_variable wake_;
  std::atomic<int64_t> limit_;
  std::atomic<int64_t> busy_{0};  // callers and workers at work; written under the mutex
  int64_t workers_ = 0;
  Job* jobs_ = nullptr;
};

// Never destroyed: workers may outlive static destructors, and sleep until the process ends.
Pool& pool() {
  static Pool* const pool = new Pool;
  return *pool;
}

}  // namespace

int64_t thread_count() {
  return pool().threads();
}

void set_thread_count(int64_t threads) {
  pool().set_threads(threads);
}

void parallel(int64_t tasks, int64_t threads, Task task, void* context) {
  Job job;
  job.task = task;
  job.context = context;
  job.tasks = tasks;
  job.threads = std::min(threads, tasks);
  // Up to eight pieces a thread: even load without much traffic on the counter.
  job.piece = std::max<int64_t>(1, tasks / (8 * std::max<int64_t>(1, job.threads)));
  pool().run(job);
}

}  // namespace ondol
