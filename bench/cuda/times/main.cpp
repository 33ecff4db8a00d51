// cuda_times [--tiny] [--only TEXT] [--json FILE]: checks each case's answer, then times it by the device's own clock.
// One line of JSON a case and precision, in the form of bench/results' rows. Exit code 1 when an answer was wrong.
// cuda_times --probe runs one kernel: whether the library fits the machine.
#include <algorithm>
#include <cstdio>
#include <cstring>

#include "job.h"

namespace times {
namespace {

struct Options {
  bool tiny = false, probe = false;
  const char* only = "";
  const char* json = nullptr;
};

struct Timing {
  double median, best;
};

// Batches of at least 5 ms between two events, so that queueing costs nothing; rounds for about 0.6 s, 3 to 15.
Timing measure(Job& job, bool tiny) {
  double once = device::milliseconds([&] { job.call(); });
  int calls = tiny ? 1 : static_cast<int>(std::min(1000.0, std::max(1.0, 5 / std::max(once, 1e-4) + 1)));
  int rounds = tiny ? 2 : static_cast<int>(std::min(15.0, std::max(3.0, 600 / (once * calls))));
  std::vector<double> all;
  for (int round = 0; round < rounds; round++) {
    all.push_back(device::milliseconds([&] {
                    for (int i = 0; i < calls; i++) job.call();
                  }) / calls);
  }
  std::sort(all.begin(), all.end());
  size_t middle = all.size() / 2;
  return {all.size() % 2 ? all[middle] : (all[middle - 1] + all[middle]) / 2, all[0]};
}

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += static_cast<unsigned char>(c) < ' ' ? ' ' : c;
  }
  return out + "\"";
}

class Output {
 public:
  int right = 0, missing = 0, wrong = 0;

  explicit Output(const char* file) : file_(file != nullptr ? std::fopen(file, "a") : nullptr) {}
  ~Output() {
    if (file_ != nullptr) std::fclose(file_);
  }

  void timed(const Entry& entry, const Precision& p, const Timing& t, double flops) {
    char text[200], rate[40] = "null";
    if (flops > 0) std::snprintf(rate, sizeof rate, "%.6g", flops / t.best * 1e-6);
    std::snprintf(text, sizeof text, "\"ms_median\":%.6g,\"ms_best\":%.6g,\"gflops\":%s,\"checked\":true", t.median,
                  t.best, rate);
    line(entry, p, text);
    right++;
    std::printf("%-18s %-36s %-10s %10.4f ms %9.1f GFLOP/s\n", entry.stem.c_str(), entry.name.c_str(), p.name, t.median,
                flops > 0 ? flops / t.best * 1e-6 : 0.0);
    std::fflush(stdout);
  }

  void untimed(const Entry& entry, const Precision& p, const char* why, const std::string& reason) {
    (std::strcmp(why, "wrong") == 0 ? wrong : missing)++;
    line(entry, p, std::string("\"") + why + "\":" + quoted(reason));
    std::printf("%-18s %-36s %-10s %s: %s\n", entry.stem.c_str(), entry.name.c_str(), p.name, why, reason.c_str());
    std::fflush(stdout);
  }

 private:
  void line(const Entry& entry, const Precision& p, const std::string& rest) {
    if (file_ == nullptr) return;
    std::fprintf(file_, "{\"stem\":%s,\"case\":%s,\"contender\":\"cuda\",\"variant\":\"%s\",\"peer\":false,%s}\n",
                 quoted(entry.stem).c_str(), quoted(entry.name).c_str(), p.name, rest.c_str());
    std::fflush(file_);
  }
  FILE* file_;
};

// False when the answer was wrong.
bool run(const Entry& entry, const Precision& p, const Options& options, Output& output) {
  try {
    std::unique_ptr<Job> job = entry.make(p);
    job->call();
    device::synchronize();
    std::string wrong = job->check();
    if (!wrong.empty()) {
      output.untimed(entry, p, "wrong", wrong);
      return false;
    }
    output.timed(entry, p, measure(*job, options.tiny), job->flops);
  } catch (const Unsupported& e) {
    output.untimed(entry, p, "missing", e.reason);
    return p.value != 0;  // the exact arithmetic must be there
  }
  return true;
}

bool parse(int count, char** words, Options& options) {
  for (int i = 1; i < count; i++) {
    std::string word = words[i];
    bool last = i + 1 == count;
    if (word == "--tiny") {
      options.tiny = true;
    } else if (word == "--probe") {
      options.probe = options.tiny = true;
      options.only = "call";
    } else if (word == "--only" && !last) {
      options.only = words[++i];
    } else if (word == "--json" && !last) {
      options.json = words[++i];
    } else {
      std::fprintf(stderr, "usage: cuda_times [--tiny] [--probe] [--only TEXT] [--json FILE]\n");
      return false;
    }
  }
  return true;
}

}  // namespace
}  // namespace times

int main(int count, char** words) {
  using namespace times;
  Options options;
  if (!parse(count, words, options)) return 2;
  std::vector<Entry> entries;
  add_call(entries, options.tiny);
  add_gemm(entries, options.tiny);
  add_conv(entries, options.tiny);
  add_regions(entries, options.tiny);
  add_attention(entries, options.tiny);
  std::printf("%s, library compiled for %s, cuBLAS: %s\n", device::name().c_str(), ondol_cuda_architectures(),
              *ondol_cuda_cublas() != 0 ? ondol_cuda_cublas() : "none");
  Output output(options.json);
  bool right = true;
  for (const Entry& entry : entries) {
    if ((entry.stem + " " + entry.name).find(options.only) == std::string::npos) continue;
    for (const Precision& p : entry.precisions) right &= run(entry, p, options, output);
  }
  std::printf("%d right, %d not in this library, %d wrong\n", output.right, output.missing, output.wrong);
  return right ? 0 : 1;
}
