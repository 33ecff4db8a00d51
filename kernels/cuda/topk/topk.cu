// topk: a block owns a row. The k-th word is found digit by digit, from the highest on, by histograms; the k words up
// to it are gathered in any order and sorted by a bitonic network, whose result depends on none.
#include "../common/order.cuh"

namespace ondol::cuda {
namespace {

constexpr int THREADS = 512;
constexpr int BITS = 8;
constexpr int DIGITS = 1 << BITS;

struct Shared {
  int histogram[DIGITS];
  int gathered;
};

ONDOL_DEVICE uint64_t row_word(const ondol_topk_args& a, const float* x, int64_t i) {
  return order_word(order_key(x[i], a.largest ? 0 : -1), i);
}

// Counts the digit at `shift` of all words that agree with `found` above it.
ONDOL_DEVICE void count_digits(const ondol_topk_args& a, const float* x, uint64_t found, int shift, Shared& shared) {
  __syncthreads();
  for (int d = threadIdx.x; d < DIGITS; d += THREADS) shared.histogram[d] = 0;
  __syncthreads();
  for (int64_t i = threadIdx.x; i < a.n; i += THREADS) {
    uint64_t word = row_word(a, x, i);
    bool agrees = shift + BITS == 64 || (word ^ found) >> (shift + BITS) == 0;
    if (agrees) atomicAdd(&shared.histogram[static_cast<int>(word >> shift) & (DIGITS - 1)], 1);
  }
  __syncthreads();
}

// The greatest of the k least words; every thread finds the same.
ONDOL_DEVICE uint64_t last_word(const ondol_topk_args& a, const float* x, Shared& shared) {
  uint64_t found = 0;
  int64_t wanted = a.k;
  for (int shift = 64 - BITS; shift >= 0; shift -= BITS) {
    count_digits(a, x, found, shift, shared);
    int digit = 0;
    while (digit < DIGITS - 1 && shared.histogram[digit] < wanted) wanted -= shared.histogram[digit++];
    found |= static_cast<uint64_t>(digit) << shift;
    if (shared.histogram[digit] == wanted) return found | ((uint64_t{1} << shift) - 1);  // all that begin so
  }
  return found;
}

ONDOL_DEVICE void gather(const ondol_topk_args& a, const float* x, uint64_t last, uint64_t* words, int64_t size,
                         Shared& shared) {
  for (int64_t i = threadIdx.x; i < size; i += THREADS) words[i] = NO_WORD;
  if (threadIdx.x == 0) shared.gathered = 0;
  __syncthreads();
  for (int64_t i = threadIdx.x; i < a.n; i += THREADS) {
    uint64_t word = row_word(a, x, i);
    if (word > last) continue;
    int at = atomicAdd(&shared.gathered, 1);
    if (at < a.k) words[at] = word;
  }
  __syncthreads();
}

ONDOL_DEVICE void sort(uint64_t* words, int64_t size) {
  for (int64_t run = 2; run <= size; run *= 2) {
    for (int64_t step = run / 2; step > 0; step /= 2) {
      for (int64_t pair = threadIdx.x; pair < size / 2; pair += THREADS) {
        int64_t low = 2 * step * (pair / step) + pair % step, high = low + step;
        uint64_t p = words[low], q = words[high];
        bool up = (low & run) == 0;
        if ((p > q) == up) words[low] = q, words[high] = p;
      }
      __syncthreads();
    }
  }
}

__global__ void __launch_bounds__(THREADS) topk(ondol_topk_args a, uint64_t* workspace, int64_t size) {
  Shared& shared = ondol::cuda::shared<Shared>();
  int64_t row = blockIdx.x;
  const float* x = a.x + row * a.x_row;
  uint64_t* words = workspace + row * size;
  gather(a, x, last_word(a, x, shared), words, size, shared);
  sort(words, size);
  for (int64_t i = threadIdx.x; i < a.k; i += THREADS) {
    int64_t at = word_position(words[i]);
    if (at >= a.n) at = a.n - 1;  // only where somebody changes x during the call
    a.indices[row * a.k + i] = static_cast<int32_t>(at);
    a.values[row * a.k + i] = x[at];
  }
}

}  // namespace
}  // namespace ondol::cuda

using namespace ondol::cuda;

// Words of a row that are sorted: the next power of two.
static int64_t row_words(int64_t k) {
  int64_t size = 1;
  while (size < k) size *= 2;
  return size;
}

int64_t ondol_cuda_topk_workspace(const ondol_topk_args* args) {
  return args->k == 0 ? 0 : args->rows * row_words(args->k) * static_cast<int64_t>(sizeof(uint64_t));
}

int64_t ondol_cuda_topk(const ondol_topk_args* args, const ondol_cuda_queue* queue, ondol_error* error) {
  Launcher launcher(queue, error);
  launcher.launch("topk", topk, args->k == 0 ? 0 : args->rows, THREADS, sizeof(Shared), *args,
                  static_cast<uint64_t*>(queue->workspace), row_words(args->k));
  return launcher.status();
}
