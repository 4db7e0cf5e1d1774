package jllm.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import jllm.format.StoredTensor;
import jllm.format.gguf.GgufFile;
import jllm.generate.BundledModel;
import jllm.tensor.cpu.CpuKernels;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** {@code jllm perplexity} on a model of bytes that the test trains. */
class PerplexityTest {
  /** The context of the model. */
  private static final int CONTEXT = 64;

  private static final String TEXT = "to be, or not to be: thät is the question.\n";

  @TempDir static Path folder;
  private static Path model = Path.of("");
  private static Path text = Path.of("");

  @BeforeAll
  static void train() throws IOException {
    text = Files.writeString(folder.resolve("text.txt"), TEXT.repeat(4));
    Path data = Files.writeString(folder.resolve("data.txt"), TEXT.repeat(200));
    String shape =
        "--tokenizer byte --n-layer 1 --n-head 2 --d-model 32 --context 64 --position rope"
            + " --norm rms --activation silu --bias none --iters 4 -t 1 --batch-size 2 --gguf f32";
    List<String> args = new ArrayList<>(List.of("pretrain", "--data", data.toString(), "-q"));
    args.addAll(List.of("-o", folder.resolve("run").toString()));
    args.addAll(Arrays.asList(shape.split(" +")));
    Run run = Run.of(args.toArray(new String[0]));
    assertEquals(0, run.code(), run.err());
    model = folder.resolve("run/model-f32.gguf");
  }

  private static Run perplexity(Path file, String more) {
    List<String> args =
        new ArrayList<>(List.of("perplexity", model.toString(), "-f", file.toString()));
    args.addAll(Arrays.asList(("-t 1 " + more.replace("MODEL", model.toString())).split(" +")));
    return Run.of(args.toArray(new String[0]));
  }

  private static double field(Run run, String name) {
    assertEquals(0, run.code(), run.err());
    Matcher matcher = Pattern.compile("\"" + name + "\" : ([-0-9.E]+)").matcher(run.out());
    assertTrue(matcher.find(), run.out());
    return Double.parseDouble(matcher.group(1));
  }

  /** The log-likelihood of the bytes from {@code first} on, from the logits of the plain model. */
  private static double plain(byte[] shown, int first) throws IOException {
    String ids =
        IntStream.range(0, shown.length)
            .mapToObj(i -> String.valueOf(shown[i] & 255))
            .collect(Collectors.joining(" "));
    Path out = folder.resolve("logits.f32");
    Run run =
        Run.of(
            "logits",
            model.toString(),
            "--ids",
            ids,
            "-o",
            out.toString(),
            "--cpu-kernels",
            "scalar");
    assertEquals(0, run.code(), run.err());
    FloatBuffer logits =
        ByteBuffer.wrap(Files.readAllBytes(out)).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer();
    int vocabulary = logits.capacity() / shown.length;
    double sum = 0;
    for (int token = first; token < shown.length; token++) {
      double[] weights = new double[vocabulary];
      for (int i = 0; i < vocabulary; i++) {
        weights[i] = Math.exp(logits.get((token - 1) * vocabulary + i));
      }
      sum += Math.log(weights[shown[token] & 255] / Arrays.stream(weights).sum());
    }
    return sum;
  }

  @ParameterizedTest
  @CsvSource({"scalar", "vector"})
  void chunksGiveThePlainLikelihoodOfTheirSecondHalves(String kernels) throws IOException {
    byte[] bytes = Files.readAllBytes(text);
    double expected = 0;
    int chunks = bytes.length / CONTEXT;
    for (int chunk = 0; chunk < chunks; chunk++) {
      byte[] shown = Arrays.copyOfRange(bytes, chunk * CONTEXT, (chunk + 1) * CONTEXT);
      expected += plain(shown, CONTEXT / 2 + 1);
    }
    Run run = perplexity(text, "-c 64 --json -q --cpu-kernels " + kernels);
    int counted = chunks * (CONTEXT / 2 - 1);
    assertEquals(expected, field(run, "log_likelihood"), Math.abs(expected) * 1e-5);
    assertEquals(counted, field(run, "tokens"));
    assertEquals(counted, field(run, "bytes"));
    assertEquals(Math.exp(-expected / counted), field(run, "perplexity"), 1e-2);
    assertEquals(-expected / counted / Math.log(2), field(run, "bits_per_byte"), 1e-4);
    assertEquals(
        field(perplexity(text, "-c 64 --json -q --chunks 2"), "tokens"), CONTEXT - 2, run.out());
  }

  @Test
  void aWindowOfTheWholeTextGivesItsLikelihood() throws IOException {
    Path line = Files.writeString(folder.resolve("line.txt"), TEXT);
    double expected = plain(TEXT.getBytes(StandardCharsets.UTF_8), 1);
    Run run = perplexity(line, "-c 64 --stride 32 --json -q");
    assertEquals(expected, field(run, "log_likelihood"), Math.abs(expected) * 1e-5);
  }

  @Test
  void aModelIsAsFarFromItselfAsNothing() {
    Run run = perplexity(text, "--json -q --against MODEL");
    assertEquals(0, field(run, "kl_divergence"));
    assertEquals(0, field(run, "log_ratio"));
    assertEquals(1, field(run, "same_top"));
    Run shown = perplexity(text, "-q --against MODEL");
    assertEquals("", shown.err());
    assertTrue(shown.out().contains("same top token 100.000 +/- 0.000 %"), shown.out());
  }

  @Test
  void aSmallerModelIsALittleAway() {
    Path small = folder.resolve("small.gguf");
    Run made = Run.of("quantize", model.toString(), small.toString(), "q4_0", "-q");
    assertEquals(0, made.code(), made.err());
    Run run =
        Run.of(
            "eval",
            small.toString(),
            "-f",
            text.toString(),
            "--against",
            model.toString(),
            "--json",
            "-q");
    double divergence = field(run, "kl_divergence");
    assertTrue(divergence > 0 && divergence < 0.1, run.out());
    assertTrue(field(run, "same_top") <= 1, run.out());
  }

  private static Run checked(Path in, Path out, String more) {
    List<String> args = new ArrayList<>(List.of("quantize", in.toString(), out.toString(), "-q"));
    args.addAll(List.of("-t", "1", "--eval", text.toString()));
    args.addAll(Arrays.asList(more.split(" +")));
    return Run.of(args.toArray(new String[0]));
  }

  @Test
  void quantizingCanBeCheckedByPerplexity() throws IOException {
    Path out = folder.resolve("checked.gguf");
    Path unchecked = folder.resolve("checked.gguf.unchecked");
    Run good = checked(model, out, "iq4_nl -c 64 --max-ppl-delta 100000 --json");
    double delta = field(good, "perplexity_after") - field(good, "perplexity_before");
    assertTrue(delta > 0.01, "the model became better by " + delta);
    assertTrue(Files.exists(out) && !Files.exists(unchecked));
    byte[] before = Files.readAllBytes(out);

    Run bad = checked(model, out, "iq4_nl -c 64 --force --max-ppl-delta " + delta / 2);
    assertEquals(6, bad.code(), bad.err());
    assertTrue(bad.out().contains("perplexity "), bad.out());
    assertTrue(bad.err().contains("left at " + unchecked), bad.err());
    assertEquals(-1, Arrays.mismatch(before, Files.readAllBytes(unchecked)));
    assertEquals(-1, Arrays.mismatch(before, Files.readAllBytes(out)));
    assertError(2, "need --eval", Run.of("quantize", "a", "b", "q8_0", "--max-ppl-delta", "1"));
    assertError(2, "tokens, expected", checked(model, folder.resolve("no.gguf"), "q4_0 -c 4000"));
    assertFalse(Files.exists(folder.resolve("no.gguf.unchecked")));
  }

  @Test
  void aPerplexityThatIsNoNumberFailsTheCheck() throws IOException {
    ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(model)).order(ByteOrder.LITTLE_ENDIAN);
    try (GgufFile file = GgufFile.open(model)) {
      StoredTensor norm = Objects.requireNonNull(file.tensor("output_norm.weight"));
      for (long at = 0; at < norm.bytes(); at += 4) {
        bytes.putFloat((int) (norm.offset() + at), Float.MAX_VALUE);
      }
    }
    Path large = Files.write(folder.resolve("large.gguf"), bytes.array());
    Path out = folder.resolve("large-bf16.gguf");
    Run run = checked(large, out, "bf16 -c 64");
    assertEquals(6, run.code(), run.err());
    assertTrue(run.err().contains("to NaN"), run.err());
    assertFalse(Files.exists(out));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "-c 64 --stride 65 | 2 | the stride is 65",
        "-c 2 | 2 | the context is 2 tokens, expected 3",
        "-c 4000 -q | 2 | tokens, expected 4000 or more",
        "--chunks -1 | 2 | --chunks is -1",
        "--against missing.gguf | 3 | missing.gguf: there is no such file"
      })
  void wrongOptionsAreRefused(String options, int code, String message) {
    assertError(code, message, perplexity(text, options));
  }

  @Test
  void wrongInputIsRefused() throws IOException {
    assertError(3, "there is no such file", perplexity(folder.resolve("none.txt"), "-q"));
    assertError(3, "is a folder", perplexity(folder, "-q"));
    Path empty = Files.writeString(folder.resolve("empty.txt"), "");
    assertError(2, "the text has 0 tokens", perplexity(empty, "-q"));
    Path binary = Files.write(folder.resolve("binary.txt"), new byte[] {'a', (byte) 0xFF});
    assertError(4, "not valid UTF-8: byte 0xFF at offset 1", perplexity(binary, "-q"));
    assertError(2, "no model was named", Run.of("perplexity", "-f", text.toString()));
  }

  private static void assertError(int code, String message, Run run) {
    assertEquals(code, run.code(), run.err());
    assertTrue(run.err().contains(message), run.err());
    assertFalse(run.err().contains("\tat "), run.err());
  }

  /** They round differently; what a model knows must not depend on it. */
  @ParameterizedTest
  @ValueSource(strings = {"vector", "native"})
  void kernelSetsAgreeAboutTheBundledModel(String kernels) throws IOException {
    Assumptions.assumeTrue(
        !kernels.equals("native") || CpuKernels.nativeMissing().isEmpty(),
        () -> "no native kernels: " + CpuKernels.nativeMissing());
    double expected = ofBundledModel("scalar");
    assertEquals(expected, ofBundledModel(kernels), 0.001 * expected);
  }

  private static double ofBundledModel(String kernels) throws IOException {
    Path verse =
        Files.writeString(
            folder.resolve("verse.txt"),
            """
            To be, or not to be: that is the question:
            Whether 'tis nobler in the mind to suffer
            The slings and arrows of outrageous fortune,
            Or to take arms against a sea of troubles,
            And by opposing end them? To die: to sleep;
            No more; and by a sleep to say we end
            The heart-ache and the thousand natural shocks
            That flesh is heir to, 'tis a consummation
            Devoutly to be wish'd. To die, to sleep;
            To sleep: perchance to dream: ay, there's the rub;
            For in that sleep of death what dreams may come
            When we have shuffled off this mortal coil,
            Must give us pause: there's the respect
            That makes calamity of so long life;
            For who would bear the whips and scorns of time,
            The oppressor's wrong, the proud man's contumely,
            The pangs of despised love, the law's delay,
            The insolence of office and the spurns
            That patient merit of the unworthy takes,
            When he himself might his quietus make
            With a bare bodkin? who would fardels bear,
            To grunt and sweat under a weary life,
            But that the dread of something after death,
            The undiscover'd country from whose bourn
            No traveller returns, puzzles the will
            And makes us rather bear those ills we have
            Than fly to others that we know not of?
            """);
    Run run =
        Run.of(
            "perplexity",
            BundledModel.path().toString(),
            "-f",
            verse.toString(),
            "--ctx-size",
            "128",
            "--cpu-kernels",
            kernels,
            "--json");
    return field(run, "perplexity");
  }
}
