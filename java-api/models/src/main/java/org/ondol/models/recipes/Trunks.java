package org.ondol.models.recipes;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.ondol.grad.Parameter;
import org.ondol.models.data.DataException;
import org.ondol.models.data.Size;
import org.ondol.models.layers.Units;
import org.ondol.models.training.Form;
import org.ondol.models.training.Settings;
import org.ondol.models.trunks.AlexNet;
import org.ondol.models.trunks.ClassifierSizes;
import org.ondol.models.trunks.SqueezeNet;
import org.ondol.models.trunks.Trunk;
import org.ondol.models.trunks.Vgg16;
import org.ondol.models.weights.SafeTensors;
import org.ondol.models.weights.Weights;
import org.ondol.models.weights.WeightsException;

/** The trunk of a model that looks at photographs, as settings: which network, and where its first values are from. */
final class Trunks {
  private static final String FILE = "trunk";
  private static final String NET = "trunk-net";
  private static final String PREFIX = "trunk";

  /** Those that there are, without the layers that classify. */
  private enum Net {
    SQUEEZENET("fire9_expand3x3.weight") {
      @Override
      Trunk of(Units units) {
        return new SqueezeNet(units, 0);
      }
    },
    VGG16("features.28.weight") {
      @Override
      Trunk of(Units units) {
        return new Vgg16(units, ClassifierSizes.paper(0));
      }
    },
    ALEXNET("features.6.weight") { // which a VGG-16 has not: there it is a relu
      @Override
      Trunk of(Units units) {
        return new AlexNet(units, ClassifierSizes.paper(0));
      }
    };

    /** A parameter that no other one has. */
    private final String mark;

    Net(String mark) {
      this.mark = mark;
    }

    abstract Trunk of(Units units);

    String title() {
      return name().toLowerCase(Locale.ROOT);
    }

    static Net named(String title) {
      return valueOf(title.toUpperCase(Locale.ROOT));
    }

    static List<String> titles() {
      return Arrays.stream(values()).map(Net::title).toList();
    }
  }

  private Trunks() {}

  static Settings setting(Settings s) {
    return s.text(FILE, "", "file with the trunk's trained weights, or a checkpoint of a model upon it; empty: random values")
        .choice(NET, Net.SQUEEZENET.title(), Net.titles(), "network that the model stands on");
  }

  /** Whether its first values are those of a file. */
  static boolean trained(Settings s) {
    return !s.text(FILE).isEmpty();
  }

  /**
   * A trunk among the units of a model. Its weights are read where a run begins: a checkpoint has its own.
   *
   * @param units of the whole model
   */
  static Trunk of(Settings s, Form form, Units units) {
    Units own = units.under(PREFIX);
    Net net = Net.named(s.choice(NET));
    Trunk trunk = net.of(own);
    if (!trained(s) || form.steps() == 0) return trunk;
    try (SafeTensors file = SafeTensors.open(Path.of(s.text(FILE)))) {
      own.load(weights(file, net, s.text(FILE)));
    }
    return trunk;
  }

  /** The parameters of a model's trunk. */
  static List<Parameter> own(Units units) {
    return units.under(PREFIX).own();
  }

  private static Weights weights(SafeTensors file, Net net, String path) {
    if (file.has(net.mark)) return file;
    if (file.has(PREFIX + "." + net.mark)) return (name, device, shape) -> file.tensor(PREFIX + "." + name, device, shape);
    for (Net other : Net.values()) {
      if (!file.has(other.mark) && !file.has(PREFIX + "." + other.mark)) continue;
      throw new WeightsException(path + " has weights of " + other.title() + "; the model stands on " + net.title() + " (-s "
          + NET + "=" + other.title() + " would have it stand on the other)");
    }
    throw new WeightsException(path + " has no weights of " + net.title() + ": no tensor is named " + net.mark);
  }

  /** The size of photographs with named objects; refuses all else. */
  static Size photographs(Form form) {
    long[] shape = form.picture();
    if (shape[0] != 3 || form.levels() != 256) {
      throw new DataException("examples are " + Arrays.toString(shape) + " of " + form.levels()
          + " levels, expected photographs [3, H, W] of 256");
    }
    if (Math.min(shape[1], shape[2]) < 32) {
      throw new DataException("examples are " + shape[2] + " x " + shape[1] + ", expected at least 32 x 32");
    }
    if (form.classes().isEmpty()) throw new DataException("the examples have no named classes, expected boxes of some");
    return new Size((int) shape[2], (int) shape[1]);
  }
}
