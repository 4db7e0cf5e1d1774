package jllm.cli;

import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import jllm.generate.BatchGenerator;
import jllm.generate.BatchGenerator.Request;
import jllm.generate.Generation;
import jllm.generate.GenerationOptions;
import jllm.generate.StopReason;

/** Goes on with many texts and writes a JSON object on a line for each, in their order. */
final class BatchRun {
  private final Streams streams;
  private final Loaded loaded;
  private final OutputOptions output;
  private final TreeMap<Integer, String> ready = new TreeMap<>();
  private int written;
  private long tokens;
  private boolean interrupted;

  BatchRun(Streams streams, Loaded loaded, OutputOptions output) {
    this.streams = streams;
    this.loaded = loaded;
    this.output = output;
  }

  /**
   * @param tokens of the prompts
   * @param parallel texts at a time
   * @return the exit code
   */
  int run(List<BatchPrompt> prompts, List<int[]> tokens, GenerationOptions usual, int parallel)
      throws IOException {
    List<Request> requests = new ArrayList<>();
    for (int i = 0; i < prompts.size(); i++) {
      requests.add(new Request(tokens.get(i), prompts.get(i).options(usual)));
    }
    long start = System.nanoTime();
    try (BatchGenerator generator =
            new BatchGenerator(
                loaded.model(), loaded.backend(), parallel, loaded.context(), loaded.types());
        Progress progress =
            Progress.count(streams, output.quiet, "generate", requests.size(), "texts");
        Interruption _ = new Interruption(generator::cancel, null)) {
      generator.generate(
          requests,
          loaded.tokenizer(),
          (request, generation, text) -> {
            ready.put(request, line(prompts.get(request), requests.get(request), generation, text));
            this.tokens += generation.tokens().length;
            interrupted |= generation.reason() == StopReason.CANCELLED;
            flush();
            progress.update(written);
          });
      // After an interruption some in between are missing.
      for (String line : ready.values()) {
        streams.out().print(line);
      }
    }
    if (!output.quiet) {
      double seconds = (System.nanoTime() - start) / 1e9;
      streams
          .err()
          .printf(
              Locale.ROOT,
              "load %.2f s; %d texts, %d tokens in %.2f s, %.1f tokens/s, %d side by side%n",
              loaded.loadNanos() / 1e9,
              prompts.size(),
              this.tokens,
              seconds,
              this.tokens / seconds,
              parallel);
    }
    return interrupted ? ExitCode.INTERRUPTED : ExitCode.OK;
  }

  private void flush() throws IOException {
    while (!ready.isEmpty() && ready.firstKey() == written) {
      streams.out().print(ready.pollFirstEntry().getValue());
      written++;
    }
  }

  private String line(BatchPrompt prompt, Request request, Generation generation, String text) {
    Map<String, Object> fields = new LinkedHashMap<>();
    if (prompt.id() != null) {
      fields.put("id", prompt.id());
    }
    fields.put("prompt", prompt.prompt());
    fields.put("text", text);
    fields.put("tokens", generation.tokens());
    fields.put("stop_reason", generation.reason().name().toLowerCase(Locale.ROOT));
    fields.put("prompt_token_count", generation.promptTokens());
    fields.put("seed", request.options().sampling().seed());
    if (!generation.choices().isEmpty()) {
      fields.put("logprobs", GenerationReport.logprobs(generation, loaded.tokenizer()));
    }
    return Json.compact(fields) + "\n";
  }
}
