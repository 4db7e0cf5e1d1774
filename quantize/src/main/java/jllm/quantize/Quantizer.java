package jllm.quantize;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import jllm.format.ModelFormatException;
import jllm.format.StoredTensor;
import jllm.format.gguf.GgmlType;
import jllm.format.gguf.GgufFile;
import jllm.format.gguf.GgufValue;
import jllm.format.gguf.GgufWriter;
import org.jspecify.annotations.Nullable;

/**
 * Writes a GGUF model with other element types. All else in the file stays as it is: metadata,
 * vocabulary, tensors that are not quantized. Weights stream through; a few slices of a tensor are
 * in memory at a time.
 */
public final class Quantizer implements AutoCloseable {
  private static final String FILE_TYPE = "general.file_type";
  private static final String VERSION_KEY = "general.quantization_version";

  /** Version of the block layouts. */
  private static final int VERSION = 2;

  private final GgufFile file;
  private final QuantizationOptions options;
  private final List<TensorPlan> plans;

  /** What {@link #file} is, if it goes when this is closed. */
  private final @Nullable Path copy;

  private Quantizer(Path input, GgufFile file, @Nullable Path copy, QuantizationOptions options) {
    this.file = file;
    this.copy = copy;
    this.options = options;
    ModelTraits traits = ModelTraits.of(input.toString(), file.metadata());
    plans = Recipe.plan(options, traits, List.copyOf(file.tensors().values()));
    for (TensorPlan plan : plans) {
      check(input, plan);
    }
  }

  /**
   * Opens a model and decides what becomes of its tensors.
   *
   * @param input a model of any format; those that are not GGUF are copied to one first
   * @param folder for that copy, which needs the room of the whole model
   * @throws IOException if it cannot be read
   * @throws ModelFormatException if it is damaged, no model, or of types that cannot be read
   * @throws RequantizationException if it is quantized already and that was not allowed
   */
  public static Quantizer open(Path input, Path folder, QuantizationOptions options)
      throws IOException {
    Path copy = isGguf(input) ? null : GgufCopy.of(input, folder);
    @Nullable GgufFile file = null;
    boolean opened = false;
    try {
      file = GgufFile.open(copy == null ? input : copy);
      Quantizer quantizer = new Quantizer(input, file, copy, options);
      opened = true;
      return quantizer;
    } finally {
      if (!opened) {
        close(file, copy);
      }
    }
  }

  /** Files of architectures that this program does not compute can be quantized all the same. */
  private static boolean isGguf(Path input) throws IOException {
    if (!Files.isRegularFile(input)) {
      return false;
    }
    try (InputStream in = Files.newInputStream(input)) {
      return Arrays.equals(in.readNBytes(4), new byte[] {'G', 'G', 'U', 'F'});
    }
  }

  private void check(Path input, TensorPlan plan) {
    if (plan.target() == null) {
      return;
    }
    StoredTensor tensor = plan.tensor();
    if (tensor.requireType().isQuantized() && !options.allowRequantize()) {
      throw new RequantizationException(
          ("%s: tensor %s is of type %s already; quantizing it again to %s would lose more than"
                  + " starting from the original model. To do it all the same, give"
                  + " --allow-requantize")
              .formatted(input, tensor.name(), tensor.type(), plan.type()));
    }
  }

  /** What becomes of each tensor, in the order of the file. */
  public List<TensorPlan> plans() {
    return plans;
  }

  /** Bytes of the tensors of the new file. */
  public long bytes() {
    return plans.stream().mapToLong(TensorPlan::bytes).sum();
  }

  /**
   * Writes the new file. It appears under its name when it is complete.
   *
   * @param threads that encode
   * @throws IOException if it cannot be written, or the disk has not enough room for it
   * @throws ModelFormatException if a tensor holds values that cannot be quantized
   */
  public List<TensorResult> write(Path output, int threads, QuantizationListener listener)
      throws IOException {
    requireRoom(output);
    List<GgufWriter.Entry> entries =
        plans.stream()
            .map(p -> new GgufWriter.Entry(p.tensor().name(), p.type(), p.tensor().shape()))
            .toList();
    List<TensorResult> results = new ArrayList<>();
    try (GgufWriter writer = GgufWriter.create(output, metadata(), entries);
        TensorStream stream = new TensorStream(writer, threads)) {
      for (TensorPlan plan : plans) {
        TensorResult result = new TensorResult(plan, stream.write(plan));
        results.add(result);
        listener.onTensor(result);
      }
      stream.finish();
      writer.commit();
    }
    return results;
  }

  private Map<String, GgufValue> metadata() {
    Map<String, GgufValue> metadata = new LinkedHashMap<>(file.metadata().values());
    // The parts of a model become one file.
    metadata.keySet().removeIf(key -> key.startsWith("split."));
    metadata.put(FILE_TYPE, GgufValue.u32(options.type().fileType()));
    if (plans.stream().map(TensorPlan::type).anyMatch(Quantizer::isQuantized)) {
      metadata.put(VERSION_KEY, GgufValue.u32(VERSION));
    }
    return metadata;
  }

  private static boolean isQuantized(GgmlType type) {
    return type.blockLength() > 1;
  }

  private void requireRoom(Path output) throws IOException {
    Path folder = output.toAbsolutePath().getParent();
    if (folder == null || !Files.isDirectory(folder)) {
      return; // the writer says it better
    }
    long room = Files.getFileStore(folder).getUsableSpace();
    if (room < bytes()) {
      throw new FileSystemException(
          output.toString(),
          null,
          "the disk has room for %,d bytes, but the file will have %,d".formatted(room, bytes()));
    }
  }

  @Override
  public void close() throws IOException {
    close(file, copy);
  }

  private static void close(@Nullable GgufFile file, @Nullable Path copy) throws IOException {
    if (file != null) {
      file.close();
    }
    if (copy != null) {
      Files.deleteIfExists(copy);
    }
  }
}
