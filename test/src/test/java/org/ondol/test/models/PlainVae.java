package org.ondol.test.models;

import java.util.HashMap;
import java.util.Map;
import org.ondol.grad.Parameter;
import org.ondol.grad.Parameters;

/** A dense variational autoencoder with one layer of tanh units in float64, written as its formulas are. */
final class PlainVae {
  final Map<String, double[]> values = new HashMap<>();
  private final int pixels;
  private final int hidden;
  private final int latents;

  /** A posterior. */
  record Posterior(double[] mean, double[] logVariance) {}

  PlainVae(Parameters parameters, int pixels, int hidden, int latents) {
    this.pixels = pixels;
    this.hidden = hidden;
    this.latents = latents;
    for (Parameter p : parameters) {
      float[] from = p.tensor().toFloats();
      double[] to = new double[from.length];
      for (int i = 0; i < to.length; i++) to[i] = from[i];
      values.put(p.name(), to);
    }
  }

  private double[] linear(String name, double[] x, int out) {
    double[] w = values.get(name + ".weight");
    double[] y = values.get(name + ".bias").clone();
    for (int o = 0; o < out; o++) for (int i = 0; i < x.length; i++) y[o] += x[i] * w[i * out + o];
    return y;
  }

  private double[] tanh(double[] x) {
    double[] y = new double[x.length];
    for (int i = 0; i < x.length; i++) y[i] = Math.tanh(x[i]);
    return y;
  }

  Posterior encode(double[] x) {
    double[] h = tanh(linear("encoder.hidden1", x, hidden));
    return new Posterior(linear("posterior.mean", h, latents), linear("posterior.variance", h, latents));
  }

  /** ln p(x | z). */
  double logLikelihood(double[] x, double[] z) {
    double[] logits = linear("decoder.pixels", tanh(linear("decoder.hidden1", z, hidden)), pixels);
    double sum = 0;
    for (int i = 0; i < pixels; i++) sum += x[i] * logits[i] - Math.log1p(Math.exp(logits[i]));
    return sum;
  }

  private double[] draw(Posterior q, double[] eps) {
    double[] z = new double[latents];
    for (int i = 0; i < latents; i++) z[i] = q.mean[i] + Math.exp(q.logVariance[i] / 2) * eps[i];
    return z;
  }

  /** The evidence lower bound by one draw. */
  double bound(double[] x, double[] eps) {
    Posterior q = encode(x);
    double divergence = 0;
    for (int i = 0; i < latents; i++) {
      divergence += (q.mean[i] * q.mean[i] + Math.exp(q.logVariance[i]) - 1 - q.logVariance[i]) / 2;
    }
    return logLikelihood(x, draw(q, eps)) - divergence;
  }

  /** ln p(x, z) - ln q(z | x). */
  double logWeight(double[] x, double[] eps) {
    Posterior q = encode(x);
    double[] z = draw(q, eps);
    double w = logLikelihood(x, z);
    for (int i = 0; i < latents; i++) {
      w += logNormal(z[i], 0, 1) - logNormal(z[i], q.mean[i], Math.exp(q.logVariance[i]));
    }
    return w;
  }

  private static double logNormal(double x, double mean, double variance) {
    return -(Math.log(2 * Math.PI * variance) + (x - mean) * (x - mean) / variance) / 2;
  }

  /** ln p(x) of a model with one latent number: the integral over z by the trapezoid rule, which is exact here. */
  double logLikelihood(double[] x) {
    double sum = 0;
    double step = 1.0 / 256;
    for (double z = -12; z <= 12; z += step) {
      sum += Math.exp(logLikelihood(x, new double[] {z}) + logNormal(z, 0, 1)) * step;
    }
    return Math.log(sum);
  }
}
