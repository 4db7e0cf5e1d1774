package jllm.cli;

import java.io.IOException;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import jllm.bench.Profile;
import jllm.bench.StatedPeak;
import jllm.tensor.Backend;
import jllm.tensor.cpu.MachineLimits;

/** {@code --profile} of the benchmarks: where the time of a model goes. */
final class ProfileReport {
  private final Streams streams;
  private final BenchCommand.Format format;

  ProfileReport(Streams streams, BenchCommand.Format format) {
    this.streams = streams;
    this.format = format;
  }

  /**
   * Writes profiles.
   *
   * @param backend that was measured
   * @param limits of it
   */
  void write(List<Profile> profiles, Backend backend, MachineLimits limits) throws IOException {
    StandardOutput out = streams.out();
    if (format == BenchCommand.Format.MD) {
      String separator = "";
      for (Profile profile : profiles) {
        out.print(separator + profile.markdown(limits));
        separator = "\n";
        streams.err().println(wall(profile));
      }
      streams
          .err()
          .printf(
              Locale.ROOT,
              "%s; limits: %.1f GB/s from memory, %.0f GFLOP/s in %s%n",
              backend.describe(),
              limits.readBytesPerSecond() / 1e9,
              limits.flops() / 1e9,
              StatedPeak.precision(backend));
    } else {
      List<Map<String, Object>> records =
          profiles.stream().flatMap(profile -> profile.records(limits).stream()).toList();
      Records.write(out, format, records);
    }
    out.flush();
  }

  private static String wall(Profile profile) {
    return String.format(
        Locale.ROOT,
        "%s: %.3f ms of operations in %.3f ms; the rest is the model's own code and measuring",
        profile.name(),
        profile.total().nanos() / 1e6,
        profile.wallNanos() / 1e6);
  }
}
