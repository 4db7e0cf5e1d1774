package jllm.format.lora;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import jllm.format.WeightNames;
import jllm.format.WeightSource;
import jllm.tensor.Tensor;
import jllm.tensor.quant.Conversions;

/**
 * Tells models apart by their norms. These are few numbers that no two trained models share, and
 * every format has them unquantized: a model keeps its fingerprint when it is quantized.
 */
public final class Fingerprint {
  private Fingerprint() {}

  /** SHA-256 of the norm weights as little-endian F32, in hexadecimal digits. */
  public static String of(WeightSource source) {
    MessageDigest digest;
    try {
      digest = MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has SHA-256", e);
    }
    for (String name : norms(source)) {
      if (source.has(name)) {
        Tensor norm = source.tensor(name);
        float[] values = Conversions.row(norm, 0);
        ByteBuffer bytes =
            ByteBuffer.allocate(values.length * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        bytes.asFloatBuffer().put(values);
        digest.update(bytes);
        source.release(name);
      }
    }
    return HexFormat.of().formatHex(digest.digest());
  }

  private static List<String> norms(WeightSource source) {
    List<String> names = new ArrayList<>();
    names.add(WeightNames.OUTPUT_NORM + ".weight");
    for (int layer = 0; layer < source.config().layers(); layer++) {
      names.add(WeightNames.block(layer, WeightNames.ATTENTION_NORM, "weight"));
      names.add(WeightNames.block(layer, WeightNames.FEED_FORWARD_NORM, "weight"));
    }
    return names;
  }
}
