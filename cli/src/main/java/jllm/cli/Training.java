package jllm.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import jllm.format.Json;
import jllm.train.Checkpoints;

/** What a checkpoint says of its training, besides being a model. */
final class Training {
  private static final String STATE = "trainer_state.json";

  private Training() {}

  /** A model, of the folder of a run that of its latest checkpoint. */
  static Path modelOf(Path path) throws IOException {
    boolean isRun =
        Files.isDirectory(path)
            && !Files.exists(path.resolve("config.json"))
            && Files.isDirectory(path.resolve("checkpoints"));
    return isRun ? Checkpoints.find(path).path() : path;
  }

  /** The numbers of a checkpoint's progress; none of another model. */
  static Map<String, Object> progress(Path model) throws IOException {
    Path file = model.resolve(STATE);
    Map<String, Object> numbers = new LinkedHashMap<>();
    if (Files.isRegularFile(file)
        && Json.read(file).get("progress") instanceof Map<?, ?> progress) {
      progress.forEach((key, value) -> {
        if (value instanceof Number number) {
          numbers.put(String.valueOf(key), number);
        }
      });
    }
    return numbers;
  }

  /** The most important ones. */
  static String text(Map<String, Object> progress) {
    StringBuilder text = new StringBuilder("step " + progress.get("step"));
    if (progress.get("tokens") instanceof Long tokens) {
      text.append(String.format(Locale.ROOT, ", %,d tokens", tokens));
    }
    if (progress.get("last_loss") instanceof Double loss) {
      text.append(String.format(Locale.ROOT, ", loss %.4f", loss));
    }
    if (progress.get("val_loss") instanceof Double loss) {
      text.append(String.format(Locale.ROOT, ", validation loss %.4f", loss));
    }
    return text.toString();
  }
}
