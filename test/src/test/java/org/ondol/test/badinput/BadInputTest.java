package org.ondol.test.badinput;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.DynamicNode;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.ondol.Device;
import org.ondol.InvalidArgumentException;
import org.ondol.OndolException;
import org.ondol.Scope;
import org.ondol.test.support.TestDevices;

/**
 * Calls that must be refused: each with the type of its exception, the argument it names and a part of its message. One row
 * per way in which an argument can be wrong; the rows stand in {@link BadTensors}, {@link BadOps}, {@link BadHalves}, {@link BadAttention},
 * {@link BadConv}, {@link BadConvKin}, {@link BadImages}, {@link BadPool}, {@link BadProposals}, {@link BadBoxes},
 * {@link BadDetection}, {@link BadTargets}, {@link BadRoiAlign}, {@link BadRoiPool}, {@link BadNade}, {@link BadLstm}
 * and {@link BadTraining}.
 */
class BadInputTest {
  /** Something that must throw, on the given device. */
  @FunctionalInterface
  interface Call {
    void run(Device device) throws Exception;
  }

  /**
   * A row of the table.
   *
   * @param argument what the exception must name, or null where it is not about an argument
   * @param message a part of its message
   */
  record Row(String name, Class<? extends OndolException> type, String argument, String message, Call call) {}

  @TestFactory
  List<DynamicNode> rejected() {
    List<Row> rows = new ArrayList<>();
    rows.addAll(BadTensors.ROWS);
    rows.addAll(BadOps.ROWS);
    rows.addAll(BadHalves.TENSORS);
    rows.addAll(BadHalves.PRECISIONS);
    rows.addAll(BadAttention.ROWS);
    rows.addAll(BadConv.GEOMETRY);
    rows.addAll(BadConv.ROWS);
    rows.addAll(BadConvKin.MASKED);
    rows.addAll(BadConvKin.DECONV);
    rows.addAll(BadConvKin.WINOGRAD);
    rows.addAll(BadImages.ROWS);
    rows.addAll(BadPool.ROWS);
    rows.addAll(BadProposals.ROWS);
    rows.addAll(BadDetection.ROWS);
    rows.addAll(BadTargets.ROWS);
    rows.addAll(BadNade.ROWS);
    rows.addAll(BadBoxes.ROWS);
    rows.addAll(BadRoiAlign.ROWS);
    rows.addAll(BadRoiPool.ROWS);
    rows.addAll(BadLstm.ROWS);
    rows.addAll(BadTraining.TAPES);
    rows.addAll(BadTraining.LOSSES);
    rows.addAll(BadTraining.OPTIMIZERS);
    List<DynamicNode> tests = new ArrayList<>();
    for (Row row : rows) {
      tests.add(DynamicTest.dynamicTest(row.name, () -> {
        for (Device device : TestDevices.available()) {
          check(row, device);
        }
      }));
    }
    return tests;
  }

  private static void check(Row row, Device device) throws Exception {
    try (Scope scope = Scope.open()) {
      row.call.run(device);
    } catch (OndolException e) {
      assertEquals(row.type, e.getClass(), "on " + device + ": " + e);
      assertTrue(e.getMessage().contains(row.message), "on " + device + ": message \"" + e.getMessage()
          + "\" does not contain \"" + row.message + "\"");
      if (row.argument != null) {
        assertEquals(row.argument, assertInstanceOf(InvalidArgumentException.class, e).argument(), "on " + device);
      }
      return;
    } catch (RuntimeException | Error e) {
      throw new AssertionError("on " + device + ": expected " + row.type.getSimpleName() + ", but got " + e, e);
    }
    fail("on " + device + ": accepted");
  }
}
