// The emulated pooling and unpooling kernels against the CPU library, bit for bit.
#include "emulated.h"
#include "pool_cases.h"

using namespace testing;

static std::mt19937 random_source;

static void check_pool(ondol_pool_args a, bool special) {
  int64_t planes = a.batch * a.channels, in = a.x_height * a.x_width, out = a.y_height * a.y_width;
  std::vector<float> x = values(random_source, planes * (in + 1), special), dy = values(random_source, planes * out, special);
  size_t outputs = static_cast<size_t>(planes * out), cells = static_cast<size_t>(planes * in);
  std::vector<float> expected(outputs, nan()), actual(outputs, nan()), dx(cells, nan()), emulated_dx(cells, nan());
  std::vector<int32_t> indices(outputs, -9), emulated_indices(outputs, -9);
  bool max = a.op == ONDOL_POOL_MAX;
  a.x = x.data(), a.x_channel = in + 1, a.x_batch = a.channels * a.x_channel;
  a.y_channel = out, a.y_batch = a.channels * out;
  a.y = expected.data();
  a.indices = max ? indices.data() : nullptr;
  run_cpu(ondol_pool, a);
  a.y = actual.data();
  a.indices = max ? emulated_indices.data() : nullptr;
  run_emulated(ondol_cuda_pool_workspace, ondol_cuda_pool, a);
  compare("pool", actual, expected);
  EXPECT(indices == emulated_indices, "indices of pool");
  if (max) {
    a.indices = nullptr;
    std::fill(actual.begin(), actual.end(), nan());
    run_emulated(ondol_cuda_pool_workspace, ondol_cuda_pool, a);
    compare("pool without indices", actual, expected);
  }
  for (size_t i = 0; i < indices.size(); i += 5) indices[i] = static_cast<int32_t>(random_source() % 3 ? random_source() % (in + 3) : random_source());
  a.indices = max ? indices.data() : nullptr;
  ondol_pool_backward_args b = {a, dy.data(), a.channels * out, out, dx.data(), a.channels * in, in};
  run_cpu(ondol_pool_backward, b);
  b.dx = emulated_dx.data();
  run_emulated(ondol_cuda_pool_backward_workspace, ondol_cuda_pool_backward, b);
  compare("pool_backward", emulated_dx, dx);
}

static void check_unpool(int64_t planes, int64_t in, int64_t out) {
  std::vector<float> x = values(random_source, planes * in, true), dy = values(random_source, planes * out, true);
  std::vector<float> y(static_cast<size_t>(planes * out), nan()), emulated_y = y;
  std::vector<float> dx(static_cast<size_t>(planes * in), nan()), emulated_dx = dx;
  std::vector<int32_t> indices(static_cast<size_t>(planes * in));
  for (int32_t& i : indices) i = static_cast<int32_t>(random_source() % 9 ? random_source() % (out + 2) : random_source()) - 1;
  ondol_unpool_args a = {1, planes, in, out, x.data(), 0, in, indices.data(), y.data(), 0, out};
  run_cpu(ondol_unpool, a);
  a.y = emulated_y.data();
  run_emulated(ondol_cuda_unpool_workspace, ondol_cuda_unpool, a);
  compare("unpool", emulated_y, y);
  ondol_unpool_backward_args b = {1, planes, in, out, dy.data(), 0, out, indices.data(), dx.data(), 0, in};
  run_cpu(ondol_unpool_backward, b);
  b.dx = emulated_dx.data();
  run_emulated(ondol_cuda_unpool_backward_workspace, ondol_cuda_unpool_backward, b);
  compare("unpool_backward", emulated_dx, dx);
}

int main() {
  unsigned s = seed();
  printf("seed %u\n", s);
  random_source.seed(s);
  each_pool_shape([](const PoolAxisCase& h, const PoolAxisCase& w) {
    for (int64_t op : {ONDOL_POOL_MAX, ONDOL_POOL_AVERAGE}) {
      check_pool(pool_case(op, 1, 1 + random_source() % 2, h, w, random_source() % 2), random_source() % 2);
    }
  });
  for (int64_t planes : {1, 3}) {
    check_unpool(planes, 1, 1);
    check_unpool(planes, 300, 700);
    check_unpool(planes, 70, 3000);
  }
  return finish();
}
