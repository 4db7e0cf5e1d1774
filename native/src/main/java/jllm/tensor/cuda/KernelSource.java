package jllm.tensor.cuda;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;

/** The families of kernels, one file each; includes of others are those files put in front. */
enum KernelSource {
  ELEMENTWISE("common", "activations", "elements", "elementwise"),
  GRADIENTS("common", "activations", "elements", "gradients"),
  NORMS("common", "norms"),
  ROPE("common", "rotation", "rope"),
  SOFTMAX("common", "softmax"),
  CROSS_ENTROPY("common", "fast", "cross_entropy"),
  REDUCTIONS("common", "reductions"),
  OPTIMIZER("common", "optimizer"),
  EXPERTS("common", "experts"),
  CACHE("common", "cache"),
  /** For one type of keys and of values at a time. */
  STORE("common", "formats", "rotation", "store"),
  SAMPLING("common", "sampling"),
  TIMING("common", "timing"),
  /** For one format of weights at a time. */
  WEIGHTS("common", "formats", "weights"),
  /** For one format of weights and one number of rows at a time. */
  MATVEC("common", "activations", "formats", "integers", "matvec"),
  /** For one format of weights at a time. */
  EXPERT_TILES("common", "formats", "expert_tiles"),
  /** For one format of weights at a time. */
  EXPERT_MMA("common", "formats", "tiles", "fast", "mma", "mma_products", "expert_mma"),
  EXPERT_MMA_WEIGHT("common", "tiles", "fast", "mma", "mma_products", "expert_mma_weight"),
  /** For one width of heads, and one type of keys and of values, at a time. */
  ATTENTION("common", "formats", "tiles", "attention"),
  /** For one width of heads at a time. */
  ATTENTION_BACKWARD("common", "tiles", "attention_backward"),
  /** For one type of keys or values at a time. */
  ATTENTION_PACK("common", "formats", "attention_pack"),
  /** For one width of heads at a time. */
  ATTENTION_MMA("common", "tiles", "fast", "mma", "attention_mma"),
  /** For one width of heads at a time. */
  ATTENTION_MMA_BACKWARD("common", "tiles", "fast", "mma", "attention_mma_backward");

  private final String[] files;

  KernelSource(String... files) {
    this.files = files;
  }

  /** The text of all files, the family's own last. */
  String text() {
    StringBuilder text = new StringBuilder();
    for (String file : files) {
      text.append(read(file + ".cu"));
    }
    return text.toString();
  }

  private static String read(String file) {
    try (InputStream in = KernelSource.class.getResourceAsStream(file)) {
      if (in == null) {
        throw new IllegalStateException("the program was built without " + file);
      }
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
