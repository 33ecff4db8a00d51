package org.ondol.grad;

import org.ondol.InvalidArgumentException;

/** A learning rate for each step, counted from 0. Computed with {@link StrictMath}: the same on every machine. */
@FunctionalInterface
public interface Schedule {
  double rate(long step);

  static Schedule constant(double rate) {
    Require.notNegative("rate", rate);
    return step -> rate;
  }

  /** rate · factor^floor(step / every). */
  static Schedule step(double rate, long every, double factor) {
    Require.notNegative("rate", rate);
    Require.notNegative("factor", factor);
    positive("every", every);
    return step -> rate * StrictMath.pow(factor, step / every);
  }

  /**
   * From rate down to low along half a cosine in so many steps, then low (Loshchilov and Hutter 2017, without
   * restarts).
   */
  static Schedule cosine(double rate, double low, long steps) {
    Require.notNegative("rate", rate);
    Require.notNegative("low", low);
    positive("steps", steps);
    return step -> low + (rate - low) * (1 + StrictMath.cos(Math.PI * Math.min(step, steps) / steps)) / 2;
  }

  /** Rises to the first rate of another schedule, by 1 / steps of it a step, and goes on with that one. */
  static Schedule warmUp(long steps, Schedule then) {
    positive("steps", steps);
    Require.present("then", then);
    return step -> step < steps ? then.rate(0) * (step + 1) / steps : then.rate(step - steps);
  }

  private static void positive(String name, long value) {
    if (value < 1) throw new InvalidArgumentException(name, value, "at least 1");
  }
}
