// Copying slices of operands to shared memory, asynchronously: the layout is that of tensor.cuh.
#ifndef ONDOL_CUDA_COMMON_SLICES_CUH
#define ONDOL_CUDA_COMMON_SLICES_CUH

#include "tensor.cuh"

namespace ondol::cuda {

// A thread's share of copying slices of ROWS rows. Neighbouring threads copy neighbouring chunks of a line.
template <int ROWS, int THREADS, bool TRANSPOSED>
struct SliceCopy {
  static constexpr int EACH = ROWS * CHUNKS / THREADS;
  static constexpr int APART = THREADS / CHUNKS;  // lines between a thread's chunks
  static constexpr int LINES = 64;                // of a transposed block
  static_assert(!TRANSPOSED || LINES % APART == 0, "a thread's lines repeat from block to block");

  const unsigned char* data;
  int64_t pitch, extent, lines;
  int64_t line, byte;  // of the thread's first chunk in the next slice
  int64_t at;          // its address

  // Lines of `pitch` bytes of which the first `extent` hold elements; from row `first` on.
  ONDOL_DEVICE SliceCopy(const unsigned char* data, int64_t pitch, int64_t extent, int64_t lines, int64_t first)
      : data(data), pitch(pitch), extent(extent), lines(lines) {
    int64_t row = TRANSPOSED ? 0 : first;
    line = row + static_cast<int>(threadIdx.x) / CHUNKS;
    byte = (TRANSPOSED ? first * 2 : 0) + static_cast<int>(threadIdx.x) % CHUNKS * CHUNK;
    at = line * pitch + byte;
  }

  ONDOL_DEVICE void next(unsigned char* tile) {
    int here = static_cast<int>(threadIdx.x) / CHUNKS;
    int chunk = static_cast<int>(threadIdx.x) % CHUNKS;
#pragma unroll
    for (int i = 0; i < EACH; ++i) {
      int down = TRANSPOSED ? i * APART % LINES : i * APART;
      int block = TRANSPOSED ? i * APART / LINES : 0;
      int64_t left = line + down < lines ? extent - byte - block * LINE : 0;
      int bytes = left <= 0 ? 0 : left < CHUNK ? static_cast<int>(left) : CHUNK;
      const unsigned char* from = bytes > 0 ? data + at + down * pitch + block * LINE : data;
      copy_async(tile + block * (LINES * LINE) + chunk_offset(here + down, chunk), from, bytes);
    }
    if (TRANSPOSED) {
      line += LINES;
      at += LINES * pitch;
    } else {
      byte += LINE;
      at += LINE;
    }
  }
};

}  // namespace ondol::cuda

#endif
