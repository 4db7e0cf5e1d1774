package jllm.cli;

import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import jllm.generate.BeamSearch;
import jllm.generate.BeamSearch.Hypothesis;
import jllm.generate.BeamSettings;
import jllm.generate.GenerationOptions;
import jllm.tokenize.StreamDecoder;
import jllm.tokenize.Tokenizer;

/** Searches for the most probable continuations of one text. */
final class BeamRun {
  private final Streams streams;
  private final Loaded loaded;
  private final OutputOptions output;
  private final boolean echo;

  BeamRun(Streams streams, Loaded loaded, OutputOptions output, boolean echo) {
    this.streams = streams;
    this.loaded = loaded;
    this.output = output;
    this.echo = echo;
  }

  /**
   * @return the exit code
   */
  int run(String prompt, int[] tokens, GenerationOptions options, BeamSettings settings)
      throws IOException {
    Tokenizer tokenizer = loaded.tokenizer();
    try (BeamSearch search =
        new BeamSearch(
            loaded.model(), loaded.backend(), loaded.context(), loaded.types(), settings)) {
      long start = System.nanoTime();
      List<Hypothesis> found;
      try (Interruption _ = new Interruption(search::cancel, null)) {
        found = search.search(tokens, options, tokenizer);
        write(prompt, tokens, found, tokenizer);
      }
      double seconds = (System.nanoTime() - start) / 1e9;
      if (!output.quiet) {
        streams
            .err()
            .printf(
                Locale.ROOT,
                "load %.2f s; %d beams, %d tokens in %.2f s; best log-probability %.3f, score %.4f%n",
                loaded.loadNanos() / 1e9,
                settings.beams(),
                found.isEmpty() ? 0 : found.getFirst().tokens().length,
                seconds,
                found.isEmpty() ? 0 : found.getFirst().logProbability(),
                found.isEmpty() ? 0 : found.getFirst().score());
      }
      return search.wasCancelled() ? ExitCode.INTERRUPTED : ExitCode.OK;
    }
  }

  private void write(String prompt, int[] tokens, List<Hypothesis> found, Tokenizer tokenizer)
      throws IOException {
    if (output.json) {
      List<Map<String, Object>> sequences = new ArrayList<>();
      for (Hypothesis hypothesis : found) {
        Map<String, Object> sequence = new LinkedHashMap<>();
        sequence.put("text", text(tokens, hypothesis, tokenizer));
        sequence.put("tokens", hypothesis.tokens());
        sequence.put("log_probability", hypothesis.logProbability());
        sequence.put("score", hypothesis.score());
        sequence.put("finished", hypothesis.finished());
        sequences.add(sequence);
      }
      try (Json json = new Json(streams.out())) {
        json.begin();
        json.field("prompt", prompt);
        json.field("prompt_tokens", tokens);
        json.field("sequences", sequences);
        json.end();
      }
      return;
    }
    StringBuilder all = new StringBuilder();
    for (Hypothesis hypothesis : found) {
      String text = (echo ? prompt : "") + text(tokens, hypothesis, tokenizer);
      boolean several = found.size() > 1;
      all.append(several ? String.format(Locale.ROOT, "[%.4f] ", hypothesis.score()) : "");
      all.append(text).append(several || streams.outIsTerminal() ? "\n" : "");
    }
    streams.out().print(all.toString());
  }

  /** What the new tokens read behind the prompt. */
  private static String text(int[] prompt, Hypothesis hypothesis, Tokenizer tokenizer) {
    StreamDecoder decoder = tokenizer.streamDecoder();
    for (int token : prompt) {
      decoder.accept(token);
    }
    StringBuilder text = new StringBuilder();
    for (int token : hypothesis.tokens()) {
      if (!hypothesis.finished() || !tokenizer.isEndOfGeneration(token)) {
        text.append(decoder.accept(token));
      }
    }
    return text.append(decoder.finish()).toString();
  }
}
