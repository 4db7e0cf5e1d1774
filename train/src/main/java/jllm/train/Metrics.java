package jllm.train;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystemException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The course of a run as {@code metrics.jsonl}, an object a line, and {@code metrics.csv}, a line a
 * step or measurement. Lines are on their way to the disk as soon as they are known; a resumed run
 * takes back those after its checkpoint.
 */
final class Metrics implements AutoCloseable {
  static final String JSON = "metrics.jsonl";
  static final String CSV = "metrics.csv";
  private static final String HEADER =
      "step,loss,lr,grad_norm,tokens,tokens_per_second,val_loss,bits_per_byte,skipped,trained_tokens\n";

  private final Log json;
  private final Log csv;

  private Metrics(Log json, Log csv) {
    this.json = json;
    this.csv = csv;
  }

  /** Ends of both files that belong to a checkpoint. */
  record Offsets(long json, long csv) {
    static final Offsets START = new Offsets(0, 0);
  }

  /**
   * Opens the files in a folder, and cuts off what comes after {@code offsets}.
   *
   * @throws IOException if they cannot be written
   */
  static Metrics open(Path folder, Offsets offsets) throws IOException {
    Log json = Log.open(folder.resolve(JSON), offsets.json());
    try {
      Log csv = Log.open(folder.resolve(CSV), offsets.csv());
      Metrics metrics = new Metrics(json, csv);
      if (csv.end() == 0) {
        csv.write(HEADER);
      }
      return metrics;
    } catch (IOException | RuntimeException e) {
      json.close();
      throw e;
    }
  }

  void write(StepReport report) throws IOException {
    Map<String, @Nullable Object> line = new LinkedHashMap<>();
    line.put("step", report.step());
    line.put("loss", finite(report.loss()));
    line.put("lr", report.learningRate());
    line.put("grad_norm", finite(report.gradientNorm()));
    line.put("tokens", report.tokens());
    line.put("trained_tokens", report.trained());
    line.put("tokens_per_second", finite(report.tokensPerSecond()));
    String skipped =
        switch (report.skipped()) {
          case NO -> "";
          case NON_FINITE -> "non_finite";
          case SPIKE -> "spike";
        };
    if (!skipped.isEmpty()) {
      line.put("skipped", skipped);
    }
    json.write(object(line));
    csv.write(
        "%d,%s,%s,%s,%d,%s,,,%s,%d\n"
            .formatted(
                report.step(),
                report.loss(),
                report.learningRate(),
                report.gradientNorm(),
                report.tokens(),
                report.tokensPerSecond(),
                skipped,
                report.trained()));
  }

  void write(EvaluationReport report) throws IOException {
    Map<String, @Nullable Object> line = new LinkedHashMap<>();
    line.put("step", report.step());
    line.put("val_loss", finite(report.loss()));
    line.put("bits_per_byte", finite(report.bitsPerByte()));
    json.write(object(line));
    String bits = Double.isNaN(report.bitsPerByte()) ? "" : String.valueOf(report.bitsPerByte());
    csv.write("%d,,,,,,%s,%s,,\n".formatted(report.step(), report.loss(), bits));
  }

  private static @Nullable Object finite(double value) {
    return Double.isFinite(value) ? value : null;
  }

  /** Numbers, texts of letters and nulls alone: nothing needs escaping. */
  private static String object(Map<String, @Nullable Object> values) {
    StringBuilder line = new StringBuilder("{");
    values.forEach((key, value) -> {
      line.append(line.length() > 1 ? ", " : "").append('"').append(key).append("\": ");
      line.append(value instanceof String ? "\"" + value + "\"" : Objects.toString(value));
    });
    return line.append("}\n").toString();
  }

  /** What is written so far, and is on the disk when this returns. */
  Offsets force() throws IOException {
    return new Offsets(json.force(), csv.force());
  }

  @Override
  public void close() throws IOException {
    json.close();
    csv.close();
  }

  private record Log(Path path, FileChannel channel) {
    static Log open(Path path, long offset) throws IOException {
      FileChannel channel =
          FileChannel.open(path, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
      channel.truncate(Math.min(offset, channel.size()));
      channel.position(channel.size());
      return new Log(path, channel);
    }

    long end() throws IOException {
      return channel.position();
    }

    void write(String line) throws IOException {
      ByteBuffer bytes = ByteBuffer.wrap(line.getBytes(StandardCharsets.UTF_8));
      try {
        while (bytes.hasRemaining()) {
          channel.write(bytes);
        }
      } catch (IOException e) {
        FileSystemException named = new FileSystemException(path.toString(), null, e.getMessage());
        named.initCause(e);
        throw named;
      }
    }

    long force() throws IOException {
      channel.force(true);
      return channel.position();
    }

    void close() throws IOException {
      channel.close();
    }
  }
}
