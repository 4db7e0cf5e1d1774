package jllm.cli;

import com.github.freva.asciitable.AsciiTable;
import com.github.freva.asciitable.Column;
import com.github.freva.asciitable.HorizontalAlign;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import jllm.tokenize.corpus.CorpusSummary;
import jllm.tokenize.train.Compression;
import jllm.tokenize.train.DroppedWords;
import jllm.tokenize.train.Merges;
import jllm.tokenize.train.TokenizerFiles;
import jllm.tokenize.train.TrainOptions;
import jllm.tokenize.train.TrainedBpe;
import org.jspecify.annotations.Nullable;

/**
 * What a tokenizer was learned from and how well it compresses, for people or as JSON.
 *
 * @param seconds of the steps, by name
 * @param compression of this tokenizer, the first, and of known ones
 * @param eval the text that the compression was measured on, or null: a part of the corpus
 */
record TrainBpeReport(
    TrainedBpe trained,
    TrainOptions options,
    Path output,
    Map<String, Double> seconds,
    List<Compression> compression,
    @Nullable Path eval) {

  String text() {
    Merges merges = trained.merges();
    CorpusSummary corpus = trained.corpus();
    Map<String, String> lines = new LinkedHashMap<>();
    lines.put(
        "vocabulary",
        format(
            "%,d tokens: %,d special, %,d bytes, %,d merges",
            merges.tokens().size(),
            merges.specialCount(),
            merges.tokens().size() - merges.specialCount() - newTokens(),
            merges.size()));
    lines.put(
        "learned from",
        format(
            "%s of text in %,d document%s; %,d words, %,d of them distinct",
            Memory.show(trained.textBytes()),
            corpus.documents(),
            corpus.documents() == 1 ? "" : "s",
            trained.wordOccurrences(),
            trained.distinctWords()));
    lines.put("time", times());
    lines.put("written", output + ": " + String.join(", ", TokenizerFiles.NAMES));
    StringBuilder text = new StringBuilder();
    lines.forEach((name, value) -> text.append(String.format("%-14s%s%n", name, value)));
    text.append('\n').append(table()).append('\n').append(measuredOn()).append('\n');
    return text.toString().replace(System.lineSeparator(), "\n");
  }

  /** Merges whose token is no special token as well. */
  private long newTokens() {
    int specials = trained.merges().specialCount();
    return Arrays.stream(trained.merges().result()).filter(id -> id >= specials).count();
  }

  private String times() {
    List<String> steps = new ArrayList<>();
    seconds.forEach((step, s) -> {
      String rate =
          step.equals("counting") && s > 0
              ? format(" (%.0f MB/s)", trained.textBytes() / 1e6 / s)
              : "";
      steps.add(step + format(" %.2f s", s) + rate);
    });
    return String.join(", ", steps);
  }

  private String table() {
    return AsciiTable.builder()
        .border(AsciiTable.NO_BORDERS)
        .data(
            compression,
            List.of(
                column("tokenizer", HorizontalAlign.LEFT).with(Compression::tokenizer),
                column("vocabulary", HorizontalAlign.RIGHT)
                    .with(c -> format("%,d", c.vocabulary())),
                column("tokens", HorizontalAlign.RIGHT).with(c -> format("%,d", c.tokens())),
                column("bytes/token", HorizontalAlign.RIGHT)
                    .with(c -> format("%.3f", c.bytesPerToken()))))
        .asString();
  }

  private static Column column(String header, HorizontalAlign align) {
    return new Column().header(header).headerAlign(align).dataAlign(align);
  }

  private String measuredOn() {
    String bytes = Memory.show(compression.getFirst().bytes());
    return eval != null
        ? "Measured on " + bytes + " of text: " + eval
        : "Measured on "
            + bytes
            + " of the text that was learned from; for other text, give --eval FILE";
  }

  /** What is worth saying besides. */
  List<String> notices() {
    List<String> notices = new ArrayList<>();
    Merges merges = trained.merges();
    if (merges.tokens().size() < options.vocabSize()) {
      notices.add(
          format(
              "the vocabulary has %,d tokens, not %,d: no pair %s is left to merge; learn from more"
                  + " text%s",
              merges.tokens().size(),
              options.vocabSize(),
              options.minFrequency() > 1
                  ? format("that occurs %,d times", options.minFrequency())
                  : "of tokens",
              options.minFrequency() > 1 ? " or lower --min-frequency" : ""));
    }
    DroppedWords dropped = trained.dropped();
    if (dropped.words() > 0) {
      notices.add(
          format(
              "more than %,d distinct words: %,d that occurred up to %,d times (%,d in all) were not"
                  + " learned from; see --max-words",
              options.maxWords(), dropped.words(), dropped.threshold(), dropped.occurrences()));
    }
    for (String special : trained.learnedSpecials()) {
      notices.add(
          "the special token '"
              + special
              + "' is also a piece of ordinary text, which will be encoded as that token; choose a"
              + " text that does not occur otherwise");
    }
    if (options.specialTokens().size() > merges.specialCount()) {
      notices.add("special tokens that were given twice count once");
    }
    if (trained.corpus().skipped() > 0) {
      notices.add(format("documents or archive members left out: %,d", trained.corpus().skipped()));
    }
    return notices;
  }

  void writeJson(StandardOutput out) throws IOException {
    Merges merges = trained.merges();
    CorpusSummary corpus = trained.corpus();
    DroppedWords dropped = trained.dropped();
    try (Json json = new Json(out)) {
      json.begin();
      json.field("output", output.toString());
      json.field("files", TokenizerFiles.NAMES);
      json.field("vocab_size", merges.tokens().size());
      json.field("vocab_size_wanted", options.vocabSize());
      json.field("special_tokens", merges.tokens().subList(0, merges.specialCount()));
      json.field("merges", merges.size());
      json.field("pattern", options.pattern());
      json.field("expression", trained.expression());
      json.begin("corpus");
      json.field("files", corpus.sources().size());
      json.field("documents", corpus.documents());
      json.field("skipped", corpus.skipped());
      json.field("complete", corpus.complete());
      json.field("text_bytes", trained.textBytes());
      json.field("words", trained.wordOccurrences());
      json.field("distinct_words", trained.distinctWords());
      json.field("dropped_words", dropped.words());
      json.field("dropped_occurrences", dropped.occurrences());
      json.field("dropped_threshold", dropped.threshold());
      json.end();
      json.field("seconds", seconds);
      json.field("compression_text", eval == null ? "training sample" : eval.toString());
      json.field("compression", compression.stream().map(TrainBpeReport::describe).toList());
      json.field("notices", notices());
      json.end();
    }
  }

  private static Map<String, Object> describe(Compression c) {
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("tokenizer", c.tokenizer());
    values.put("vocabulary", c.vocabulary());
    values.put("bytes", c.bytes());
    values.put("tokens", c.tokens());
    values.put("bytes_per_token", c.bytesPerToken());
    return values;
  }

  private static String format(String format, Object... values) {
    return String.format(Locale.ROOT, format, values);
  }
}
