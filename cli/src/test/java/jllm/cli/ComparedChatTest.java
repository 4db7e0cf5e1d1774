package jllm.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import jllm.generate.BundledModel;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code chat --compare} and {@code perplexity --lora}: what an adapter did to its model. */
final class ComparedChatTest {
  @TempDir private Path folder = Path.of("");

  private Path adapter() throws IOException {
    Path text = folder.resolve("text.txt");
    Files.writeString(text, "The quick brown fox jumps over the lazy dog.\n".repeat(60));
    Path run = folder.resolve("run");
    String options =
        "--max-seq-length=16 --batch-size=2 --lora-rank=4 --lr=1e-2 --eval-every=0 --threads=1 -q --iters=12";
    Run tuned =
        Run.of(
            Stream.concat(
                    Stream.of(
                        "finetune-lora",
                        BundledModel.path().toString(),
                        "--data=" + text,
                        "-o=" + run),
                    Arrays.stream(options.split(" ")))
                .toArray(String[]::new));
    assertEquals(ExitCode.OK, tuned.code(), tuned.err());
    return run;
  }

  private static Run chat(String input, String... more) {
    Stream<String> usual = Stream.of("chat", "-q", "-n", "8", "--temp", "0", "-t", "1");
    return Run.withInput(input, Stream.concat(usual, Arrays.stream(more)).toArray(String[]::new));
  }

  private static double perplexity(Path text, String... more) throws IOException {
    Stream<String> usual =
        Stream.of("perplexity", BundledModel.path().toString(), "-f", text.toString(), "--json");
    Run run =
        Run.of(
            Stream.concat(
                    usual,
                    Stream.concat(Stream.of("-c", "32", "-q", "-t", "1"), Arrays.stream(more)))
                .toArray(String[]::new));
    assertEquals(ExitCode.OK, run.code(), run.err());
    return Double.parseDouble(run.out().replaceAll("(?s).*?\"perplexity\" ?: ?([0-9.]+).*", "$1"));
  }

  @Test
  void bothAnswerAndAnAdapterMakesATextLikelier() throws IOException {
    Path adapter = adapter();
    String base = BundledModel.path().toString();
    Run run = chat("", "--compare", base, adapter.toString(), "-p", "The quick");
    assertEquals(ExitCode.OK, run.code(), run.err());
    List<String> answers = answers(run, base, adapter.toString());
    assertNotEquals(answers.get(0), answers.get(1));
    Run alone = chat("", "-m", base, "-p", "The quick");
    assertEquals(alone.out().strip(), answers.get(0));
    Run tuned = chat("", "-m", base, "--lora", adapter.toString(), "-p", "The quick");
    assertEquals(tuned.out().strip(), answers.get(1));

    Run same = chat("one\ntwo\n", "--compare", base, base);
    assertEquals(ExitCode.OK, same.code(), same.err());
    assertEquals(4, same.out().split("\\[", -1).length - 1, same.out());

    Path text = folder.resolve("text.txt");
    double before = perplexity(text);
    assertTrue(perplexity(text, "--lora", adapter.toString()) < before);
    assertEquals(before, perplexity(text, "--lora", adapter + ":0"), 1e-4 * before);
  }

  private static List<String> answers(Run run, String base, String tuned) {
    String first = "[" + base + "]\n";
    String second = "[" + tuned + "]\n";
    int middle = run.out().indexOf(second);
    assertTrue(run.out().startsWith(first) && middle > 0, run.out());
    return List.of(
        run.out().substring(first.length(), middle).strip(),
        run.out().substring(middle + second.length()).strip());
  }

  @Test
  void linesAreBrokenAtSpaces() {
    assertEquals(List.of("one two", "three"), ComparedChat.wrapped("one two three", 8));
    assertEquals(List.of("abcd", "efgh", "i"), ComparedChat.wrapped("abcdefghi", 4));
    assertEquals(List.of(""), ComparedChat.wrapped("", 4));
  }

  @Test
  void wrongUseIsRefused() throws IOException {
    String base = BundledModel.path().toString();
    assertEquals(ExitCode.USAGE, chat("", "--compare", base).code());
    assertEquals(ExitCode.USAGE, chat("", "--compare", base, base, "-m", base).code());
    assertEquals(ExitCode.FILE, chat("", "--compare", base, base + ".none", "-p", "x").code());
  }
}
