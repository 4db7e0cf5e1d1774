package jllm.train;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import jllm.format.Json;
import jllm.format.safetensors.SafetensorsWriter;
import jllm.tensor.Tensor;
import jllm.tokenize.Tokenizer;
import jllm.train.data.DataState;
import org.jspecify.annotations.Nullable;

/**
 * The checkpoints of a run: {@code RUN/checkpoints/step-N}, and the file {@code latest} beside
 * them, which names the newest. A checkpoint is written under another name, brought to the disk and
 * moved into place; {@code latest} is replaced after that. So there is a whole one at any moment
 * after the first.
 */
public final class Checkpoints {
  private static final String FOLDER = "checkpoints";
  private static final String LATEST = "latest";
  private static final Pattern NAME = Pattern.compile("step-(\\d+)");
  private static final String UNFINISHED = ".unfinished-";

  private final Path folder;
  private final @Nullable Tokenizer tokenizer;

  /** What goes into one besides weights and moments. */
  record Contents(
      Progress progress, DataState data, Metrics.Offsets metrics, Map<String, Object> settings) {}

  /**
   * @param run folder of the run
   * @param tokenizer written into each checkpoint, absent if there is none
   */
  Checkpoints(Path run, @Nullable Tokenizer tokenizer) {
    this.folder = run.resolve(FOLDER);
    this.tokenizer = tokenizer;
  }

  /** Makes the folder and clears away what an earlier run could not finish. */
  void prepare() throws IOException {
    Files.createDirectories(folder);
    try (Stream<Path> entries = Files.list(folder)) {
      for (Path entry : entries.toList()) {
        if (String.valueOf(entry.getFileName()).startsWith(UNFINISHED)) {
          delete(entry);
        }
      }
    }
  }

  /**
   * Finds the checkpoint to resume from.
   *
   * @param path a checkpoint, or the folder of a run: its latest
   * @throws CheckpointException if there is none or it is damaged; the message names one before it
   *     that is whole
   * @throws IOException if a file cannot be read
   */
  public static Checkpoint find(Path path) throws IOException {
    Path checkpoint = path;
    if (!Files.isRegularFile(path.resolve(Checkpoint.STATE))) {
      Path folder = path.resolve(FOLDER);
      if (Files.isDirectory(folder)) {
        checkpoint = latest(folder);
      }
    }
    try {
      return Checkpoint.open(checkpoint);
    } catch (CheckpointException e) {
      Path whole = wholeBefore(checkpoint);
      throw whole == null
          ? e
          : new CheckpointException(
              e.getMessage() + "; the one before it is whole: resume from " + whole, e);
    }
  }

  /** Where the checkpoint of a run after {@code step} steps is, if there is one. */
  public static Path of(Path run, long step) {
    return run.resolve(FOLDER).resolve("step-" + step);
  }

  /** Whether a run has a checkpoint. */
  public static boolean exist(Path run) throws IOException {
    return !all(run.resolve(FOLDER)).isEmpty();
  }

  private static Path latest(Path folder) throws IOException {
    Path file = folder.resolve(LATEST);
    if (Files.isRegularFile(file)) {
      return folder.resolve(Files.readString(file).strip());
    }
    List<Path> all = all(folder);
    if (all.isEmpty()) {
      throw new CheckpointException(folder + ": there is no checkpoint to resume from");
    }
    return all.getLast();
  }

  /** By their steps, oldest first. */
  private static List<Path> all(Path folder) throws IOException {
    if (!Files.isDirectory(folder)) {
      return List.of();
    }
    try (Stream<Path> entries = Files.list(folder)) {
      return entries
          .filter(entry -> NAME.matcher(String.valueOf(entry.getFileName())).matches())
          .sorted(Comparator.comparingLong(Checkpoints::step))
          .toList();
    }
  }

  private static long step(Path checkpoint) {
    Matcher name = NAME.matcher(String.valueOf(checkpoint.getFileName()));
    return name.matches() ? Long.parseLong(name.group(1)) : -1;
  }

  private static @Nullable Path wholeBefore(Path damaged) throws IOException {
    Path folder = damaged.toAbsolutePath().getParent();
    List<Path> candidates = folder == null ? List.of() : all(folder).reversed();
    long limit = step(damaged) < 0 ? Long.MAX_VALUE : step(damaged);
    for (Path candidate : candidates) {
      if (step(candidate) < limit) {
        try {
          return Checkpoint.open(candidate).path();
        } catch (CheckpointException _) {
          continue;
        }
      }
    }
    return null;
  }

  /**
   * Checks that there is room for a checkpoint.
   *
   * @throws FileSystemException if there is not
   */
  void checkRoom(long bytes) throws IOException {
    long free = Files.getFileStore(folder).getUsableSpace();
    if (free < bytes) {
      throw new FileSystemException(
          folder.toString(),
          null,
          "the disk has %d MB left, but a checkpoint takes %d MB; make room, or name another folder"
              .formatted(free >> 20, bytes >> 20));
    }
  }

  /**
   * Writes a checkpoint.
   *
   * @return its folder
   * @throws IOException if it cannot be written; earlier ones are as they were
   */
  Path save(TrainedTensors weights, Contents contents) throws IOException {
    String name = "step-" + contents.progress().step;
    Path target = folder.resolve(name);
    Path unfinished = folder.resolve(UNFINISHED + name);
    delete(unfinished);
    Files.createDirectory(unfinished);
    boolean written = false;
    try {
      write(unfinished, weights, contents);
      Path old = folder.resolve(UNFINISHED + "old-" + name);
      if (Files.exists(target)) {
        // The same step again: as good as the one it replaces.
        delete(old);
        Files.move(target, old, StandardCopyOption.ATOMIC_MOVE);
      }
      Files.move(unfinished, target, StandardCopyOption.ATOMIC_MOVE);
      force(folder);
      written = true;
      delete(old);
    } finally {
      if (!written) {
        delete(unfinished);
      }
    }
    Path latest = folder.resolve("." + LATEST + ".part");
    write(latest, (name + "\n").getBytes(StandardCharsets.UTF_8));
    Files.move(
        latest,
        folder.resolve(LATEST),
        StandardCopyOption.ATOMIC_MOVE,
        StandardCopyOption.REPLACE_EXISTING);
    force(folder);
    return target;
  }

  private void write(Path path, TrainedTensors weights, Contents contents) throws IOException {
    switch (weights) {
      case TrainedWeights all -> ModelFolder.write(path, all, tokenizer, null);
      case TrainedAdapter adapter -> adapter.write(path);
    }
    writeOptimizer(path.resolve(Checkpoint.OPTIMIZER), weights);
    write(path.resolve(Checkpoint.STATE), Json.format(state(path, weights, contents)));
    force(path);
  }

  private static void writeOptimizer(Path file, TrainedTensors weights) throws IOException {
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    for (TrainedTensors.Weight weight : weights.all()) {
      tensors.put("m." + weight.name(), weight.firstMoment());
      tensors.put("v." + weight.name(), weight.secondMoment());
      if (weight.model() != weight.master()) {
        tensors.put("w." + weight.name(), weight.master());
      }
    }
    List<SafetensorsWriter.Entry> entries = new ArrayList<>();
    tensors.forEach((name, tensor) ->
        entries.add(new SafetensorsWriter.Entry(name, tensor.dtype(), tensor.shape())));
    try (SafetensorsWriter writer = SafetensorsWriter.create(file, Map.of(), entries)) {
      for (Tensor tensor : tensors.values()) {
        try (Arena arena = Arena.ofConfined()) {
          writer.write(weights.onHost(tensor, arena).segment());
        }
      }
      writer.commit();
    }
  }

  private static Map<String, @Nullable Object> state(
      Path path, TrainedTensors weights, Contents contents) throws IOException {
    Map<String, Object> files = new LinkedHashMap<>();
    try (Stream<Path> entries = Files.list(path)) {
      for (Path file : entries.sorted().toList()) {
        files.put(String.valueOf(file.getFileName()), Checkpoint.fingerprint(file));
      }
    }
    Map<String, @Nullable Object> json = new LinkedHashMap<>();
    json.put("version", Checkpoint.VERSION);
    json.put("weight_type", weights.matrixType().name());
    json.put("progress", contents.progress().toJson());
    json.put("data", contents.data().taken());
    json.put("metrics", List.of(contents.metrics().json(), contents.metrics().csv()));
    json.put("settings", contents.settings());
    json.put("files", files);
    return json;
  }

  static void write(Path file, byte[] bytes) throws IOException {
    Files.write(file, bytes);
    force(file);
  }

  /** Brings a file, or the entries of a folder where the system can do that, to the disk. */
  static void force(Path path) throws IOException {
    boolean isFolder = Files.isDirectory(path);
    try (FileChannel channel =
        FileChannel.open(path, isFolder ? StandardOpenOption.READ : StandardOpenOption.WRITE)) {
      channel.force(true);
    } catch (IOException e) {
      if (!isFolder) {
        throw e;
      }
    }
  }

  /**
   * Deletes the oldest checkpoints. Later ones than the newest of this run are of another, which
   * went on from the same one; they stay.
   *
   * @param newest step of the newest
   * @param keep how many stay; 0 = all
   * @param best step of another one that stays, -1 if there is none
   */
  void prune(long newest, int keep, long best) throws IOException {
    if (keep == 0) {
      return;
    }
    List<Path> all = all(folder).stream().filter(checkpoint -> step(checkpoint) <= newest).toList();
    for (Path checkpoint : all.subList(0, Math.max(0, all.size() - keep))) {
      if (step(checkpoint) != best) {
        // First out of sight, so that no half of it is ever taken for a checkpoint.
        Path old = folder.resolve(UNFINISHED + "old-" + checkpoint.getFileName());
        delete(old);
        Files.move(checkpoint, old, StandardCopyOption.ATOMIC_MOVE);
        delete(old);
      }
    }
  }

  /** Whether a checkpoint lies here. */
  boolean hold(Path checkpoint) throws IOException {
    Path parent = checkpoint.toRealPath().getParent();
    return parent != null && Files.isDirectory(folder) && parent.equals(folder.toRealPath());
  }

  private static void delete(Path folder) throws IOException {
    if (Files.isDirectory(folder)) {
      try (Stream<Path> files = Files.list(folder)) {
        for (Path file : files.toList()) {
          Files.deleteIfExists(file);
        }
      }
    }
    Files.deleteIfExists(folder);
  }
}
