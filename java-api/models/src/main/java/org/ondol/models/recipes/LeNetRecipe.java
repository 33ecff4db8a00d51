package org.ondol.models.recipes;

import org.ondol.Device;
import org.ondol.grad.Adam;
import org.ondol.grad.Generator;
import org.ondol.models.LeNet;
import org.ondol.models.data.DataException;
import org.ondol.models.training.Experiment;
import org.ondol.models.training.Form;
import org.ondol.models.training.Recipe;
import org.ondol.models.training.Settings;

/** A classifier of small pictures; also the judge of pictures that other models make. */
final class LeNetRecipe implements Recipe {
  @Override
  public String title() {
    return "lenet";
  }

  @Override
  public String summary() {
    return "LeNet, a classifier of small pictures";
  }

  @Override
  public Settings settings() {
    return Rates.setting(Settings.training(4, 100, 0.001), "cosine").whole("classes", 10, 2, 100_000, "that there are");
  }

  @Override
  public Experiment create(Device device, Form form, Settings s, Generator random) {
    long[] p = form.picture();
    if (Math.min(p[1], p[2]) < 16) {
      throw new DataException("examples are " + p[1] + " x " + p[2] + ", expected at least 16 x 16");
    }
    LeNet model = new LeNet(device, p, s.whole("classes"), random);
    return new Classification(model, new Adam(model.parameters(), Rates.of(s, form), Adam.Options.ADAM));
  }
}
