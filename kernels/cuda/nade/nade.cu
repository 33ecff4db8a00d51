// nade: the pass over the variables, and sampling. Sixteen threads own a row, one partial of each sum16 and the hidden
// units under it each, so that nothing is handed on between variables. A row's variables are cut into parts, each with
// its own sixteen threads, which first add up the activations before it: sums are cheap where activations are dear, and
// a batch of rows alone would leave most of a GPU idle. Sampling has one part.
#include "../common/lanes.cuh"
#include "units.cuh"

namespace ondol::cuda {
namespace {

constexpr int THREADS = 64;
constexpr int64_t PART = 32;       // variables of a part, at least
constexpr int64_t GROUPS = 16384;  // that fill a GPU

int64_t parts_of(const ondol_nade_args& args) {
  if (args.uniform != nullptr || args.outputs == 0 || args.rows == 0) return 1;
  int64_t most = args.variables / PART, wanted = ceil_div(GROUPS, args.rows);
  int64_t parts = most < wanted ? most : wanted;
  return parts < 1 ? 1 : parts;
}

// One row and part as its sixteen threads see it.
struct Pass {
  const ondol_nade_args& args;
  int64_t row;
  int lane;
  bool live;
  float* a;  // [hidden]
  float* h;  // [hidden]

  ONDOL_DEVICE void start() const {
    for (int64_t i = lane; i < args.hidden; i += LANES) a[i] = args.start[row * args.start_row + i];
  }

  ONDOL_DEVICE void advance(int64_t d, float x) const {
    if (x == 0.0f) return;
    const float* w = args.w + d * args.hidden;
    for (int64_t i = lane; i < args.hidden; i += LANES) a[i] = fma(x, w[i], a[i]);
  }

  ONDOL_DEVICE void activate(int64_t d) const {
    for (int64_t i = lane; i < args.hidden; i += LANES) h[i] = nade_unit(args, d, a[i]);
  }

  // Every thread of the warp must take part.
  ONDOL_DEVICE float output(int64_t d, int64_t o) const {
    int64_t at = d * args.outputs + o;
    const float* v = args.v + at * args.hidden;
    const float* units = h;
    LaneRow all{live ? args.hidden : 0, lane};
    float y = all.fold(0.0f, [=](float p, int64_t i) { return fma(v[i], units[i], p); }, Add());
    if (args.bias != nullptr) y = add(y, args.bias[at]);
    if (live && lane == 0) args.y[row * args.variables * args.outputs + at] = y;
    return y;
  }

  // Of the variable with the logit y.
  ONDOL_DEVICE float draw(int64_t d, float y) const {
    int64_t at = row * args.variables + d;
    bool known = args.known != nullptr && args.known[at] != 0;
    float x = known ? args.given[at] : args.uniform[at] < sigmoid(y) ? 1.0f : 0.0f;
    if (live && lane == 0) args.sample[at] = x;
    return x;
  }
};

__global__ void __launch_bounds__(THREADS, 1) nade_rows(ondol_nade_args args, float* memory, int64_t parts, int64_t part) {
  int64_t index = (static_cast<int64_t>(blockIdx.x) * THREADS + threadIdx.x) / LANES;
  bool live = index < args.rows * parts;
  int64_t group = live ? index : 0;
  int64_t row = group / parts;
  int64_t first = group % parts * part;
  if (first > args.variables) first = args.variables;
  int64_t last = group % parts == parts - 1 || first + part > args.variables ? args.variables : first + part;
  float* a = memory + index * 2 * args.hidden;
  Pass pass{args, row, static_cast<int>(threadIdx.x) % LANES, live, a, a + args.hidden};
  pass.start();
  const float* x = args.x + row * args.variables;
  for (int64_t d = 0; d < first; ++d) pass.advance(d, x[d]);

  // Threads of a warp that belong to different parts take the same steps, of which some are beyond their part's end.
  bool stale = true;
  for (int64_t step = 0; step < (args.outputs > 0 ? part : 0); ++step) {
    int64_t d = first + step;
    bool inside = d < last;
    int64_t shown = inside ? d : args.variables - 1;
    if (inside && (stale || nade_rescaled(args, d))) pass.activate(d);
    Pass writing = pass;
    writing.live = live && inside;
    float y = 0.0f;
    for (int64_t o = 0; o < args.outputs; ++o) y = writing.output(shown, o);
    if (!inside) continue;
    float value = args.uniform != nullptr ? writing.draw(d, y) : x[d];
    pass.advance(d, value);
    stale = value != 0.0f;
  }
  if (args.outputs == 0) {
    for (int64_t d = first; d < last; ++d) pass.advance(d, x[d]);
  }
  if (!live || args.state == nullptr || group % parts != parts - 1) return;
  for (int64_t i = pass.lane; i < args.hidden; i += LANES) args.state[row * args.hidden + i] = pass.a[i];
}

int64_t blocks_of(const ondol_nade_args& args) { return ceil_div(args.rows * parts_of(args) * LANES, THREADS); }

}  // namespace
}  // namespace ondol::cuda

using namespace ondol::cuda;

int64_t ondol_cuda_nade_workspace(const ondol_nade_args* args) {
  return blocks_of(*args) * (THREADS / LANES) * 2 * args->hidden * static_cast<int64_t>(sizeof(float));
}

int64_t ondol_cuda_nade(const ondol_nade_args* args, const ondol_cuda_queue* queue, ondol_error* error) {
  Launcher launcher(queue, error);
  int64_t parts = parts_of(*args);
  launcher.launch("nade", nade_rows, blocks_of(*args), THREADS, 0, *args, static_cast<float*>(queue->workspace), parts,
                  ceil_div(args->variables, parts));
  return launcher.status();
}
