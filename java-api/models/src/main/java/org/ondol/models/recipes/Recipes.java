package org.ondol.models.recipes;

import java.util.List;
import org.ondol.InvalidArgumentException;
import org.ondol.models.training.Recipe;

/** All recipes, by name. */
public final class Recipes {
  private static final List<Recipe> ALL = List.of(Baselines.INDEPENDENT, Baselines.MARKOV, Baselines.SIGMOID_BELIEF,
      Baselines.TABLE, new NadeRecipe(), new RnadeRecipe(), PixelRecipes.PIXELCNN, PixelRecipes.GATED, PixelRecipes.ROW_LSTM,
      PixelRecipes.DIAGONAL_LSTM, new AutoencoderRecipe(), new VaeRecipe(), GanRecipes.GAN, GanRecipes.DCGAN,
      new LeNetRecipe(),
      new FcnRecipe(), new EspNetRecipe(),
      RegionRecipes.RCNN, RegionRecipes.SPPNET, new YoloRecipe(),
      RegionDetectorRecipes.FAST, RegionDetectorRecipes.FASTER);

  private Recipes() {}

  public static List<Recipe> all() {
    return ALL;
  }

  /**
   * The recipe of this name.
   *
   * @throws InvalidArgumentException if there is none
   */
  public static Recipe named(String name) {
    for (Recipe r : ALL) if (r.title().equals(name)) return r;
    throw new InvalidArgumentException("model", name, "one of " + ALL.stream().map(Recipe::title).toList());
  }
}
