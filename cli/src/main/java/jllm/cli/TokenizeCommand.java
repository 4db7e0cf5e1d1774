package jllm.cli;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import jllm.tokenize.EncodeOptions;
import jllm.tokenize.MalformedTextException;
import jllm.tokenize.Tokenizer;
import jllm.tokenize.stream.StreamEncoder;
import jllm.tokenize.stream.UncuttableTextException;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code jllm tokenize}: text to tokens and back, and corpora to token shards. */
@Command(
    name = "tokenize",
    description = "Turn text into tokens, tokens into text, or corpora into token shards.",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    footer = {
      "",
      "On a terminal the text is shown with each token on a colour of its own; elsewhere the ids are",
      "written on one line. The text is taken as it is: a line break at its end is a token too. Special",
      "tokens are neither added nor recognized unless asked for. A long text is encoded in parts, to",
      "exactly the tokens of the whole. --pieces and --offsets write a token a line (columns: id, first",
      "byte, byte after the last, text, with tabs between) and spell line breaks \\n, other bytes \\xNN.",
      "Each file gives a result of its own; with --lines each line does, without its line feed.",
      "",
      "Example: jllm tokenize \"Say 'hello' to my little friend!\"",
      "         jllm tokenize --stats -m gpt2 \"Say 'hello' to my little friend!\" \"Dis 'bonjour' \u00e0 mon petit ami!\"",
      "         jllm tokenize --count -f book.txt",
      "         jllm tokenize --lines --json <prompts.txt >tokens.jsonl",
      "         jllm tokenize --decode 9906 1917",
      "         jllm tokenize --to-shards shards -m gpt2 --val-fraction 0.01 corpus.jsonl.zst"
    })
final class TokenizeCommand implements Callable<Integer> {
  private static final int MOST_THREADS = 1024;
  private static final List<String> ONLY_FOR_SHARDS =
      List.of(
          "--format",
          "--field",
          "--separator",
          "--include",
          "--skip-broken",
          "--document-separator",
          "--val-fraction",
          "--seed",
          "--shard-tokens",
          "--dtype",
          "--force");
  private static final List<String> NOT_FOR_SHARDS =
      List.of(
          "--ids",
          "--pieces",
          "--offsets",
          "--count",
          "--decode",
          "--stats",
          "--lines",
          "--color",
          "--add-special",
          "--no-special");
  private static final List<String> NOT_FOR_DECODING =
      List.of(
          "--ids",
          "--pieces",
          "--offsets",
          "--count",
          "--stats",
          "--json",
          "--color",
          "--add-special",
          "--parse-special",
          "--errors",
          "--threads");
  private static final List<String> NOT_FOR_STATS =
      List.of("--ids", "--pieces", "--offsets", "--count", "--lines", "--color");
  private static final List<String> MACHINE_READABLE =
      List.of("--ids", "--pieces", "--offsets", "--count", "--json");

  /** Whether colours are used. */
  enum Colour {
    AUTO,
    ALWAYS,
    NEVER
  }

  private final Streams streams;
  @Spec private @Nullable CommandSpec spec;

  @Parameters(
      arity = "0..*",
      paramLabel = "TEXT",
      description =
          "The text; several for --stats, ids for --decode, files and folders for --to-shards. Without it"
              + " and -f, standard input is read.")
  private List<String> texts = new ArrayList<>();

  @Option(
      names = {"-f", "--file"},
      paramLabel = "FILE",
      description = "Take the text from a file, - for standard input; may be given more than once.")
  private List<Path> files = new ArrayList<>();

  @Mixin private final TokenizerOptions tokenizers = new TokenizerOptions();

  @Option(names = "--ids", description = "Write ids.")
  private boolean ids;

  @Option(names = "--pieces", description = "Write the text of each token.")
  private boolean pieces;

  @Option(names = "--offsets", description = "Write the range of bytes of each token.")
  private boolean offsets;

  @Option(names = "--count", description = "Write the number of tokens.")
  private boolean count;

  @Option(
      names = "--stats",
      description =
          "Compare texts: characters, bytes, tokens, bytes per token, share of single-byte tokens.")
  private boolean stats;

  @Option(names = "--decode", description = "Turn ids, with spaces or commas between, into text.")
  private boolean decode;

  @Option(names = "--lines", description = "Take each line as a text; one result a line.")
  private boolean lines;

  @Option(names = "--add-special", description = "Add BOS, EOS and their like as the model wants.")
  private boolean addSpecial;

  @Option(
      names = "--no-special",
      description =
          "Add no special tokens (the default); with --decode, leave them out of the text.")
  private boolean noSpecial;

  @Option(
      names = "--parse-special",
      description = "Turn the text of special tokens, such as <|endoftext|>, into these.")
  private boolean parseSpecial;

  @Option(
      names = "--color",
      paramLabel = "WHEN",
      defaultValue = "auto",
      description =
          "Show tokens in colours: always, never, or auto: on a terminal, unless NO_COLOR is set. Default:"
              + " ${DEFAULT-VALUE}.")
  private Colour colour = Colour.AUTO;

  @Option(
      names = {"-t", "--threads"},
      paramLabel = "N",
      defaultValue = "0",
      description = "Threads that encode; 0 = all of the machine. Default: ${DEFAULT-VALUE}.")
  private int threads;

  @Option(
      names = "--to-shards",
      paramLabel = "DIR",
      description =
          "Write the documents of text and JSON-lines files (also in .gz .zst .xz .bz2 .zip .tar) as"
              + " train-*.bin, val-*.bin and manifest.json, in llm.c's layout.")
  private @Nullable Path shards;

  @Mixin private final ShardCommandOptions shardOptions = new ShardCommandOptions();
  @Mixin private final CorpusFormat corpus = new CorpusFormat();
  @Mixin private final OutputOptions output = new OutputOptions();

  TokenizeCommand(Streams streams) {
    this.streams = streams;
  }

  @Override
  public Integer call() throws IOException {
    check();
    output.apply();
    int workers = threads == 0 ? Runtime.getRuntime().availableProcessors() : threads;
    if (shards != null) {
      List<Path> inputs = new ArrayList<>();
      texts.forEach(path -> inputs.add(Path.of(path)));
      inputs.addAll(files);
      return new ShardsRun(streams, output, shards)
          .run(tokenizers, corpus, shardOptions, parseSpecial, workers, inputs);
    }
    if (decode) {
      return decode();
    }
    List<TextSource> sources = TextSource.of(texts, files, streams);
    TextSource.check(files);
    Tokenizer tokenizer = tokenizers.open();
    TokenFormat format = format(tokenizer, sources.size() > 1);
    StreamEncoder encoder =
        new StreamEncoder(
            tokenizer,
            new EncodeOptions(addSpecial, parseSpecial),
            corpus.replacesInvalid(),
            format.needsOffsets(),
            workers);
    for (TextSource source : sources) {
      encode(encoder, source, format);
    }
    if (format instanceof TokenStats table) {
      if (output.json) {
        table.printJson(streams.out());
      } else {
        table.print(streams.out());
      }
    }
    return ExitCode.OK;
  }

  private void encode(StreamEncoder encoder, TextSource source, TokenFormat format)
      throws IOException {
    try (InputStream in = source.opener().open()) {
      if (lines) {
        encoder.encodeLines(in, TokenFormat.Part::new, format::addLine, format::emit);
      } else {
        format.begin(source.name());
        encoder.encode(in, TokenFormat.Part::new, format::add, format::emit);
        format.end();
      }
    } catch (MalformedTextException malformed) {
      throw new InvalidTextException(
          source.name() + ": " + malformed.getMessage() + " with --errors replace");
    } catch (UncuttableTextException tooLong) {
      throw new ResourceException(source.name() + ": " + tooLong.getMessage());
    }
  }

  private TokenFormat format(Tokenizer tokenizer, boolean several) {
    if (stats) {
      return new TokenStats(tokenizer);
    }
    boolean columns = ids || pieces || offsets;
    boolean all = output.json && !columns;
    TokenList.Columns shown = new TokenList.Columns(ids || all, pieces || all, offsets || all);
    if (output.json) {
      return TokenList.json(streams.out(), tokenizer, shown, count, several);
    }
    if (count) {
      return TokenList.count(streams.out(), several);
    }
    if (columns) {
      return TokenList.plain(streams.out(), tokenizer, shown);
    }
    boolean noColour = System.getenv().getOrDefault("NO_COLOR", "").length() > 0;
    boolean coloured =
        colour == Colour.ALWAYS || colour == Colour.AUTO && streams.outIsTerminal() && !noColour;
    return streams.outIsTerminal() || coloured
        ? new TokenView(streams, tokenizer, coloured, lines, output.quiet)
        : TokenList.plain(streams.out(), tokenizer, new TokenList.Columns(true, false, false));
  }

  private int decode() throws IOException {
    List<TextSource> sources =
        texts.isEmpty()
            ? TextSource.of(texts, files, streams)
            : List.of(TextSource.text("the arguments", String.join(" ", texts)));
    TextSource.check(files);
    TokenDecoding decoding = new TokenDecoding(tokenizers.open(), noSpecial, lines, streams.out());
    for (TextSource source : sources) {
      decoding.decode(source);
    }
    if (streams.outIsTerminal() && !decoding.endsLine()) {
      streams.out().print("\n");
    }
    return ExitCode.OK;
  }

  private void check() {
    Range.check("--threads", threads, 0, MOST_THREADS);
    shardOptions.check();
    if (addSpecial && noSpecial) {
      throw new UsageException("--add-special and --no-special contradict each other");
    }
    if (shards != null) {
      exclude("--to-shards", NOT_FOR_SHARDS);
    } else {
      for (String option : ONLY_FOR_SHARDS) {
        if (given(option)) {
          throw new UsageException(option + " is for --to-shards DIR");
        }
      }
    }
    if (decode) {
      exclude("--decode", NOT_FOR_DECODING);
    }
    if (stats) {
      exclude("--stats", NOT_FOR_STATS);
    }
    if (count) {
      exclude("--count", List.of("--ids", "--pieces", "--offsets"));
    }
    if (colour == Colour.ALWAYS) {
      exclude("--color always", MACHINE_READABLE);
    }
    boolean several = (ids ? 1 : 0) + (pieces ? 1 : 0) + (offsets ? 1 : 0) > 1;
    if (lines && several && !output.json) {
      throw new UsageException(
          "with --lines give one of --ids, --pieces and --offsets, or add --json");
    }
    if (shards == null) {
      checkTexts();
    }
  }

  private void checkTexts() {
    if (!stats && !decode && texts.size() > 1) {
      throw new UsageException(
          "unexpected argument '"
              + texts.get(1)
              + "'; put a text with spaces between quotes (--stats compares several texts)");
    }
    if (!stats && !texts.isEmpty() && !files.isEmpty()) {
      throw new UsageException("the text was given twice; give it as an argument or with -f");
    }
  }

  private void exclude(String option, List<String> others) {
    for (String other : others) {
      if (given(other)) {
        throw new UsageException(option + " cannot be given together with " + other);
      }
    }
  }

  private boolean given(String option) {
    return spec != null && spec.commandLine().getParseResult().hasMatchedOption(option);
  }
}
