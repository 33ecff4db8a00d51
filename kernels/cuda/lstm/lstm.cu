// Steps of an LSTM whose state is a row of positions, and the way back through them. A block takes one sequence through
// all steps: its state and cells stay in shared memory (in the workspace where they are too large), and a thread
// computes the four gates of one channel at ROWS neighbouring positions, so that what it reads of K serves all of them.
#include "../common/math.cuh"

namespace ondol::cuda {
namespace {

constexpr int THREADS = 256;
constexpr int64_t SHARED_BYTES = 96 * 1024;  // what every GPU since sm_80 can give a block

// Two rows of the state between zeros, of which a step reads one and writes the other, and the cells.
struct Rows {
  int64_t positions, taps, channels, hidden;

  __host__ ONDOL_DEVICE int64_t floats() const { return (positions + taps - 1) * channels; }
  __host__ ONDOL_DEVICE int64_t all() const { return 2 * floats() + positions * hidden; }
};

template <bool SHARED>
ONDOL_DEVICE float* memory_of(float* workspace, const Rows& rows) {
  if constexpr (SHARED) {
    return &shared<float>();
  } else {
    return workspace + static_cast<int64_t>(blockIdx.x) * rows.all();
  }
}

ONDOL_DEVICE int64_t time_of(int64_t step, int64_t steps, int64_t reverse) {
  return reverse ? steps - 1 - step : step;
}

// What lies at the ends of the rows, and everything else, before the first step.
ONDOL_DEVICE void clear(float* p, int64_t n) {
  for (int64_t i = threadIdx.x; i < n; i += THREADS) p[i] = 0.0f;
}

// ---- forward

template <int ROWS>
ONDOL_DEVICE void forward_rows(const ondol_lstm_args& a, int64_t n, int64_t t, int64_t r0, int64_t m,
                               const float* state, float* next, float* cells) {
  int count = a.positions - r0 < ROWS ? static_cast<int>(a.positions - r0) : ROWS;
  float z[ROWS][4];
#pragma unroll
  for (int r = 0; r < ROWS; ++r) {
    const float* x = a.x + t * a.x_stride[0] + n * a.x_stride[1] + (r0 + (r < count ? r : 0)) * a.x_stride[2] + m;
#pragma unroll
    for (int g = 0; g < 4; ++g) {
      z[r][g] = x[g * a.hidden];
      if (a.bias != nullptr) z[r][g] = add(z[r][g], a.bias[g * a.hidden + m]);
    }
  }
  const float* weight = a.weight + m;
  const float* window = state + r0 * a.hidden;
  // Rows that do not exist compute the first one's once more.
  int64_t depth = a.taps * a.hidden;
  for (int64_t k = 0; k < depth; ++k, weight += 4 * a.hidden) {
    float w[4];
#pragma unroll
    for (int g = 0; g < 4; ++g) w[g] = weight[g * a.hidden];
#pragma unroll
    for (int r = 0; r < ROWS; ++r) {
      float h = window[(r < count ? r : 0) * a.hidden + k];
#pragma unroll
      for (int g = 0; g < 4; ++g) z[r][g] = fma(h, w[g], z[r][g]);
    }
  }
#pragma unroll
  for (int r = 0; r < ROWS; ++r) {
    if (r >= count) break;
    float in = sigmoid(z[r][0]), forget = sigmoid(z[r][1]), g = tanh(z[r][2]), out = sigmoid(z[r][3]);
    float& cell = cells[(r0 + r) * a.hidden + m];
    cell = fma(forget, cell, mul(in, g));
    float h = mul(out, tanh(cell));
    a.h[t * a.h_stride[0] + n * a.h_stride[1] + (r0 + r) * a.h_stride[2] + m] = h;
    if (a.steps > 1) next[(r0 + r + a.before) * a.hidden + m] = h;
    if (a.gates == nullptr) continue;
    int64_t row = (t * a.sequences + n) * a.positions + r0 + r;
    float* gates = a.gates + row * 4 * a.hidden + m;
    gates[0] = in;
    gates[a.hidden] = forget;
    gates[2 * a.hidden] = g;
    gates[3 * a.hidden] = out;
    a.cells[row * a.hidden + m] = cell;
  }
}

template <bool SHARED, int ROWS>
__global__ void __launch_bounds__(THREADS, 1) lstm_steps(ondol_lstm_args a, float* workspace) {
  Rows rows{a.positions, a.taps, a.hidden, a.hidden};
  float* states = memory_of<SHARED>(workspace, rows);
  float* cells = states + 2 * rows.floats();
  int64_t n = blockIdx.x;
  clear(states, rows.all());
  __syncthreads();
  int64_t given = a.halo ? a.positions + a.taps - 1 : a.positions;
  int64_t shift = a.halo ? 0 : a.before;
  for (int64_t i = threadIdx.x; a.h0 != nullptr && i < given * a.hidden; i += THREADS) {
    states[shift * a.hidden + i] = a.h0[n * a.h0_stride[0] + i / a.hidden * a.h0_stride[1] + i % a.hidden];
  }
  for (int64_t i = threadIdx.x; a.c0 != nullptr && i < a.positions * a.hidden; i += THREADS) {
    cells[i] = a.c0[n * a.c0_stride[0] + i / a.hidden * a.c0_stride[1] + i % a.hidden];
  }
  __syncthreads();
  int64_t units = (a.positions + ROWS - 1) / ROWS * a.hidden;
  for (int64_t step = 0; step < a.steps; ++step) {
    const float* state = states + step % 2 * rows.floats();
    float* next = states + (step + 1) % 2 * rows.floats();
    for (int64_t u = threadIdx.x; u < units; u += THREADS) {
      forward_rows<ROWS>(a, n, time_of(step, a.steps, a.reverse), u / a.hidden * ROWS, u % a.hidden, state, next,
          cells);
    }
    __syncthreads();
  }
  for (int64_t i = threadIdx.x; a.c != nullptr && i < a.positions * a.hidden; i += THREADS) {
    a.c[n * a.c_stride[0] + i / a.hidden * a.c_stride[1] + i % a.hidden] = cells[i];
  }
}

// ---- backward

// K with the taps from the last to the first, gates down and channels across: what the way back reads line by line.
__global__ void __launch_bounds__(THREADS) lstm_transpose(ondol_lstm_backward_args a, float* out) {
  int64_t i = static_cast<int64_t>(blockIdx.x) * THREADS + threadIdx.x;
  int64_t gates = 4 * a.hidden;
  if (i >= a.taps * gates * a.hidden) return;
  int64_t channel = i % a.hidden, gate = i / a.hidden % gates, tap = i / a.hidden / gates;
  out[i] = a.weight[((a.taps - 1 - tap) * a.hidden + channel) * gates + gate];
}

// The chains of ROWS positions over the gradients of the gates of the step after.
template <int ROWS>
ONDOL_DEVICE void arriving(const ondol_lstm_backward_args& a, const float* weight, const float* state, int64_t r0,
                           int64_t m, int count, float (&d)[ROWS]) {
  int64_t gates = 4 * a.hidden, depth = a.taps * gates;
  const float* window = state + r0 * gates;
  weight += m;
  for (int64_t k = 0; k < depth; ++k, weight += a.hidden) {
    float w = weight[0];
#pragma unroll
    for (int r = 0; r < ROWS; ++r) d[r] = fma(window[(r < count ? r : 0) * gates + k], w, d[r]);
  }
}

template <int ROWS>
ONDOL_DEVICE void backward_rows(const ondol_lstm_backward_args& a, const float* weight, int64_t n, int64_t step,
                                int64_t r0, int64_t m, const float* after, float* state, float* cells) {
  int count = a.positions - r0 < ROWS ? static_cast<int>(a.positions - r0) : ROWS;
  int64_t t = time_of(step, a.steps, a.reverse);
  float d[ROWS];
#pragma unroll
  for (int r = 0; r < ROWS; ++r) {
    d[r] = a.dh[((t * a.sequences + n) * a.positions + r0 + (r < count ? r : 0)) * a.hidden + m];
  }
  if (step < a.steps - 1) arriving<ROWS>(a, weight, after, r0, m, count, d);
#pragma unroll
  for (int r = 0; r < ROWS; ++r) {
    if (r >= count) break;
    int64_t row = (t * a.sequences + n) * a.positions + r0 + r, first = n * a.positions + r0 + r;
    const float* gates = a.gates + row * 4 * a.hidden + m;
    float in = gates[0], forget = gates[a.hidden], g = gates[2 * a.hidden], out = gates[3 * a.hidden];
    float before = 0.0f;
    if (step > 0) {
      before = a.cells[(time_of(step - 1, a.steps, a.reverse) * a.sequences * a.positions + first) * a.hidden + m];
    } else if (a.c0 != nullptr) {
      before = a.c0[first * a.hidden + m];
    }
    float u = tanh(a.cells[row * a.hidden + m]);
    float& dc = cells[(r0 + r) * a.hidden + m];
    float s = add(dc, tanh_grad(u, mul(d[r], out)));
    float dz[4] = {sigmoid_grad(in, mul(s, g)), sigmoid_grad(forget, mul(s, before)), tanh_grad(g, mul(s, in)),
                   sigmoid_grad(out, mul(d[r], u))};
    dc = mul(s, forget);
#pragma unroll
    for (int q = 0; q < 4; ++q) {
      a.dx[row * 4 * a.hidden + q * a.hidden + m] = dz[q];
      state[(r0 + r + a.taps - 1 - a.before) * 4 * a.hidden + q * a.hidden + m] = dz[q];
    }
  }
}

template <bool SHARED, int ROWS>
__global__ void __launch_bounds__(THREADS, 1) lstm_back(ondol_lstm_backward_args a, const float* weight,
                                                        float* workspace) {
  Rows rows{a.positions, a.taps, 4 * a.hidden, a.hidden};
  float* states = memory_of<SHARED>(workspace, rows);
  float* cells = states + 2 * rows.floats();
  int64_t n = blockIdx.x, own = a.positions * a.hidden;
  clear(states, rows.all());
  __syncthreads();
  for (int64_t i = threadIdx.x; a.dc != nullptr && i < own; i += THREADS) cells[i] = a.dc[n * own + i];
  __syncthreads();
  int64_t units = (a.positions + ROWS - 1) / ROWS * a.hidden;
  for (int64_t step = a.steps - 1; step >= 0; --step) {
    const float* after = states + (step + 1) % 2 * rows.floats();
    float* state = states + step % 2 * rows.floats();
    for (int64_t u = threadIdx.x; u < units; u += THREADS) {
      backward_rows<ROWS>(a, weight, n, step, u / a.hidden * ROWS, u % a.hidden, after, state, cells);
    }
    __syncthreads();
  }
  for (int64_t i = threadIdx.x; a.dc0 != nullptr && i < own; i += THREADS) a.dc0[n * own + i] = cells[i];
  for (int64_t u = threadIdx.x; a.dh0 != nullptr && u < units; u += THREADS) {
    int64_t r0 = u / a.hidden * ROWS, m = u % a.hidden;
    int count = a.positions - r0 < ROWS ? static_cast<int>(a.positions - r0) : ROWS;
    float d[ROWS] = {};
    arriving<ROWS>(a, weight, states, r0, m, count, d);
#pragma unroll
    for (int r = 0; r < ROWS; ++r) {
      if (r < count) a.dh0[n * own + (r0 + r) * a.hidden + m] = d[r];
    }
  }
}

// ---- host

template <class Args>
bool empty(const Args& a) {
  return a.steps == 0 || a.sequences == 0 || a.positions == 0;
}

size_t shared_bytes(const Rows& rows) {
  return rows.all() <= SHARED_BYTES / 4 ? static_cast<size_t>(4 * rows.all()) : 0;
}

int64_t state_bytes(const Rows& rows, int64_t sequences) {
  return shared_bytes(rows) > 0 ? 0 : 4 * rows.all() * sequences;
}

int64_t weight_floats(const ondol_lstm_backward_args& a) { return a.taps * 4 * a.hidden * a.hidden; }

int64_t weight_bytes(const ondol_lstm_backward_args& a) { return ceil_div(4 * weight_floats(a), 256) * 256; }

Rows rows_of(const ondol_lstm_args& a) { return {a.positions, a.taps, a.hidden, a.hidden}; }
Rows rows_of(const ondol_lstm_backward_args& a) { return {a.positions, a.taps, 4 * a.hidden, a.hidden}; }

}  // namespace
}  // namespace ondol::cuda

using namespace ondol::cuda;

int64_t ondol_cuda_lstm_workspace(const ondol_lstm_args* args) { return state_bytes(rows_of(*args), args->sequences); }

int64_t ondol_cuda_lstm(const ondol_lstm_args* args, const ondol_cuda_queue* queue, ondol_error* error) {
  Launcher launcher(queue, error);
  if (empty(*args)) return launcher.status();
  size_t bytes = shared_bytes(rows_of(*args));
  bool one = args->positions == 1;
  auto kernel = one ? lstm_steps<true, 1> : lstm_steps<true, 4>;
  if (bytes == 0) kernel = one ? lstm_steps<false, 1> : lstm_steps<false, 4>;
  launcher.launch("lstm", kernel, args->sequences, THREADS, bytes, *args, static_cast<float*>(queue->workspace));
  return launcher.status();
}

int64_t ondol_cuda_lstm_backward_workspace(const ondol_lstm_backward_args* args) {
  return weight_bytes(*args) + state_bytes(rows_of(*args), args->sequences);
}

int64_t ondol_cuda_lstm_backward(const ondol_lstm_backward_args* args, const ondol_cuda_queue* queue,
                                 ondol_error* error) {
  Launcher launcher(queue, error);
  if (empty(*args)) return launcher.status();
  float* weight = static_cast<float*>(queue->workspace);
  float* states = weight + weight_bytes(*args) / 4;
  launcher.launch("lstm_backward", lstm_transpose, ceil_div(weight_floats(*args), THREADS), THREADS, 0, *args, weight);
  size_t bytes = shared_bytes(rows_of(*args));
  bool one = args->positions == 1;
  auto kernel = one ? lstm_back<true, 1> : lstm_back<true, 8>;
  if (bytes == 0) kernel = one ? lstm_back<false, 1> : lstm_back<false, 8>;
  launcher.launch("lstm_backward", kernel, args->sequences, THREADS, bytes, *args, static_cast<const float*>(weight),
                  states);
  return launcher.status();
}
