// Layer normalisation over rows, and its gradients. A row goes to sixteen threads, one partial of sum16 each. The
// parameter gradients are chains over all rows: one thread per column walks down, neighbours reading neighbours.
#include "../common/lanes.cuh"

namespace ondol::cuda {
namespace {

constexpr int THREADS = 256;

__global__ void __launch_bounds__(THREADS) layernorm_rows(ondol_layernorm_args args, float epsilon) {
  int64_t index = (static_cast<int64_t>(blockIdx.x) * THREADS + threadIdx.x) / LANES;
  bool live = index < args.rows;
  LaneRow row{live ? args.n : 0, static_cast<int>(threadIdx.x) % LANES};
  const float* x = args.x + (live ? index * args.x_row : 0);
  float* y = args.y + (live ? index * args.y_row : 0);
  const float* gamma = args.gamma;
  const float* beta = args.beta;
  float count = static_cast<float>(args.n);

  float mean = div(row.fold(0.0f, [=](float p, int64_t i) { return add(p, x[i]); }, Add()), count);
  float squares = row.fold(0.0f, [=](float p, int64_t i) {
    float d = sub(x[i], mean);
    return fma(d, d, p);
  }, Add());
  float rstd = div(1.0f, sqrt(add(div(squares, count), epsilon)));
  row.each([=](int64_t i) {
    y[i] = fma(mul(sub(x[i], mean), rstd), gamma != nullptr ? gamma[i] : 1.0f, beta != nullptr ? beta[i] : 0.0f);
  });
  if (!live || row.lane != 0) return;
  if (args.mean != nullptr) args.mean[index] = mean;
  if (args.rstd != nullptr) args.rstd[index] = rstd;
}

__global__ void __launch_bounds__(THREADS) layernorm_backward_rows(ondol_layernorm_backward_args args) {
  int64_t index = (static_cast<int64_t>(blockIdx.x) * THREADS + threadIdx.x) / LANES;
  bool live = index < args.rows;
  if (!live) index = 0;
  LaneRow row{live ? args.n : 0, static_cast<int>(threadIdx.x) % LANES};
  const float* x = args.x + index * args.x_row;
  const float* dy = args.dy + index * args.dy_row;
  float* dx = args.dx + index * args.dx_row;
  const float* gamma = args.gamma;
  float mean = args.mean[index];
  float rstd = args.rstd[index];
  float count = static_cast<float>(args.n);

  auto normalised = [=](int64_t i) { return mul(sub(x[i], mean), rstd); };
  auto scaled = [=](int64_t i) { return gamma != nullptr ? mul(dy[i], gamma[i]) : dy[i]; };
  float s1 = div(row.fold(0.0f, [=](float p, int64_t i) { return add(p, scaled(i)); }, Add()), count);
  float s2 = div(row.fold(0.0f, [=](float p, int64_t i) { return fma(scaled(i), normalised(i), p); }, Add()), count);
  row.each([=](int64_t i) { dx[i] = mul(rstd, fma(-normalised(i), s2, sub(scaled(i), s1))); });
}

__global__ void __launch_bounds__(THREADS) layernorm_backward_columns(ondol_layernorm_backward_args args) {
  int64_t i = static_cast<int64_t>(blockIdx.x) * THREADS + threadIdx.x;
  if (i >= args.n) return;
  float dgamma = 0.0f;
  float dbeta = 0.0f;
  for (int64_t row = 0; row < args.rows; ++row) {
    float dy = args.dy[row * args.dy_row + i];
    float h = mul(sub(args.x[row * args.x_row + i], args.mean[row]), args.rstd[row]);
    dgamma = fma(dy, h, dgamma);
    dbeta = add(dbeta, dy);
  }
  if (args.dgamma != nullptr) args.dgamma[i] = dgamma;
  if (args.dbeta != nullptr) args.dbeta[i] = dbeta;
}

}  // namespace
}  // namespace ondol::cuda

using namespace ondol::cuda;

int64_t ondol_cuda_layernorm_workspace(const ondol_layernorm_args*) { return 0; }

int64_t ondol_cuda_layernorm(const ondol_layernorm_args* args, const ondol_cuda_queue* queue, ondol_error* error) {
  Launcher launcher(queue, error);
  launcher.launch("layernorm", layernorm_rows, ceil_div(args->rows * LANES, THREADS), THREADS, 0, *args,
                  static_cast<float>(args->eps));
  return launcher.status();
}

int64_t ondol_cuda_layernorm_backward_workspace(const ondol_layernorm_backward_args*) { return 0; }

int64_t ondol_cuda_layernorm_backward(const ondol_layernorm_backward_args* args, const ondol_cuda_queue* queue,
                                      ondol_error* error) {
  Launcher launcher(queue, error);
  // The columns read dy, which dx may overwrite: they go first.
  if (args->dgamma != nullptr || args->dbeta != nullptr) {
    launcher.launch("layernorm_backward", layernorm_backward_columns, ceil_div(args->n, THREADS), THREADS, 0, *args);
  }
  if (args->dx != nullptr) {
    launcher.launch("layernorm_backward", layernorm_backward_rows, ceil_div(args->rows * LANES, THREADS), THREADS, 0,
                    *args);
  }
  return launcher.status();
}
