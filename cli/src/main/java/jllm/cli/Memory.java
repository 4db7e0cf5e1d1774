package jllm.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import jllm.format.ModelFile;
import jllm.format.StoredTensor;
import jllm.model.CacheTypes;
import jllm.model.KvCache;
import jllm.tensor.Backend;
import jllm.tensor.OffloadedBlocks;
import jllm.tensor.cuda.CudaBackend;
import jllm.train.RunPlan;

/**
 * The memory that this process can still get. Linux grants more than it has and ends a process that
 * uses it: so a large request is refused here, with a message, before it is made.
 */
final class Memory {
  private Memory() {}

  /**
   * Refuses what cannot fit.
   *
   * @param context positions of the session
   * @throws ResourceException if the machine has not enough memory left
   */
  static void require(ModelFile file, Backend backend, int context) {
    require(List.of(file), backend, context);
  }

  /**
   * Refuses what cannot fit.
   *
   * @param files models in memory at the same time
   * @param context positions of the session of each
   * @throws ResourceException if the machine has not enough memory left
   */
  static void require(List<ModelFile> files, Backend backend, int context) {
    CacheTypes types = CacheTypes.of(backend.activationType());
    long cache =
        files.stream().mapToLong(file -> KvCache.bytes(file.config(), context, types)).sum();
    require(weights(files), cache, context + " positions", available(backend));
  }

  /**
   * Refuses what cannot fit.
   *
   * @param context positions of each sequence
   * @throws ResourceException if the machine has not enough memory left
   */
  static void require(
      ModelFile file, Backend backend, int context, int sequences, CacheTypes types) {
    long cache = Math.multiplyExact(sequences, KvCache.bytes(file.config(), context, types));
    require(
        weights(List.of(file)),
        cache,
        context + (sequences == 1 ? " positions" : " positions of " + sequences + " sequences"),
        available(backend));
  }

  /**
   * Refuses training that cannot fit.
   *
   * @throws ResourceException if the machine has not enough memory left
   */
  static void require(RunPlan plan, Backend backend) {
    long available = available(backend);
    if (plan.memory().total() > available) {
      throw new ResourceException(
          "not enough memory: training this model takes about %s, but only %s are available; use a smaller --batch-size (with --grad-accum), --grad-checkpoint, shorter sequences, or a smaller model"
              .formatted(show(plan.memory().total()), show(available)));
    }
  }

  private static long weights(List<ModelFile> files) {
    return files.stream()
        .flatMap(file -> file.tensors().stream())
        .mapToLong(StoredTensor::bytes)
        .sum();
  }

  private static void require(long weights, long cache, String positions, long available) {
    if (cache > available - weights) {
      throw new ResourceException(
          "not enough memory: the weights take "
              + show(weights)
              + " and the cache of "
              + positions
              + " "
              + show(cache)
              + ", but only "
              + show(available)
              + " are available; lower --ctx-size, or use a smaller or more strongly quantized"
              + " model");
    }
  }

  /** Bytes that a backend can still get for what it computes with. */
  static long available(Backend backend) {
    OffloadedBlocks others = backend.offloadedBlocks();
    if (others != null) {
      return available() + available(others.backend());
    }
    return backend instanceof CudaBackend cuda ? cuda.freeMemory() : available();
  }

  /** Bytes available to this process, or {@link Long#MAX_VALUE} where the system does not say. */
  static long available() {
    return Math.min(machine(Path.of("/proc/meminfo")), group(Path.of("/sys/fs/cgroup")));
  }

  /** What programs can get without swapping; the cache of files counts as free. */
  static long machine(Path meminfo) {
    for (String line : lines(meminfo)) {
      if (line.startsWith("MemAvailable:")) {
        return Long.parseLong(line.replaceAll("\\D", "")) << 10;
      }
    }
    return Long.MAX_VALUE;
  }

  /** What a container may still use (control groups, version 2). */
  static long group(Path folder) {
    List<String> limit = lines(folder.resolve("memory.max"));
    List<String> used = lines(folder.resolve("memory.current"));
    if (limit.isEmpty() || used.isEmpty() || limit.getFirst().equals("max")) {
      return Long.MAX_VALUE;
    }
    long cached =
        lines(folder.resolve("memory.stat")).stream()
            .filter(line -> line.startsWith("inactive_file ") || line.startsWith("active_file "))
            .mapToLong(line -> Long.parseLong(line.substring(line.indexOf(' ') + 1)))
            .sum();
    return Math.max(0, Long.parseLong(limit.getFirst()) - Long.parseLong(used.getFirst()) + cached);
  }

  private static List<String> lines(Path file) {
    try {
      return Files.readAllLines(file);
    } catch (IOException absent) {
      return List.of();
    }
  }

  /** Bytes for people: {@code 1.3 GB}, powers of 1000. */
  static String show(long bytes) {
    String[] units = {"bytes", "kB", "MB", "GB", "TB"};
    double value = bytes;
    int unit = 0;
    while (value >= 999.5 && unit < units.length - 1) {
      value /= 1000;
      unit++;
    }
    return unit == 0 || value >= 99.5
        ? String.format(Locale.ROOT, "%.0f %s", value, units[unit])
        : String.format(Locale.ROOT, "%.1f %s", value, units[unit]);
  }
}
