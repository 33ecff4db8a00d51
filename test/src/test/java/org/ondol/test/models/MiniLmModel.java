package org.ondol.test.models;

import org.ondol.Device;
import org.ondol.models.MiniLm;
import org.ondol.models.SentenceEncoder;

/** The model, read once for all tests; each takes it to the device it needs. */
final class MiniLmModel {
  private static SentenceEncoder model;

  private MiniLmModel() {}

  static synchronized SentenceEncoder on(Device device) {
    if (model == null) model = MiniLm.load(Device.of("java"));
    return model.to(device);
  }
}
