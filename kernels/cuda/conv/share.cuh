// How the threads of a tile divide the numbers of a line in shared memory.
#ifndef ONDOL_CUDA_CONV_SHARE_CUH
#define ONDOL_CUDA_CONV_SHARE_CUH

#include "../common/device.cuh"

namespace ondol::cuda {

template <int SIZE>
struct alignas(SIZE * 4) Pack {
  float v[SIZE];
};

template <int COUNT>
constexpr int pack_size() {
  return COUNT < 4 ? COUNT : 4;
}

// COUNT numbers of one thread out of a line: packs of up to four neighbours, THREADS packs apart. Neighbouring threads
// read neighbouring packs, so no two of them need the same bank for different words.
template <int COUNT, int THREADS>
struct Share {
  static constexpr int SIZE = pack_size<COUNT>();

  static ONDOL_DEVICE int index(int thread, int i) { return (i / SIZE * THREADS + thread) * SIZE + i % SIZE; }

  static ONDOL_DEVICE void load(const float* line, int thread, float (&out)[COUNT]) {
#pragma unroll
    for (int i = 0; i < COUNT; i += SIZE) {
      Pack<SIZE> pack = *reinterpret_cast<const Pack<SIZE>*>(line + index(thread, i));
#pragma unroll
      for (int j = 0; j < SIZE; ++j) out[i + j] = pack.v[j];
    }
  }

  static ONDOL_DEVICE void store(float* line, int thread, const float (&in)[COUNT]) {
#pragma unroll
    for (int i = 0; i < COUNT; i += SIZE) {
      Pack<SIZE> pack;
#pragma unroll
      for (int j = 0; j < SIZE; ++j) pack.v[j] = in[i + j];
      *reinterpret_cast<Pack<SIZE>*>(line + index(thread, i)) = pack;
    }
  }
};

}  // namespace ondol::cuda

#endif
