package jllm.train.model;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import jllm.train.SettingsException;

/**
 * Named shapes of models.
 *
 * <p>Sources: GPT-2: Radford et al. 2019, table 2. {@code llama-15m} to {@code llama-110m}: the
 * models of llama2.c; {@code llama-1b}: Llama 3.2 1B; {@code llama-8b}: Llama 3 8B. Gopher: Rae et
 * al. 2021, table 1, the sizes of the family with GPT-2's blocks (its own relative positions
 * nothing else loads). {@code nano}: the small model of characters in nanoGPT's README.
 */
public final class ModelPresets {
  private static final int GOPHER_CONTEXT = 2048;
  private static final double LLAMA3_ROPE_BASE = 500_000;

  /** Components of a head of {@link #ofDepth}. */
  private static final int HEAD_DIM = 64;

  private static final int DEPTH_CONTEXT = 1024;
  private static final int MAX_DEPTH = 256;

  private static final Map<String, ModelShape> PRESETS = presets();

  private ModelPresets() {}

  private static Map<String, ModelShape> presets() {
    Map<String, ModelShape> all = new LinkedHashMap<>();
    all.put("nano", ModelShape.gpt2(4, 4, 128, 64));
    all.put("gpt2-small", ModelShape.gpt2(12, 12, 768, 1024));
    all.put("gpt2-medium", ModelShape.gpt2(24, 16, 1024, 1024));
    all.put("gpt2-large", ModelShape.gpt2(36, 20, 1280, 1024));
    all.put("gpt2-xl", ModelShape.gpt2(48, 25, 1600, 1024));
    all.put("llama-tiny", ModelShape.llama(4, 4, 4, 192, 512, 256, true));
    all.put("llama-15m", ModelShape.llama(6, 6, 6, 288, 768, 256, true));
    all.put("llama-42m", ModelShape.llama(8, 8, 8, 512, 1376, 1024, true));
    all.put("llama-110m", ModelShape.llama(12, 12, 12, 768, 2048, 1024, true));
    all.put("llama-135m", ModelShape.llama(30, 9, 3, 576, 1536, 2048, true));
    all.put("llama-300m", ModelShape.llama(24, 16, 8, 1024, 2816, 2048, true));
    all.put(
        "llama-1b",
        withRopeBase(ModelShape.llama(16, 32, 8, 2048, 8192, 2048, true), LLAMA3_ROPE_BASE));
    all.put(
        "llama-8b",
        withRopeBase(ModelShape.llama(32, 32, 8, 4096, 14336, 8192, false), LLAMA3_ROPE_BASE));
    all.put("gopher-44m", ModelShape.gpt2(8, 16, 512, GOPHER_CONTEXT));
    all.put("gopher-117m", ModelShape.gpt2(12, 12, 768, GOPHER_CONTEXT));
    all.put("gopher-417m", ModelShape.gpt2(12, 12, 1536, GOPHER_CONTEXT));
    all.put("gopher-1.4b", ModelShape.gpt2(24, 16, 2048, GOPHER_CONTEXT));
    all.put("gopher-7.1b", ModelShape.gpt2(32, 32, 4096, GOPHER_CONTEXT));
    all.put("gopher-280b", ModelShape.gpt2(80, 128, 16384, GOPHER_CONTEXT));
    return all;
  }

  private static ModelShape withRopeBase(ModelShape shape, double base) {
    return shape.with(
        new ModelOverrides(
            null, null, null, null, null, null, null, null, null, null, null, null, null, null,
            base));
  }

  /** All names, small models before large ones of a family. */
  public static Set<String> names() {
    return PRESETS.keySet();
  }

  /**
   * The shape of that name.
   *
   * @throws SettingsException if there is none
   */
  public static ModelShape named(String name) {
    ModelShape shape = PRESETS.get(name);
    if (shape == null) {
      throw new SettingsException(
          "there is no preset " + name + "; known are " + String.join(", ", names()));
    }
    return shape;
  }

  /**
   * A model by a single dial, after nanochat: {@code depth} layers with Llama's blocks, {@code
   * depth} heads of 64 components, thus a width of 64 * depth, a feed-forward width of 8/3 of that,
   * 1024 positions, output tied to the embedding. Without embeddings it has about 49,000 * depth^3
   * parameters: depth 4 gives 3 million, 6 gives 11, 12 gives 85.
   *
   * @throws SettingsException if depth is not between 1 and 256
   */
  public static ModelShape ofDepth(int depth) {
    if (depth < 1 || depth > MAX_DEPTH) {
      throw new SettingsException("a depth of " + depth + ", expected 1 to " + MAX_DEPTH);
    }
    int width = HEAD_DIM * depth;
    return ModelShape.llama(
        depth, depth, depth, width, ModelShape.usualHidden(width, true), DEPTH_CONTEXT, true);
  }
}
