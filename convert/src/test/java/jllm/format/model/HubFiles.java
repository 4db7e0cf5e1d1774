package jllm.format.model;

import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import jllm.format.ModelConfig;
import jllm.format.WeightSource;
import jllm.format.safetensors.RawSafetensors;
import jllm.tensor.Tensor;

/** Writes a model as the folder that Hugging Face's programs would save, for tests. */
final class HubFiles {

  private HubFiles() {}

  /** The part of the configuration that all families but GPT-2 share. */
  static String json(String modelType, ModelConfig config, String more) {
    return """
    {"model_type": "%s", "vocab_size": %d, "max_position_embeddings": %d, "hidden_size": %d,
     "num_hidden_layers": %d, "intermediate_size": %d, "num_attention_heads": %d,
     "num_key_value_heads": %d, "head_dim": %d, "rms_norm_eps": 1e-05, "rope_theta": 10000.0,
     "tie_word_embeddings": %s%s}
    """
        .formatted(
            modelType,
            config.vocabularySize(),
            config.contextLength(),
            config.width(),
            config.layers(),
            config.feedForward().hidden(),
            config.attention().heads(),
            config.attention().kvHeads(),
            config.attention().headDim(),
            config.tiedOutput(),
            more);
  }

  /**
   * Writes a folder.
   *
   * @param weights F32
   */
  static Path write(Path folder, String json, WeightSource weights) throws IOException {
    Files.createDirectories(folder);
    Files.writeString(folder.resolve("config.json"), json);
    RawSafetensors raw = new RawSafetensors();
    for (Named tensor : tensors(weights)) {
      raw.tensor(tensor.name(), "F32", tensor.shape(), tensor.bytes());
    }
    raw.write(folder.resolve("model.safetensors"));
    return folder;
  }

  record Named(String name, int[] shape, byte[] bytes) {}

  /** The tensors under the names and in the layouts of Hugging Face. */
  static List<Named> tensors(WeightSource weights) {
    Family family = Families.require(weights.config().architecture(), "test");
    List<Named> tensors = new ArrayList<>();
    WeightLayout.forEach(
        weights.config(),
        weights::has,
        (name, shape) -> {
          Tensor tensor = weights.tensor(name);
          float[] values = tensor.segment().toArray(ValueLayout.JAVA_FLOAT);
          int[] dims = new int[shape.rank()];
          for (int axis = 0; axis < dims.length; axis++) {
            dims[axis] = shape.dim(axis);
          }
          String hubName = new HubNames(family.hub()).of(name);
          boolean gpt2 = family.architecture().equals("gpt2");
          if (dims.length == 3) {
            experts(tensors, hubName, dims, values);
          } else if (gpt2 && dims.length == 2 && name.startsWith("blk.")) {
            tensors.add(
                new Named(hubName, new int[] {dims[1], dims[0]}, bytes(transposed(values, dims))));
          } else if (family.architecture().startsWith("gemma") && name.contains("norm")) {
            for (int i = 0; i < values.length; i++) {
              values[i] -= 1;
            }
            tensors.add(new Named(hubName, dims, bytes(values)));
          } else {
            tensors.add(new Named(hubName, dims, bytes(values)));
          }
        });
    return tensors;
  }

  private static void experts(List<Named> tensors, String name, int[] dims, float[] values) {
    int size = dims[1] * dims[2];
    for (int expert = 0; expert < dims[0]; expert++) {
      float[] own = Arrays.copyOfRange(values, expert * size, (expert + 1) * size);
      tensors.add(
          new Named(
              name.replace("*", Integer.toString(expert)),
              new int[] {dims[1], dims[2]},
              bytes(own)));
    }
  }

  private static float[] transposed(float[] values, int[] dims) {
    float[] out = new float[values.length];
    for (int row = 0; row < dims[0]; row++) {
      for (int column = 0; column < dims[1]; column++) {
        out[column * dims[0] + row] = values[row * dims[1] + column];
      }
    }
    return out;
  }

  static byte[] bytes(float[] values) {
    ByteBuffer out = ByteBuffer.allocate(4 * values.length).order(ByteOrder.LITTLE_ENDIAN);
    out.asFloatBuffer().put(values);
    return out.array();
  }
}
