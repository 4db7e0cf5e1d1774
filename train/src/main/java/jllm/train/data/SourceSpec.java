package jllm.train.data;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import jllm.train.SettingsException;

/**
 * A source of tokens and how much of the training it makes.
 *
 * @param path a shard, a folder of shards, or text: a file or folder, compressed or not
 * @param weight its share, relative to those of the others; 0 = in proportion to its tokens
 */
public record SourceSpec(Path path, double weight) {

  public SourceSpec {
    if (!(weight >= 0) || Double.isInfinite(weight)) {
      throw new SettingsException(path + ": a weight of " + weight + ", expected a number above 0");
    }
  }

  /**
   * Sources as people write them: {@code a.bin} or {@code a.bin:0.7,b.txt:0.3}. Weights are given
   * for all of them or for none.
   *
   * @throws SettingsException if that is not how it is written
   */
  public static List<SourceSpec> parse(String text) {
    List<SourceSpec> sources = new ArrayList<>();
    for (String part : text.split(",", -1)) {
      if (part.isBlank()) {
        throw new SettingsException(
            "'" + text + "' names an empty source; expected FILE or FILE:WEIGHT,FILE:WEIGHT...");
      }
      sources.add(parseOne(part.strip()));
    }
    check(sources);
    return sources;
  }

  /**
   * Checks that all sources have weights or none has.
   *
   * @throws SettingsException if some have
   */
  static void check(List<SourceSpec> sources) {
    long weighted = sources.stream().filter(source -> source.weight() > 0).count();
    if (weighted != 0 && weighted != sources.size()) {
      SourceSpec without =
          sources.stream().filter(source -> source.weight() == 0).findFirst().orElseThrow();
      throw new SettingsException(
          without.path()
              + " has no weight, but other sources have; give weights above 0 to all or"
              + " to none");
    }
  }

  /** What follows the last colon is a weight if it is a number (and no drive of Windows comes). */
  private static SourceSpec parseOne(String part) {
    int colon = part.lastIndexOf(':');
    if (colon > 0) {
      String number = part.substring(colon + 1);
      if (number.matches("[0-9]*\\.?[0-9]+([eE][-+]?[0-9]+)?")) {
        double weight = Double.parseDouble(number);
        if (weight == 0) {
          throw new SettingsException(part + ": a weight of 0; leave the source out instead");
        }
        return new SourceSpec(Path.of(part.substring(0, colon)), weight);
      }
    }
    return new SourceSpec(Path.of(part), 0);
  }
}
