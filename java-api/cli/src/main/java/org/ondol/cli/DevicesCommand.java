package org.ondol.cli;

import java.util.List;
import org.ondol.Devices;
import org.ondol.Threads;
import org.ondol.spi.Backend;
import picocli.CommandLine.Command;

/** Lists the devices. */
@Command(name = "devices", mixinStandardHelpOptions = true, versionProvider = Version.class,
    header = "List the devices, and why others are not available.", optionListHeading = "%nOptions:%n",
    description = "List the devices that kernels can run on; for each other one, why not and what to do.")
final class DevicesCommand implements Runnable {
  @Override
  public void run() {
    List<Backend.Status> all = Devices.list();
    System.out.print(describe(all));
    System.out.println();
    System.out.printf("\"best\" is %s; kernels use %s.%n", Devices.best(), Text.count(Threads.count(), "thread"));
  }

  /** One entry a device, the fastest kind first. */
  static String describe(List<Backend.Status> devices) {
    int column = 4 + devices.stream().mapToInt(d -> d.name().length()).max().orElse(0);
    StringBuilder out = new StringBuilder();
    for (Backend.Status device : devices) {
      String lead = device.available() ? "" : "not available: ";
      out.append(Text.entry(device.name(), column, lead + device.description()));
    }
    return out.toString();
  }
}
