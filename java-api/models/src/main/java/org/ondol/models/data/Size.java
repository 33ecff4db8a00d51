package org.ondol.models.data;

import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.ondol.InvalidArgumentException;

/**
 * The size of pictures in pixels.
 *
 * @param width 1 to 65535
 * @param height 1 to 65535
 */
public record Size(int width, int height) {
  private static final int MOST = 65535;
  private static final Pattern TEXT = Pattern.compile("([0-9]{1,5})x([0-9]{1,5})");

  public Size {
    if (width < 1 || width > MOST) throw new InvalidArgumentException("width", width, "1 to " + MOST);
    if (height < 1 || height > MOST) throw new InvalidArgumentException("height", height, "1 to " + MOST);
  }

  /** From text such as "640x480": width, an x, height. */
  public static Size of(String text) {
    Matcher m = TEXT.matcher(text);
    if (!m.matches()) throw new InvalidArgumentException("size", text, "WIDTHxHEIGHT, such as 640x480");
    return new Size(Integer.parseInt(m.group(1)), Integer.parseInt(m.group(2)));
  }

  @Override
  public String toString() {
    return width + "x" + height;
  }
}
