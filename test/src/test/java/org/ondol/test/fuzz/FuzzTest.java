package org.ondol.test.fuzz;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import java.io.IOException;
import java.lang.reflect.Method;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.ondol.Device;
import org.ondol.OndolException;
import org.ondol.Tensor;
import org.ondol.Threads;
import org.ondol.UnsupportedOnDeviceException;
import org.ondol.spi.Kernels;
import org.ondol.test.fuzz.Calls.Call;
import org.ondol.test.support.Bits;
import org.ondol.test.support.TestDevices;

/**
 * 100,000 random calls, legal and not, on every device in turn. Nothing but the library's own exceptions may come out, the
 * JVM must survive, and a sample of the calls that succeed is repeated on another device for the same bits.
 *
 * <p>Should the JVM die, the number of the call stands in target/fuzz.last; -Dondol.fuzz.only=NUMBER repeats that call
 * alone, -Dondol.fuzz.calls and -Dondol.fuzz.seed make another run.
 */
class FuzzTest {
  private static final long SEED = Long.getLong("ondol.fuzz.seed", 1);
  private static final int CALLS = Integer.getInteger("ondol.fuzz.calls", 100_000);
  private static final int ONLY = Integer.getInteger("ondol.fuzz.only", -1);

  /** One in so many successful calls is repeated elsewhere. */
  private static final int SAMPLE = 3;

  private final List<Device> devices = TestDevices.available();
  private final List<Call> calls = Calls.ALL.values().stream().flatMap(List::stream).distinct().toList();
  private final List<AssertionError> failures = new ArrayList<>();
  private Arguments drawn;
  private int succeeded;
  private int refused;
  private int compared;

  @Test
  void everyKernelIsFuzzed() {
    Set<String> contracts = Calls.ALL.keySet().stream().map(c -> c.getSimpleName().toLowerCase(Locale.ROOT))
        .collect(Collectors.toSet());
    for (Method m : Kernels.class.getMethods()) {
      boolean computes = m.getParameterCount() == 1 && m.getParameterTypes()[0].getSimpleName().endsWith("Args");
      String contract = m.getName().replaceAll("(Backward|weight)$", "").toLowerCase(Locale.ROOT);
      assertTrue(!computes || contracts.contains(contract), "no fuzzed call reaches kernel " + m.getName());
    }
  }

  @Test
  void randomCallsAreAnsweredOrRefused() throws IOException {
    int threads = Threads.count();
    System.out.println("[fuzz] seed " + SEED + ", " + CALLS + " calls on " + devices);
    long begin = System.nanoTime();
    try (FileChannel file = FileChannel.open(Path.of("target", "fuzz.last"), StandardOpenOption.CREATE,
        StandardOpenOption.READ, StandardOpenOption.WRITE)) {
      // Mapped, so that the number is in the file even if the process is killed in the middle of the call.
      MappedByteBuffer last = file.map(FileChannel.MapMode.READ_WRITE, 0, 12);
      for (int i = Math.max(ONLY, 0); i < (ONLY >= 0 ? ONLY + 1 : CALLS); i++) {
        last.put(0, "%-11d\n".formatted(i).getBytes());
        if (i % 1000 == 0 || ONLY >= 0) {
          Threads.set(1 + i / 1000 % 3);
        }
        try {
          one(i);
        } catch (AssertionError e) {
          failures.add(e);
          if (failures.size() == 10) {
            break;
          }
        }
      }
    } finally {
      Threads.set(threads);
    }
    System.out.printf("[fuzz] %d answered (%d compared on two devices), %d refused, %.1f s%n", succeeded, compared, refused,
        (System.nanoTime() - begin) / 1e9);
    if (!failures.isEmpty()) {
      AssertionError all = new AssertionError(failures.size() + " failing calls, the first: " + failures.getFirst().getMessage());
      failures.forEach(all::addSuppressed);
      throw all;
    }
    if (ONLY < 0) {
      assertTrue(succeeded > CALLS / 4, "too few legal calls to mean anything: " + succeeded);
      assertTrue(refused > CALLS / 20, "too few illegal calls to mean anything: " + refused);
    }
  }

  private void one(int i) {
    long seed = SEED * 1_000_000_007L + i;
    Call call = calls.get(i % calls.size());
    Device device = devices.get(i / calls.size() % devices.size());
    int garbage = i % 2 == 0 ? 12 : 0;
    List<float[]> first = run(i, call, seed, device, garbage);
    if (first == null) {
      refused++;
      return;
    }
    succeeded++;
    if (devices.size() > 1 && i % SAMPLE == 0) {
      Device second = devices.get((devices.indexOf(device) + 1) % devices.size());
      List<float[]> again = run(i, call, seed, second, garbage);
      boolean defined = again != null && (!Calls.DEFINED_IF_FINITE.contains(call) || finite(first) && finite(again));
      if (defined) {
        compare(i, device, second, first, again);
        compared++;
      }
    }
  }

  private static boolean finite(List<float[]> results) {
    for (float[] values : results) {
      for (float v : values == null ? new float[0] : values) {
        if (!Float.isFinite(v)) {
          return false;
        }
      }
    }
    return true;
  }

  /** The results, or null if the call was refused in the proper way. */
  private List<float[]> run(int i, Call call, long seed, Device device, int garbage) {
    Device other = devices.get((devices.indexOf(device) + 1) % devices.size());
    Arguments a = new Arguments(seed, device, other, garbage);
    drawn = a;
    Tensor[] tensors = {};
    try {
      tensors = call.run(a);
      List<float[]> results = new ArrayList<>();
      for (Tensor t : tensors) {
        results.add(t == null ? null : t.toFloats());
      }
      return results;
    } catch (OndolException e) {
      boolean lacking = e instanceof UnsupportedOnDeviceException && device.name().startsWith("cuda");
      if (garbage == 0 && !lacking && !Calls.MAY_BE_REFUSED.contains(call)) {
        throw new AssertionError(where(i, device, a) + " was refused although nothing is wrong with it: " + e, e);
      }
      return null;
    } catch (RuntimeException | Error e) {
      throw new AssertionError(where(i, device, a) + " ended with " + e, e);
    } finally {
      for (Tensor t : tensors) {
        if (t != null) {
          t.close();
        }
      }
      a.close();
    }
  }

  private void compare(int i, Device one, Device two, List<float[]> a, List<float[]> b) {
    assertEquals(a.size(), b.size(), "results of call " + i);
    for (int r = 0; r < a.size(); r++) {
      String difference = a.get(r) == null || b.get(r) == null ? null : Bits.difference(b.get(r), a.get(r));
      if (difference != null) {
        fail("call %d, seed %d, result %d on %s against %s: %s, of %s".formatted(i, SEED, r, two, one, difference, drawn.drawn()));
      }
    }
  }

  private static String where(int i, Device device, Arguments a) {
    return "call " + i + " (-Dondol.fuzz.seed=" + SEED + " -Dondol.fuzz.only=" + i + ") on " + device + " with " + a.drawn();
  }
}
