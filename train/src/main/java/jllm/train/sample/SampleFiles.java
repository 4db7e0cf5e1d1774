package jllm.train.sample;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Stream;
import jllm.tokenize.corpus.Corpus;
import jllm.tokenize.corpus.CorpusOptions;

/**
 * Files of samples. In a folder they are told by their names: {@code train.jsonl} and the like to
 * train on, {@code valid}, {@code validation}, {@code val}, {@code dev} and {@code eval} to measure
 * on, {@code test} not at all; where none is called train, all others are.
 *
 * @param training in the order of their paths
 * @param validation of a folder, none of a file
 */
public record SampleFiles(List<Path> training, List<Path> validation) {
  private static final Set<String> VALIDATION = Set.of("valid", "validation", "val", "dev", "eval");
  private static final String TEXTS = ".*\\.(txt|text|md)(\\.(gz|zst|xz|bz2))?";
  private static final int HEAD = 4096;

  /** Whether a path holds samples, not texts: JSON, by name or by how it begins. */
  public static boolean isSamples(Path path) throws IOException {
    if (!Files.isDirectory(path)) {
      return isJson(path);
    }
    try (Stream<Path> walk = Files.walk(path)) {
      // Beside texts, JSON says something about them.
      return !json(path).isEmpty() && walk.noneMatch(file -> file.toString().matches(TEXTS));
    }
  }

  /**
   * The files of a path.
   *
   * @throws IOException if a folder cannot be read
   */
  public static SampleFiles of(Path path) throws IOException {
    if (!Files.isDirectory(path)) {
      return new SampleFiles(List.of(path), List.of());
    }
    List<Path> training = new ArrayList<>();
    List<Path> validation = new ArrayList<>();
    List<Path> others = new ArrayList<>();
    for (Path file : json(path)) {
      String stem = stem(file);
      if (stem.equals("train")) {
        training.add(file);
      } else if (VALIDATION.contains(stem)) {
        validation.add(file);
      } else {
        others.add(file);
      }
    }
    return new SampleFiles(training.isEmpty() ? others : training, validation);
  }

  /** Files of a folder that are JSON by name. */
  private static List<Path> json(Path folder) throws IOException {
    try (Stream<Path> walk = Files.walk(folder)) {
      return walk.filter(Files::isRegularFile)
          .filter(file -> !folder.relativize(file).toString().matches("(.*[/\\\\])?\\..*"))
          .filter(file -> isJsonName(String.valueOf(file.getFileName())))
          .sorted()
          .toList();
    }
  }

  private static String stem(Path file) {
    return String.valueOf(file.getFileName()).toLowerCase(Locale.ROOT).split("[.-]", 2)[0];
  }

  private static boolean isJsonName(String name) {
    return name.toLowerCase(Locale.ROOT)
        .matches(".*\\.(json|jsonl|ndjson|jsonlines)(\\.(gz|zst|xz|bz2))?");
  }

  private static boolean isJson(Path file) throws IOException {
    String name = String.valueOf(file.getFileName());
    if (isJsonName(name)) {
      return true;
    }
    if (!Files.isRegularFile(file) || name.endsWith(".bin")) {
      return false;
    }
    boolean[] json = new boolean[1];
    Corpus.of(List.of(file), CorpusOptions.DEFAULT)
        .readContents((_, inner, in, _) -> {
          json[0] = isJsonName(inner) || beginsLikeJson(in);
          return false;
        });
    return json[0];
  }

  private static boolean beginsLikeJson(InputStream in) throws IOException {
    return SampleRecords.beginsLikeJson(in.readNBytes(HEAD));
  }
}
