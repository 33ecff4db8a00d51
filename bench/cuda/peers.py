#!/usr/bin/env python3
"""peers.py JSON [--tiny]: times PyTorch, torchvision and the backends of its attention on the cases of bench/cuda/times.

One line of JSON a case and contender, in the form of bench/results' rows; what cannot run here gives a line with the reason.
Times are by CUDA events: batches of at least 5 ms, the median of up to 11. Without a GPU (or with --tiny) the sizes are
small and the times worth nothing: a test of this file.
"""
import json
import sys


def main():
    if len(sys.argv) < 2 or sys.argv[2:] not in ([], ["--tiny"]):
        print(__doc__)
        return 2
    out = Output(sys.argv[1])
    try:
        import torch
    except ImportError as e:
        out.missing("all", "all", "torch", "", str(e))
        return 0
    tiny = "--tiny" in sys.argv or not torch.cuda.is_available()
    if tiny and "--tiny" not in sys.argv:
        out.missing("all", "all", "torch", "", "torch sees no GPU")
        return 0
    print("torch", torch.__version__, "cuDNN", torch.backends.cudnn.version())
    bench = Bench(torch, out, tiny)
    for part in (bench.attention, bench.gemm, bench.convolutions, bench.regions, bench.sampling):
        part()
    print(f"{out.timed} timed, {out.absent} missing")
    return 0


class Output:
    """Rows, each written when it is known: a later case that fails loses nothing."""

    def __init__(self, file):
        self.file = open(file, "a", encoding="utf-8")
        self.timed = self.absent = 0

    def row(self, stem, case, contender, variant, **rest):
        self.timed += "ms_median" in rest
        self.absent += "missing" in rest
        row = {"stem": stem, "case": case, "contender": contender, "variant": variant, "peer": True, **rest}
        self.file.write(json.dumps(row) + "\n")
        self.file.flush()

    def missing(self, stem, case, contender, variant, reason):
        reason = " ".join(reason.split())[:200]
        print(f"{stem:18} {case:36} {contender} {variant}: missing: {reason}")
        self.row(stem, case, contender, variant, missing=reason)


class Bench:
    def __init__(self, torch, out, tiny):
        self.torch, self.out, self.tiny = torch, out, tiny
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.types = {"float32": torch.float32, "tf32": torch.float32, "bfloat16": torch.bfloat16,
                      "float16": torch.float16}
        torch.backends.cudnn.benchmark = True  # cuDNN tries its algorithms once a shape and keeps the best

    def once(self, work):
        """Milliseconds of what `work` queues."""
        torch = self.torch
        if self.device == "cpu":
            import time
            begin = time.perf_counter()
            work()
            return (time.perf_counter() - begin) * 1e3
        begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        begin.record()
        work()
        end.record()
        end.synchronize()
        return begin.elapsed_time(end)

    def time(self, stem, case, contender, variant, make, flops=0, scale=1):
        """Times make()(), whose result is the call; `scale` calls make the case."""
        torch = self.torch
        try:
            torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = variant == "tf32"
            call = make()
            for _ in range(1 if self.tiny else 2):
                call()
            once = self.once(call)
            calls = 1 if self.tiny else int(min(1000, max(1, 5 / max(once, 1e-4) + 1)))
            rounds = 2 if self.tiny else int(min(11, max(3, 300 / (once * calls))))
            times = sorted(self.once(lambda: [call() for _ in range(calls)]) / calls * scale for _ in range(rounds))
        except Exception as e:  # pylint: disable=broad-except; whatever a backend refuses with is its reason
            self.out.missing(stem, case, contender, variant, f"{type(e).__name__}: {e}")
            return
        finally:
            if self.device == "cuda":
                torch.cuda.empty_cache()
        median = times[len(times) // 2] if len(times) % 2 else (times[len(times) // 2 - 1] + times[len(times) // 2]) / 2
        gflops = flops / times[0] * 1e-6 if flops else None
        self.out.row(stem, case, contender, variant, ms_median=median, ms_best=times[0], gflops=gflops, checked=False)
        rate = f"{gflops:9.1f} GFLOP/s" if gflops else ""
        print(f"{stem:18} {case:36} {contender} {variant:9} {median:10.4f} ms {rate}", flush=True)

    def tensor(self, variant, *shape):
        return self.torch.randn(*shape, device=self.device, dtype=self.types[variant])

    def gemm(self):
        n = 64 if self.tiny else 8192
        for variant in self.types:
            def make(variant=variant):
                a, b = self.tensor(variant, n, n), self.tensor(variant, n, n)
                return lambda: a @ b
            self.time("gemm", "8192x8192x8192", "torch", variant, make, 2.0 * n ** 3)

    def convolutions(self):
        f = self.torch.nn.functional
        cases = [  # stem, name, batch, in, out, size, kernel, stride, padding
            ("conv", "3x3 256->256 56x56 N64", 64, 256, 256, 56, 3, 1, 1),
            ("maskedconv", "B 3x3 128->128 32x32 N256", 256, 128, 128, 32, 3, 1, 1),
            ("maskedconv", "A 7x7 128->128 32x32 N256", 256, 128, 128, 32, 7, 1, 3),
            ("deconv", "DCGAN 4x4 s2 512->256 8x8 N128", 128, 512, 256, 8, 4, 2, 1),
            ("deconv", "DCGAN 4x4 s2 256->128 16x16 N128", 128, 256, 128, 16, 4, 2, 1),
            ("deconv", "FCN-8s 16x16 s8 21->21 71x71 N8", 8, 21, 21, 71, 16, 8, 0),
            ("deconv", "FCN-32s 64x64 s32 21->21 16x16 N8", 8, 21, 21, 16, 64, 32, 0),
        ]
        for stem, name, batch, inputs, outputs, size, kernel, stride, padding in cases:
            if self.tiny:
                batch, inputs, outputs, size = 2, 3, 4, 5
            for variant in self.types:
                for layout in ("", " channels_last"):
                    def make(variant=variant, layout=layout):
                        form = self.torch.channels_last if layout else self.torch.contiguous_format
                        x = self.tensor(variant, batch, inputs, size, size).to(memory_format=form)
                        pair = (inputs, outputs) if stem == "deconv" else (outputs, inputs)
                        w = self.tensor(variant, *pair, kernel, kernel).to(memory_format=form)
                        call = f.conv_transpose2d if stem == "deconv" else f.conv2d
                        return lambda: call(x, w, None, stride, padding)
                    self.time(stem, name, "torch" + layout, variant, make)

    def sampling(self):
        """One pass of the whole network, times the number of pixels; in the best of the types, the answer being random."""
        f = self.torch.nn.functional
        batch, size, layers, channels = (2, 4, 3, 8) if self.tiny else (64, 32, 15, 128)
        name = "PixelCNN tiny" if self.tiny else "PixelCNN 15 layers of 128, N64 32x32"
        for variant in ("float32", "bfloat16"):
            def make(variant=variant):
                shapes = [(channels, 1, 7)] + [(channels, channels, 3)] * (layers - 3)
                shapes += [(channels, channels, 1), (1, channels, 1)]
                form = self.torch.channels_last
                weights = [self.tensor(variant, o, i, k, k).mul_(0.05).to(memory_format=form) for o, i, k in shapes]
                x = self.tensor(variant, batch, 1, size, size).to(memory_format=form)

                def call():
                    y = x
                    for at, w in enumerate(weights):
                        z = f.conv2d(y, w, padding=w.shape[-1] // 2)
                        y = f.relu(z + y) if at % 2 == 0 and 0 < at < layers - 2 else f.relu(z)
                    return y
                return call
            with self.torch.no_grad():
                self.time("sampling", name, "torch, a pass a pixel" + (" (bfloat16)" if variant == "bfloat16" else ""),
                          "float32", make, scale=size * size)

    def regions(self):
        name = "7x7 of 1000 regions 256x200x304"
        try:
            from torchvision.ops import roi_align, roi_pool
        except (ImportError, RuntimeError) as e:
            self.out.missing("roipool", name, "torchvision", "float32", str(e))
            return
        count, channels, height, width, bins = (9, 3, 20, 30, 3) if self.tiny else (1000, 256, 200, 304, 7)
        rois = []
        for i in range(count):  # as in times/regions.cpp
            x, y = i * 37 % (width * 8 // 3), i * 53 % (height * 8 // 3)
            rois.append([i % 2, x, y, x + 32 + i * 29 % (width * 5 // 4), y + 32 + i * 31 % (height * 5 // 4)])
        boxes = self.torch.tensor(rois, device=self.device, dtype=self.torch.float32)

        def forward(function):
            x = self.tensor("float32", 2, channels, height, width)
            return lambda: function(x)

        def backward(function):
            x = self.tensor("float32", 2, channels, height, width).requires_grad_()
            y = function(x)
            dy = self.torch.randn_like(y)
            return lambda: self.torch.autograd.grad(y, x, dy, retain_graph=True)

        def pool(x):
            return roi_pool(x, boxes, bins, 0.25)

        def align(x):
            return roi_align(x, boxes, bins, 0.25, sampling_ratio=2, aligned=True)

        for stem, function in (("roipool", pool), ("roialign", align)):
            self.time(stem, name, "torchvision", "float32", lambda function=function: forward(function))
            self.time(stem + "_backward", name, "torchvision", "float32", lambda function=function: backward(function))

    def attention(self):
        try:
            from torch.nn.attention import SDPBackend, sdpa_kernel
        except ImportError as e:
            self.out.missing("attention", "all", "torch SDPA", "", str(e))
            return
        heads, length, width = (2, 70, 32) if self.tiny else (16, 16384, 128)
        backends = {"cuDNN": SDPBackend.CUDNN_ATTENTION, "flash": SDPBackend.FLASH_ATTENTION,
                    "efficient": SDPBackend.EFFICIENT_ATTENTION}
        for causal in (False, True):
            name = "B1 H16 L16384 D128" + (" causal" if causal else "")
            pairs = heads * (length * (length + 1) / 2 if causal else length ** 2)
            for variant in self.types:
                for label, backend in backends.items():
                    def operands(variant=variant):
                        return [self.tensor(variant, 1, heads, length, width) for _ in range(3)]

                    def run(q, k, v, backend=backend):
                        with sdpa_kernel(backend):
                            return self.torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=causal)

                    def forward():
                        q, k, v = operands()
                        return lambda: run(q, k, v)

                    def backward():
                        q, k, v = (x.requires_grad_() for x in operands())
                        y = run(q, k, v)
                        dy = self.torch.randn_like(y)
                        return lambda: self.torch.autograd.grad(y, (q, k, v), dy, retain_graph=True)

                    self.time("attention", name, "SDPA " + label, variant, forward, 4.0 * width * pairs)
                    self.time("attention_backward", name, "SDPA " + label, variant, backward, 10.0 * width * pairs)


if __name__ == "__main__":
    sys.exit(main())
