package jllm.train;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.zip.CRC32C;
import jllm.format.Json;
import jllm.format.ModelConfig;
import jllm.format.ModelFile;
import jllm.format.ModelFormatException;
import jllm.format.StoredTensor;
import jllm.format.lora.AdapterFiles;
import jllm.format.lora.LoraAdapter;
import jllm.format.model.ModelFiles;
import jllm.format.safetensors.SafetensorsFile;
import jllm.tensor.Backend;
import jllm.tensor.DType;
import jllm.tensor.Tensor;
import jllm.train.data.DataState;
import org.jspecify.annotations.Nullable;

/**
 * A checkpoint: a Hugging Face folder of the model, or of its adapter, with what else training
 * needs to go on: {@code optimizer.safetensors} (the moments, and the masters of rounded weights)
 * and {@code trainer_state.json}. Opening one compares every file with the length and the checksum
 * that the latter gives.
 */
public final class Checkpoint {
  static final String STATE = "trainer_state.json";
  static final String OPTIMIZER = "optimizer.safetensors";
  static final int VERSION = 1;
  private static final int BUFFER = 1 << 20;

  private final Path path;
  private final Progress progress;
  private final DataState data;
  private final Metrics.Offsets metrics;
  private final DType weightType;
  private final Map<String, Object> settings;

  private Checkpoint(Path path, Map<String, @Nullable Object> json) {
    String file = path.resolve(STATE).toString();
    this.path = path;
    this.progress = Progress.of(file, object(file, json, "progress"));
    this.data = new DataState(longs(file, json.get("data")));
    List<Long> offsets = longs(file, json.get("metrics"));
    if (offsets.size() != 2) {
      throw new ModelFormatException(file + ": metrics has no two offsets");
    }
    this.metrics = new Metrics.Offsets(offsets.get(0), offsets.get(1));
    this.weightType = "BF16".equals(json.get("weight_type")) ? DType.BF16 : DType.F32;
    Map<String, Object> read = new LinkedHashMap<>();
    object(file, json, "settings").forEach((key, value) -> read.put(String.valueOf(key), value));
    this.settings = read;
  }

  /**
   * Opens a checkpoint and checks that it is whole.
   *
   * @throws CheckpointException if it is not
   * @throws IOException if a file cannot be read
   */
  public static Checkpoint open(Path path) throws IOException {
    Path file = path.resolve(STATE);
    if (!Files.isDirectory(path)) {
      throw new CheckpointException(path + ": there is no such checkpoint");
    }
    if (!Files.isRegularFile(file)) {
      throw new CheckpointException(
          path + ": no checkpoint to resume from, " + STATE + " is missing");
    }
    try {
      Map<String, @Nullable Object> json = Json.read(file);
      if (!Long.valueOf(VERSION).equals(json.get("version"))) {
        throw new CheckpointException(
            "%s: version %s, expected %d: written by another version of this program"
                .formatted(file, json.get("version"), VERSION));
      }
      for (Map.Entry<?, ?> entry : object(file.toString(), json, "files").entrySet()) {
        check(path, String.valueOf(entry.getKey()), longs(file.toString(), entry.getValue()));
      }
      return new Checkpoint(path, json);
    } catch (ModelFormatException e) {
      throw new CheckpointException(path + " is damaged: " + e.getMessage(), e);
    }
  }

  private static void check(Path path, String name, List<Long> expected) throws IOException {
    Path file = path.resolve(name);
    if (!Files.isRegularFile(file)) {
      throw new CheckpointException(path + " is damaged: " + name + " is missing");
    }
    List<Long> found = fingerprint(file);
    if (!found.getFirst().equals(expected.getFirst())) {
      throw new CheckpointException(
          "%s is damaged: %s has %d bytes, expected %d"
              .formatted(path, name, found.getFirst(), expected.getFirst()));
    }
    if (!found.equals(expected)) {
      throw new CheckpointException(
          "%s is damaged: the contents of %s have changed (checksum %08x, expected %08x)"
              .formatted(path, name, found.getLast(), expected.getLast()));
    }
  }

  /** Length and checksum of a file. */
  static List<Long> fingerprint(Path file) throws IOException {
    CRC32C sum = new CRC32C();
    byte[] buffer = new byte[BUFFER];
    long length = 0;
    try (InputStream in = Files.newInputStream(file)) {
      for (int count = in.read(buffer); count >= 0; count = in.read(buffer)) {
        sum.update(buffer, 0, count);
        length += count;
      }
    }
    return List.of(length, sum.getValue());
  }

  private static Map<?, ?> object(String file, Map<?, ?> json, String key) {
    if (json.get(key) instanceof Map<?, ?> map) {
      return map;
    }
    throw new ModelFormatException(file + ": " + key + " is missing");
  }

  private static List<Long> longs(String file, @Nullable Object value) {
    List<Long> longs = new ArrayList<>();
    if (value instanceof List<?> list) {
      for (Object element : list) {
        if (!(element instanceof Long number)) {
          throw new ModelFormatException(file + ": " + element + ", expected a whole number");
        }
        longs.add(number);
      }
    }
    return longs;
  }

  /** The folder. */
  public Path path() {
    return path;
  }

  /** Steps that were done. */
  public long step() {
    return progress.step;
  }

  /** What the program that began the run noted about it, see {@link Trainer}. */
  public Map<String, Object> settings() {
    return settings;
  }

  /** The type of the model's matrices. */
  public DType weightType() {
    return weightType;
  }

  /**
   * The configuration of the model.
   *
   * @throws IOException if it cannot be read
   */
  public ModelConfig config() throws IOException {
    try (ModelFile model = ModelFiles.open(path)) {
      return model.config();
    }
  }

  Progress progress() {
    return progress;
  }

  DataState data() {
    return data;
  }

  Metrics.Offsets metrics() {
    return metrics;
  }

  /**
   * The weights, with gradients of zero and the moments of the optimizer.
   *
   * @param backend that trains them
   * @throws CheckpointException if a tensor is missing
   */
  public TrainedWeights weights(Backend backend) throws IOException {
    TrainedWeights weights;
    try (ModelFile model = ModelFiles.open(path)) {
      weights = TrainedWeights.copy(model.weights(), weightType, backend);
    }
    return readState(weights);
  }

  /**
   * The adapter, with gradients of zero and the moments of the optimizer.
   *
   * @param base the model that it was trained on
   * @param backend that trains it
   * @throws CheckpointException if a tensor is missing
   * @throws ModelFormatException if it is of another model
   */
  public TrainedAdapter adapter(ModelFile base, AdapterOptions options, Backend backend)
      throws IOException {
    try (LoraAdapter saved = AdapterFiles.open(path, base.weights())) {
      return readState(TrainedAdapter.copy(base, saved, options, weightType, backend));
    }
  }

  private <T extends TrainedTensors> T readState(T weights) throws IOException {
    boolean read = false;
    try (SafetensorsFile optimizer = SafetensorsFile.open(path.resolve(OPTIMIZER))) {
      for (TrainedTensors.Weight weight : weights.all()) {
        read(optimizer, "m." + weight.name(), weight.firstMoment(), weights);
        read(optimizer, "v." + weight.name(), weight.secondMoment(), weights);
        if (weight.model() != weight.master()) {
          read(optimizer, "w." + weight.name(), weight.master(), weights);
        }
      }
      weights.round();
      read = true;
      return weights;
    } finally {
      if (!read) {
        weights.close();
      }
    }
  }

  private void read(SafetensorsFile file, String name, Tensor target, TrainedTensors weights) {
    StoredTensor stored = file.tensor(name);
    if (stored == null
        || stored.dtype() != target.dtype()
        || !stored.shape().equals(target.shape())) {
      throw new CheckpointException(
          "%s is damaged: %s has %s for %s, expected %s"
              .formatted(
                  path, OPTIMIZER, stored == null ? "nothing" : stored.describe(), name, target));
    }
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment mapped = stored.file().map(stored.offset(), stored.bytes(), arena);
      weights.set(target, values -> MemorySegment.copy(mapped, 0, values, 0, stored.bytes()));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
