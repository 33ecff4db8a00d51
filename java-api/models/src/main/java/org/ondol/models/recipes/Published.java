package org.ondol.models.recipes;

import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import org.ondol.Tensor;
import org.ondol.grad.Parameter;
import org.ondol.grad.Parameters;
import org.ondol.models.segmentation.EspNet;
import org.ondol.models.training.Form;
import org.ondol.models.training.Recipe;
import org.ondol.models.training.Settings;
import org.ondol.models.weights.SafeTensors;

/** Trained weights that others published, as files that are no checkpoints: told by the names of their tensors. */
enum Published {
  /** The gated PixelCNN of the UvA deep learning tutorials (P. Lippe): MNIST, 256 shades. */
  PIXELCNN_MNIST(PixelRecipes.GATED, Map.of("layers", "7", "width", "64"), new Form(new long[] {1, 28, 28}, 256, 0)) {
    @Override
    boolean wrote(Set<String> names) {
      return names.contains("conv_vstack.conv.weight") && names.contains("conv_layers.6.conv_horiz.conv.weight");
    }

    /** Layer i is conv_layers.i there; masked convolutions are named for the module within their module. */
    private String name(String own) {
      return own.replace("layers.", "conv_layers.").replaceFirst("^vertical", "conv_vstack.conv")
          .replaceFirst("^horizontal", "conv_hstack.conv").replaceFirst("^logits", "conv_out")
          .replace(".vertical", ".conv_vert.conv").replace(".horizontal", ".conv_horiz.conv")
          .replace(".between", ".conv_vert_to_horiz").replace(".out", ".conv_horiz_1x1");
    }

    @Override
    void load(Path path, SafeTensors file, Parameters parameters) {
      for (Parameter p : parameters) {
        Tensor t = p.tensor();
        p.assign(file.tensor(name(p.name()), t.device(), t.shape()));
      }
    }
  },

  /** The Diagonal BiLSTM of pixel-rnn-lasagne (taimir): MNIST, pixels above one half. */
  PIXELRNN_MNIST(PixelRecipes.DIAGONAL_LSTM,
      Map.of("layers", "2", "features", "64", "width", "64", "top", "64", "low", "0"),
      new Form(new long[] {1, 28, 28}, 2, 0)) {
    /** Where our gates i, f, g, o stand in the file's o, f, i, g. */
    private static final int[] GATES = {2, 1, 3, 0};

    @Override
    boolean wrote(Set<String> names) {
      return names.contains("layer1.backward.s2s.weight") && names.contains("out2.weight");
    }

    private String name(String own) {
      return own.replaceFirst("^first", "input").replaceFirst("^layers\\.", "layer").replace(".left", ".forward")
          .replace(".right", ".backward").replace(".input.", ".i2s.").replace(".state.", ".s2s.")
          .replaceFirst("^last\\.", "out").replaceFirst("^logits", "out2");
    }

    @Override
    void load(Path path, SafeTensors file, Parameters parameters) {
      for (Parameter p : parameters) p.assign(values(file, p.name(), p.tensor()));
    }

    private Tensor values(SafeTensors file, String own, Tensor like) {
      Tensor t = file.tensor(name(own), like.device());
      if (own.equals("first.weight") || own.equals("first.bias")) return t;
      if (own.endsWith(".state.bias")) return t.expand(like.shape()).copy(); // one number for all gates
      boolean gates = own.startsWith("layers.");
      if (own.endsWith(".bias")) return gates ? gates(t) : t;
      // [out, in, ...] there, [..., in, out] here
      long out = t.size(0);
      long in = t.size(1);
      if (gates) t = gates(t);
      return own.contains(".state.") ? t.permute(2, 1, 0).copy() : t.reshape(out, in).transpose(0, 1).copy();
    }

    private Tensor gates(Tensor t) {
      long h = t.size(0) / 4;
      Tensor all = Tensor.empty(t.device(), t.shape());
      for (int i = 0; i < 4; i++) all.slice(0, i * h, (i + 1) * h).assign(t.slice(0, GATES[i] * h, (GATES[i] + 1) * h));
      return all;
    }
  },

  /** The variational autoencoder of gan-vae-pretrained-pytorch (C. Singh): MNIST in shades of grey. */
  VAE_MNIST(new VaeRecipe(), Map.of("layers", "1", "hidden", "400", "latents", "20", "activation", "relu",
      "shades", "grey"), new Form(new long[] {1, 28, 28}, 256, 0)) {
    @Override
    boolean wrote(Set<String> names) {
      return names.contains("fc21.weight") && names.contains("fc22.weight");
    }

    @Override
    void load(Path path, SafeTensors file, Parameters parameters) {
      org.ondol.models.latent.Published.vae(file, parameters);
    }
  },

  /** The DCGAN of house numbers of its authors (Newmu/dcgan_code): the discriminator lies in a file beside this one. */
  DCGAN_SVHN(GanRecipes.DCGAN, Map.of("levels", "3", "width", "64", "hidden", "0", "codes", "100", "eps", "1e-8",
      "statistics", "batch"), new Form(new long[] {3, 32, 32}, 256, 0)) {
    @Override
    boolean wrote(Set<String> names) {
      return names.contains("deconv3.weight") && names.contains("bn0.gamma");
    }

    @Override
    void load(Path path, SafeTensors file, Parameters parameters) {
      try (SafeTensors other = SafeTensors.open(path.resolveSibling("discriminator.safetensors"))) {
        org.ondol.models.latent.Published.houseNumbers(file, other, parameters);
      }
    }
  },

  /** ESPNet by its authors (sacmehta/ESPNet): CamVid at 480 x 360. */
  ESPNET_CAMVID(new EspNetRecipe(), Map.of(), new Form(new long[] {3, 360, 480}, 256, 0, EspNet.CAMVID)) {
    @Override
    boolean wrote(Set<String> names) {
      return names.contains("encoder.level2_0.d16.conv.weight") && names.contains("combine_l2_l3.1.d16.conv.weight");
    }

    @Override
    void load(Path path, SafeTensors file, Parameters parameters) {
      for (Parameter p : parameters) {
        Tensor t = p.tensor();
        p.assign(file.tensor(EspNet.published(p.name()), t.device(), t.shape()));
      }
    }
  };

  private final Recipe recipe;
  private final Map<String, String> changes;
  private final Form form;

  Published(Recipe recipe, Map<String, String> changes, Form form) {
    this.recipe = recipe;
    this.changes = changes;
    this.form = form;
  }

  /** Whether these are the names of its tensors. */
  abstract boolean wrote(Set<String> names);

  /**
   * Gives parameters their values, in the current scope.
   *
   * @param path of the file
   */
  abstract void load(Path path, SafeTensors file, Parameters parameters);

  /** The one whose file this is, or null. */
  static Published of(SafeTensors file) {
    for (Published p : values()) if (p.wrote(file.names())) return p;
    return null;
  }

  Recipe recipe() {
    return recipe;
  }

  Settings settings() {
    Settings s = recipe.settings();
    for (Map.Entry<String, String> e : changes.entrySet()) s = s.with(e.getKey(), e.getValue());
    return s;
  }

  Form form() {
    return form;
  }
}
