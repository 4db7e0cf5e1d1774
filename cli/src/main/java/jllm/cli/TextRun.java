package jllm.cli;

import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import jllm.generate.Generation;
import jllm.generate.GenerationOptions;
import jllm.generate.Generator;
import jllm.generate.PromptCache;
import jllm.generate.Session;
import jllm.generate.StopReason;

/** Goes on with one text. */
final class TextRun {
  private static final System.Logger LOG = System.getLogger(TextRun.class.getName());

  private final Streams streams;
  private final Loaded loaded;
  private final OutputOptions output;
  private final ChoiceOptions choices;
  private final CacheOptions cache;

  TextRun(
      Streams streams,
      Loaded loaded,
      OutputOptions output,
      ChoiceOptions choices,
      CacheOptions cache) {
    this.streams = streams;
    this.loaded = loaded;
    this.output = output;
    this.choices = choices;
    this.cache = cache;
  }

  /**
   * @return the exit code
   */
  int run(String prompt, int[] tokens, GenerationOptions options, boolean echo, boolean stream)
      throws IOException {
    try (Session session =
            new Session(loaded.model(), loaded.backend(), loaded.context(), loaded.types());
        Generator generator = new Generator(session)) {
      if (cache.file != null && !session.isOnHost()) {
        throw new UsageException("--prompt-cache works on the CPU only; leave it out, or --device");
      }
      readCache(session);
      TextPrinter printer =
          choices.explain
              ? new ExplainView(streams, loaded.tokenizer())
              : new TextPrinter(streams.out(), stream && !output.json);
      Generation generation;
      try (Interruption _ = new Interruption(generator::cancel, output.json ? null : printer)) {
        if (echo) {
          printer.accept(prompt);
        }
        LOG.log(System.Logger.Level.INFO, "generating from " + tokens.length + " tokens");
        generation = generator.generate(tokens, options, loaded.tokenizer(), printer);
        report(prompt, tokens, printer, generation, options);
        writeCache(session);
      }
      return generation.reason() == StopReason.CANCELLED ? ExitCode.INTERRUPTED : ExitCode.OK;
    }
  }

  private void report(
      String prompt,
      int[] tokens,
      TextPrinter printer,
      Generation generation,
      GenerationOptions options)
      throws IOException {
    GenerationReport report =
        new GenerationReport(
            prompt, tokens, printer.text(), generation, options, loaded.loadNanos());
    if (output.json) {
      report.writeJson(streams.out(), loaded.tokenizer());
    } else {
      printer.finish(streams.outIsTerminal());
      if (choices.logprobs != null && !choices.explain) {
        String text = printer.text();
        String separator = streams.outIsTerminal() || text.endsWith("\n") ? "\n" : "\n\n";
        streams.out().print(separator + report.choiceTable(loaded.tokenizer()));
      }
    }
    if (!output.quiet) {
      streams.tell(report.line());
    }
  }

  private void readCache(Session session) throws IOException {
    Path file = cache.file;
    if (file == null || !Files.exists(file)) {
      if (file != null && cache.readOnly) {
        throw new NoSuchFileException(file.toString());
      }
      return;
    }
    try (InputStream in = new BufferedInputStream(Files.newInputStream(file))) {
      byte[] fingerprint = PromptCache.fingerprint(loaded.file());
      int tokens = PromptCache.load(session, fingerprint, in, file.toString());
      LOG.log(System.Logger.Level.INFO, file + ": " + tokens + " tokens were computed before");
    }
  }

  private void writeCache(Session session) throws IOException {
    if (cache.file == null || cache.readOnly) {
      return;
    }
    try (AtomicFile file = new AtomicFile(cache.file)) {
      OutputStream out = new BufferedOutputStream(file.out(), 1 << 16);
      PromptCache.save(session, PromptCache.fingerprint(loaded.file()), out);
      out.flush();
      file.commit();
    }
  }
}
