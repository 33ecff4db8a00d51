// The gradient of nade. One thread per row and hidden unit goes back over a segment of about sqrt(D) variables, from
// activations that are computed again from the segment's beginning, and notes the units and the gradients on its way;
// then one thread per weight sums over the rows, in order, and sixteen per row and variable sum over the hidden units.
// Going back a segment at a time keeps the notes small: 2 sqrt(D) N H floats.
#include "../common/lanes.cuh"
#include "units.cuh"

namespace ondol::cuda {
namespace {

constexpr int THREADS = 256;

// All of [rows, hidden]; notes are [length] of these, by variable of the segment.
struct Notes {
  int64_t length;    // variables of a segment
  int64_t segments;
  float* check;      // [segments]: activations at the beginning of each
  float* g;          // the gradient of the activations
  float* h;          // [length]: units
  float* before;     // [length]: g as variable d finds it
  float* product;    // [length]: e * act', or null
  float* a;          // [length]: activations, or null
};

Notes notes_of(const ondol_nade_backward_args& args, float* memory, int64_t* floats) {
  const ondol_nade_args& f = args.forward;
  Notes n = {};
  n.length = 1;
  while ((n.length + 1) * (n.length + 1) <= f.variables) n.length++;
  n.segments = ceil_div(f.variables, n.length);
  int64_t plane = f.rows * f.hidden;
  int64_t used = 0;
  auto take = [&](int64_t planes) {
    float* at = memory == nullptr ? nullptr : memory + used;
    used += planes * plane;
    return at;
  };
  n.check = take(n.segments);
  n.g = take(1);
  n.h = take(n.length);
  n.before = take(n.length);
  if (args.dscale != nullptr) {
    n.product = take(n.length);
    n.a = take(n.length);
  }
  *floats = used;
  return n;
}

// The activations at the beginnings of the segments, and the gradient of the last ones.
__global__ void __launch_bounds__(THREADS) nade_begin(ondol_nade_backward_args args, Notes notes) {
  const ondol_nade_args& f = args.forward;
  int64_t index = static_cast<int64_t>(blockIdx.x) * THREADS + threadIdx.x, plane = f.rows * f.hidden;
  if (index >= plane) return;
  int64_t row = index / f.hidden, i = index % f.hidden;
  notes.g[index] = args.dstate != nullptr ? args.dstate[index] : 0.0f;
  float a = f.start[row * f.start_row + i];
  for (int64_t d = 0; d < f.variables; ++d) {
    if (d % notes.length == 0) notes.check[d / notes.length * plane + index] = a;
    float x = f.x[row * f.variables + d];
    if (x != 0.0f) a = fma(x, f.w[d * f.hidden + i], a);
  }
}

// Segment k of one row and hidden unit: forward again, then back.
__global__ void __launch_bounds__(THREADS) nade_segment(ondol_nade_backward_args args, Notes notes, int64_t first,
                                                        int64_t last) {
  const ondol_nade_args& f = args.forward;
  int64_t index = static_cast<int64_t>(blockIdx.x) * THREADS + threadIdx.x, plane = f.rows * f.hidden;
  if (index >= plane) return;
  int64_t row = index / f.hidden, i = index % f.hidden;
  const float* x = f.x + row * f.variables;
  float a = notes.check[first / notes.length * plane + index];
  float h = 0.0f;
  for (int64_t d = first; d < last; ++d) {
    if (d > first && x[d - 1] != 0.0f) a = fma(x[d - 1], f.w[(d - 1) * f.hidden + i], a);
    if (d == first || x[d - 1] != 0.0f || nade_rescaled(f, d)) h = nade_unit(f, d, a);
    notes.h[(d - first) * plane + index] = h;
    if (notes.a != nullptr) notes.a[(d - first) * plane + index] = a;
  }
  float g = notes.g[index];
  for (int64_t d = last - 1; d >= first; --d) {
    int64_t at = (d - first) * plane + index;
    notes.before[at] = g;
    h = notes.h[at];
    float e = 0.0f;
    for (int64_t o = 0; o < f.outputs; ++o) {
      int64_t k = d * f.outputs + o;
      e = fma(args.dy[row * f.variables * f.outputs + k], f.v[k * f.hidden + i], e);
    }
    float q = f.activation == ONDOL_RELU ? (h > 0.0f ? 1.0f : 0.0f) : mul(h, sub(1.0f, h));
    if (notes.product != nullptr) notes.product[at] = mul(e, q);
    g = fma(e, f.scale != nullptr ? mul(q, f.scale[d]) : q, g);
  }
  notes.g[index] = g;
}

// dW and dV of the segment's variables: for each variable first its row of dW, then those of dV.
__global__ void __launch_bounds__(THREADS) nade_weights(ondol_nade_backward_args args, Notes notes, int64_t first,
                                                        int64_t last) {
  const ondol_nade_args& f = args.forward;
  int64_t index = static_cast<int64_t>(blockIdx.x) * THREADS + threadIdx.x, plane = f.rows * f.hidden;
  int64_t i = index % f.hidden, line = index / f.hidden;
  int64_t d = first + line / (f.outputs + 1), o = line % (f.outputs + 1) - 1;
  if (d >= last) return;
  float sum = 0.0f;
  if (o < 0) {
    if (args.dw == nullptr) return;
    const float* g = notes.before + (d - first) * plane + i;
    for (int64_t row = 0; row < f.rows; ++row) {
      float x = f.x[row * f.variables + d];
      if (x != 0.0f) sum = fma(x, g[row * f.hidden], sum);
    }
    args.dw[d * f.hidden + i] = sum;
    return;
  }
  if (args.dv == nullptr) return;
  int64_t k = d * f.outputs + o;
  const float* h = notes.h + (d - first) * plane + i;
  for (int64_t row = 0; row < f.rows; ++row) {
    sum = fma(args.dy[row * f.variables * f.outputs + k], h[row * f.hidden], sum);
  }
  args.dv[k * f.hidden + i] = sum;
}

// dx and the scale's gradient, row by row: sums over the hidden units of the segment's variables.
__global__ void __launch_bounds__(THREADS) nade_sums(ondol_nade_backward_args args, Notes notes, int64_t first,
                                                     int64_t last) {
  const ondol_nade_args& f = args.forward;
  int64_t group = (static_cast<int64_t>(blockIdx.x) * THREADS + threadIdx.x) / LANES, plane = f.rows * f.hidden;
  bool live = group < f.rows * (last - first);
  if (!live) group = 0;
  int64_t row = group / (last - first), d = first + group % (last - first);
  int64_t at = (d - first) * plane + row * f.hidden;
  LaneRow units{live ? f.hidden : 0, static_cast<int>(threadIdx.x) % LANES};
  bool writes = live && units.lane == 0;
  if (args.dx != nullptr) {
    const float* g = notes.before + at;
    const float* w = f.w + d * f.hidden;
    float sum = units.fold(0.0f, [=](float p, int64_t i) { return fma(g[i], w[i], p); }, Add());
    if (writes) args.dx[row * f.variables + d] = sum;
  }
  if (args.dscale != nullptr) {
    const float* product = notes.product + at;
    const float* a = notes.a + at;
    float sum = units.fold(0.0f, [=](float p, int64_t i) { return fma(product[i], a[i], p); }, Add());
    if (writes) args.dscale[row * f.variables + d] = sum;
  }
}

__global__ void __launch_bounds__(THREADS) nade_end(ondol_nade_backward_args args, const float* g) {
  const ondol_nade_args& f = args.forward;
  int64_t i = static_cast<int64_t>(blockIdx.x) * THREADS + threadIdx.x;
  if (f.start_row != 0) {
    if (i < f.rows * f.hidden) args.dstart[i] = g[i];
    return;
  }
  if (i >= f.hidden) return;
  float sum = 0.0f;
  for (int64_t row = 0; row < f.rows; ++row) sum = add(sum, g[row * f.hidden + i]);
  args.dstart[i] = sum;
}

}  // namespace
}  // namespace ondol::cuda

using namespace ondol::cuda;

int64_t ondol_cuda_nade_backward_workspace(const ondol_nade_backward_args* args) {
  int64_t floats;
  notes_of(*args, nullptr, &floats);
  return floats * static_cast<int64_t>(sizeof(float));
}

int64_t ondol_cuda_nade_backward(const ondol_nade_backward_args* args, const ondol_cuda_queue* queue, ondol_error* error) {
  Launcher launcher(queue, error);
  const ondol_nade_args& f = args->forward;
  int64_t floats;
  Notes notes = notes_of(*args, static_cast<float*>(queue->workspace), &floats);
  int64_t each = ceil_div(f.rows * f.hidden, THREADS);
  launcher.launch("nade_backward", nade_begin, each, THREADS, 0, *args, notes);
  for (int64_t k = notes.segments - 1; k >= 0; --k) {
    int64_t first = k * notes.length;
    int64_t last = first + notes.length < f.variables ? first + notes.length : f.variables;
    launcher.launch("nade_backward", nade_segment, each, THREADS, 0, *args, notes, first, last);
    if (args->dw != nullptr || args->dv != nullptr) {
      int64_t weights = (last - first) * (f.outputs + 1) * f.hidden;
      launcher.launch("nade_backward", nade_weights, ceil_div(weights, THREADS), THREADS, 0, *args, notes, first, last);
    }
    if (args->dx != nullptr || args->dscale != nullptr) {
      int64_t sums = f.rows * (last - first) * LANES;
      launcher.launch("nade_backward", nade_sums, ceil_div(sums, THREADS), THREADS, 0, *args, notes, first, last);
    }
  }
  if (args->dstart != nullptr) {
    int64_t count = f.start_row != 0 ? f.rows * f.hidden : f.hidden;
    launcher.launch("nade_backward", nade_end, ceil_div(count, THREADS), THREADS, 0, *args, notes.g);
  }
  return launcher.status();
}
