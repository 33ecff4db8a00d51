package org.ondol.models.segmentation;

import java.awt.Color;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** Colours of classes on a map. */
public final class Colours {
  /** The turn of the hue from one class to the next: never near that of one of the classes before it. */
  private static final float TURN = 0.618034f;

  /** CamVid's (G. Brostow, J. Fauqueur and R. Cipolla, 2009), by the names of its eleven classes. */
  private static final Map<String, Integer> CAMVID = Map.ofEntries(Map.entry("sky", 0x808080),
      Map.entry("building", 0x800000), Map.entry("pole", 0xC0C080), Map.entry("road", 0x804080),
      Map.entry("pavement", 0x3C28DE), Map.entry("tree", 0x808000), Map.entry("signsymbol", 0xC08080),
      Map.entry("fence", 0x404080), Map.entry("car", 0x400080), Map.entry("pedestrian", 0x404000),
      Map.entry("bicyclist", 0x0080C0), Map.entry("unlabelled", 0x000000));

  private Colours() {}

  /** The usual ones where all classes are CamVid's, else colours that are easily told apart. */
  public static int[] of(List<String> classes) {
    int[] colours = new int[classes.size()];
    boolean known = classes.stream().allMatch(c -> CAMVID.containsKey(c.toLowerCase(Locale.ROOT)));
    for (int i = 0; i < colours.length; i++) {
      colours[i] = known ? CAMVID.get(classes.get(i).toLowerCase(Locale.ROOT))
          : Color.HSBtoRGB(i * TURN, i % 2 == 0 ? 1 : 0.6f, i % 3 == 2 ? 0.6f : 1) & 0xFFFFFF;
    }
    return colours;
  }
}
