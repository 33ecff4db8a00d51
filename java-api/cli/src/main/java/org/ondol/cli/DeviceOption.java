package org.ondol.cli;

import java.util.LinkedHashSet;
import java.util.Set;
import org.ondol.Device;
import org.ondol.Devices;
import org.ondol.InvalidArgumentException;
import org.ondol.Threads;
import org.ondol.ops.Precision;
import org.ondol.spi.Backend;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Options that choose where kernels run. */
final class DeviceOption {
  @Spec(Spec.Target.MIXEE)
  private CommandSpec command;

  private String name;
  private Precision precision;
  private Device device;

  @Option(names = {"-d", "--device"}, paramLabel = "DEVICE", defaultValue = "best",
      description = "java, cpu, cuda:0, a variant such as cpu:portable, or best (default). "
          + "\"ondol devices\" lists them.")
  void device(String name) {
    String kind = kind(name);
    Set<String> known = new LinkedHashSet<>(Set.of("java", "cpu", "cuda", "best"));
    for (Backend.Status status : Devices.list()) known.add(kind(status.name()));
    if (!known.contains(kind)) {
      throw new ParameterException(command.commandLine(),
          "unknown device \"" + name + "\", expected java, cpu, cuda:N or best");
    }
    this.name = name;
  }

  @Option(names = "--precision", paramLabel = "PRECISION",
      description = "How the device computes products of float32 numbers: exact (default), the same bits everywhere; "
          + "on cuda also tf32, bf16x3, bf16 or fp16.")
  void precision(String label) {
    try {
      precision = Precision.labelled(label);
    } catch (InvalidArgumentException e) {
      throw new ParameterException(command.commandLine(),
          "unknown precision \"" + label + "\", expected exact, tf32, bf16x3, bf16 or fp16");
    }
  }

  @Option(names = {"-t", "--threads"}, paramLabel = "N",
      description = "Threads for kernels; all processors by default.")
  void threads(int threads) {
    try {
      Threads.set(threads);
    } catch (InvalidArgumentException e) {
      throw new ParameterException(command.commandLine(), e.getMessage());
    }
  }

  /** The part of a device name that says which backend it is. */
  static String kind(String name) {
    int colon = name.indexOf(':');
    return colon < 0 ? name : name.substring(0, colon);
  }

  Device device() {
    if (device == null) device = precision == null ? Device.of(name) : Device.of(name).precision(precision);
    return device;
  }
}
