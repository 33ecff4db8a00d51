package org.ondol.grad;

import org.ondol.Tensor;
import org.ondol.ops.Elementwise;
import org.ondol.ops.Elementwise.Op;

/**
 * Losses, in forms that overflow only where the loss itself does. {@code target} has x's shape; where it leads to a
 * parameter it gets a gradient too. The gradients below are of the loss of one element by x.
 */
public final class Losses {
  private Losses() {}

  /** A loss of a pair: its value and its gradients by both, times that of the loss. */
  private interface Pair {
    Tensor value(Tensor x, Tensor t);

    Tensor byX(Tensor x, Tensor t);

    Tensor byTarget(Tensor x, Tensor t);
  }

  /**
   * The negative log-likelihood of a Bernoulli variable t in 0 to 1 with the logit x (binary cross-entropy):
   * max(x, 0) - x t + log(1 + exp(-|x|)). Gradient: sigmoid(x) - t.
   */
  public static Value bernoulli(Value x, Value target, Reduction reduction) {
    return pair("bernoulli loss", x, target, reduction, new Pair() {
      @Override
      public Tensor value(Tensor x, Tensor t) {
        Tensor e = Elementwise.apply(Op.EXP, Elementwise.apply(Op.NEG, Elementwise.apply(Op.ABS, x)));
        return Elementwise.add(Elementwise.sub(Elementwise.relu(x), Elementwise.mul(x, t)), log1p(e));
      }

      @Override
      public Tensor byX(Tensor x, Tensor t) {
        return Elementwise.sub(Elementwise.sigmoid(x), t);
      }

      @Override
      public Tensor byTarget(Tensor x, Tensor t) {
        return Elementwise.apply(Op.NEG, x);
      }
    });
  }

  /** log(1 + e) to a relative 1e-7 for e of 0 to 1: with u = 1 + e rounded, log(u) + (e - (u - 1)) / u. */
  private static Tensor log1p(Tensor e) {
    Tensor u = Elementwise.apply(Op.SHIFT, e, null, 1);
    Tensor lost = Elementwise.sub(e, Elementwise.apply(Op.SHIFT, u, null, -1));
    return Elementwise.add(Elementwise.apply(Op.LOG, u), Elementwise.div(lost, u));
  }

  /** The squared error (x - t)². Gradient: 2 (x - t). */
  public static Value mse(Value x, Value target, Reduction reduction) {
    return difference("squared error", x, target, reduction, new Distance() {
      @Override
      public Tensor value(Tensor d) {
        return Elementwise.apply(Op.SQUARE, d);
      }

      @Override
      public Tensor slope(Tensor d) {
        return Elementwise.scale(d, 2);
      }
    });
  }

  /** The absolute error |x - t|. Gradient: the sign of x - t, 0 where they are equal. */
  public static Value l1(Value x, Value target, Reduction reduction) {
    return difference("absolute error", x, target, reduction, new Distance() {
      @Override
      public Tensor value(Tensor d) {
        return Elementwise.apply(Op.ABS, d);
      }

      @Override
      public Tensor slope(Tensor d) {
        return sign(d);
      }
    });
  }

  /**
   * Smooth L1 (Girshick 2015): with d = x - t, d² / (2 beta) where {@code |d| < beta}, else |d| - beta / 2. Gradient: d / beta
   * cut to -1 and 1. Times beta it is Huber's loss.
   *
   * @param beta above 0
   */
  public static Value smoothL1(Value x, Value target, double beta, Reduction reduction) {
    Require.positive("beta", beta);
    return difference("smooth L1", x, target, reduction, new Distance() {
      /** With m = min(|d|, beta): m (|d| - m / 2) / beta is both branches. */
      @Override
      public Tensor value(Tensor d) {
        Tensor a = Elementwise.apply(Op.ABS, d);
        Tensor m = Elementwise.apply(Op.MIN, a, number(d, beta));
        return Elementwise.mul(Elementwise.div(m, number(d, beta)), Elementwise.apply(Op.AXPY, m, a, -0.5));
      }

      @Override
      public Tensor slope(Tensor d) {
        Tensor cut = Elementwise.apply(Op.MAX, Elementwise.apply(Op.MIN, d, number(d, beta)), number(d, -beta));
        return Elementwise.div(cut, number(d, beta));
      }
    });
  }

  /**
   * The hinge max(0, margin - t x) for t of -1 and 1. Gradient: -t where margin - t x is positive, else 0.
   *
   * @param margin at least 0
   */
  public static Value hinge(Value x, Value target, double margin, Reduction reduction) {
    Require.notNegative("margin", margin);
    return pair("hinge", x, target, reduction, new Pair() {
      private Tensor gap(Tensor x, Tensor t) {
        return Elementwise.sub(number(x, margin), Elementwise.mul(x, t));
      }

      @Override
      public Tensor value(Tensor x, Tensor t) {
        return Elementwise.relu(gap(x, t));
      }

      @Override
      public Tensor byX(Tensor x, Tensor t) {
        return Elementwise.apply(Op.RELU_GRAD, gap(x, t), Elementwise.apply(Op.NEG, t));
      }

      @Override
      public Tensor byTarget(Tensor x, Tensor t) {
        return Elementwise.apply(Op.RELU_GRAD, gap(x, t), Elementwise.apply(Op.NEG, x));
      }
    });
  }

  /**
   * The divergence of the normal distribution N(mean, exp(logVariance)) from N(0, 1) (Kingma and Welling 2014, appendix
   * B): (mean² + exp(logVariance) - 1 - logVariance) / 2. Gradients: mean, and (exp(logVariance) - 1) / 2.
   */
  public static Value gaussianKl(Value mean, Value logVariance, Reduction reduction) {
    return pair("gaussian kl", mean, logVariance, reduction, new Pair() {
      @Override
      public Tensor value(Tensor mean, Tensor s) {
        Tensor excess = Elementwise.sub(Elementwise.apply(Op.SHIFT, Elementwise.apply(Op.EXP, s), null, -1), s);
        return Elementwise.scale(Elementwise.add(Elementwise.apply(Op.SQUARE, mean), excess), 0.5);
      }

      @Override
      public Tensor byX(Tensor mean, Tensor s) {
        return mean;
      }

      @Override
      public Tensor byTarget(Tensor mean, Tensor s) {
        return Elementwise.scale(Elementwise.apply(Op.SHIFT, Elementwise.apply(Op.EXP, s), null, -1), 0.5);
      }
    });
  }

  /**
   * Softmax cross-entropy: -log softmax(x)[target], over the classes along a dimension. Gradient: softmax(x) - 1 at the
   * target.
   *
   * @param x [N, C], [N, C, H, W] or of any other shape
   * @param target INT32 or INT64, of x's shape without the classes' dimension, each 0 to C - 1
   * @param dim the dimension of the classes
   */
  public static Value softmax(Value x, Tensor target, int dim, Reduction reduction) {
    return ClassLoss.of(x, target, dim, null, reduction);
  }

  /**
   * The same where some targets do not count: their loss and their gradient are 0, and a mean is over the others (NaN
   * where none is left).
   *
   * @param ignored the target that does not count, such as 255 or -100
   */
  public static Value softmax(Value x, Tensor target, int dim, long ignored, Reduction reduction) {
    return ClassLoss.of(x, target, dim, ignored, reduction);
  }

  /** A loss of the difference d = x - t: the gradient by t is minus that by x. */
  private interface Distance {
    Tensor value(Tensor d);

    Tensor slope(Tensor d);
  }

  private static Value difference(String name, Value x, Value target, Reduction reduction, Distance f) {
    return pair(name, x, target, reduction, new Pair() {
      @Override
      public Tensor value(Tensor x, Tensor t) {
        return f.value(Elementwise.sub(x, t));
      }

      @Override
      public Tensor byX(Tensor x, Tensor t) {
        return f.slope(Elementwise.sub(x, t));
      }

      @Override
      public Tensor byTarget(Tensor x, Tensor t) {
        return f.slope(Elementwise.sub(t, x));
      }
    });
  }

  private static Value pair(String name, Value x, Value target, Reduction reduction, Pair f) {
    Require.present("x", x);
    Require.present("target", target);
    Require.present("reduction", reduction);
    Require.shape("target", target.tensor(), x.shape());
    Value losses = Tape.apply(name, r -> {
      Tensor a = x.tensor();
      Tensor t = target.tensor();
      r.backward((dy, g) -> {
        if (g.needs(0)) g.add(0, Elementwise.mul(dy, f.byX(a, t)));
        if (g.needs(1)) g.add(1, Elementwise.mul(dy, f.byTarget(a, t)));
      });
      return f.value(a, t);
    }, x, target);
    return reduction.of(losses);
  }

  /** relu_grad(d, 1) - relu_grad(-d, 1). */
  private static Tensor sign(Tensor d) {
    Tensor one = number(d, 1);
    Tensor minus = Elementwise.apply(Op.NEG, d);
    return Elementwise.sub(Elementwise.apply(Op.RELU_GRAD, d, one), Elementwise.apply(Op.RELU_GRAD, minus, one));
  }

  /** A number to broadcast. */
  private static Tensor number(Tensor like, double value) {
    Tensor t = Tensor.empty(like.device());
    Elementwise.fill(t, value);
    return t;
  }
}
