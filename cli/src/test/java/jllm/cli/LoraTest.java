package jllm.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import jllm.format.ModelFile;
import jllm.format.WeightSource;
import jllm.format.lora.Fingerprint;
import jllm.format.lora.GgufAdapter;
import jllm.format.lora.LoraAdapter;
import jllm.format.lora.LoraOrigin;
import jllm.format.lora.LoraPair;
import jllm.format.lora.PeftWriter;
import jllm.format.model.LinearLayers;
import jllm.format.model.ModelFiles;
import jllm.generate.BundledModel;
import jllm.tensor.DType;
import jllm.tensor.Shape;
import jllm.tensor.Tensor;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Adapters on the command line: {@code --lora}, {@code merge-lora}. */
final class LoraTest {
  private static final int RANK = 4;

  @TempDir private Path folder = Path.of("");
  private String model = "";
  private String peft = "";
  private String gguf = "";

  @BeforeEach
  void writeAdapter() throws IOException {
    model = BundledModel.path().toString();
    try (ModelFile file = ModelFiles.open(BundledModel.path());
        Arena arena = Arena.ofConfined()) {
      LoraAdapter adapter = random(file.weights(), Fingerprint.of(file.weights()), arena);
      peft = write("peft", adapter, file.weights());
      Path target = folder.resolve("adapter.gguf");
      GgufAdapter.write(target, adapter, LinearLayers.of(file.weights()));
      gguf = target.toString();
      write("foreign", random(file.weights(), "another", arena), file.weights());
    }
  }

  private String write(String name, LoraAdapter adapter, WeightSource base) throws IOException {
    Path target = Files.createDirectory(folder.resolve(name));
    new PeftWriter(adapter, LinearLayers.of(base)).write(target);
    return target.toString();
  }

  private static LoraAdapter random(WeightSource base, String fingerprint, Arena arena) {
    SplittableRandom random = new SplittableRandom(5);
    Map<String, LoraPair> pairs = new LinkedHashMap<>();
    for (LinearLayers.Layer layer : LinearLayers.of(base).all()) {
      Tensor a = Tensor.allocate(arena, DType.F32, Shape.of(RANK, layer.shape().dim(1)));
      Tensor b = Tensor.allocate(arena, DType.F32, Shape.of(layer.shape().dim(0), RANK));
      for (Tensor tensor : List.of(a, b)) {
        for (long i = 0; i < tensor.shape().elements(); i++) {
          float value = 0.05f * (float) random.nextGaussian();
          tensor.segment().setAtIndex(ValueLayout.JAVA_FLOAT, i, value);
        }
      }
      pairs.put(layer.name(), new LoraPair(a, b, 2 * RANK, false));
    }
    return new LoraAdapter("random", new LoraOrigin("base", fingerprint, 0), pairs, null);
  }

  private static String generate(String... more) {
    List<String> args =
        new ArrayList<>(List.of("generate", "-q", "-n", "24", "--temp", "0", "-t", "1", "ROMEO:"));
    args.addAll(List.of(more));
    Run run = Run.of(args.toArray(new String[0]));
    assertEquals(ExitCode.OK, run.code(), run.err());
    return run.out();
  }

  private void merge(String to, String... more) {
    List<String> args = new ArrayList<>(List.of("merge-lora", model));
    args.addAll(List.of(more));
    args.addAll(List.of("-q", "-o", folder.resolve(to).toString()));
    Run run = Run.of(args.toArray(new String[0]));
    assertEquals(ExitCode.OK, run.code(), run.err());
  }

  @Test
  void bothFormatsChangeTheTextAlike() {
    String plain = generate();
    String changed = generate("--lora", peft);
    assertNotEquals(plain, changed);
    assertEquals(changed, generate("--lora", gguf));
    assertEquals(plain, generate("--lora", peft + ":0"));
    assertEquals(plain, generate("--lora", peft, "--lora", gguf + ":-1"));
  }

  @Test
  void mergedModelsNeedNoAdapter() {
    String changed = generate("--lora", peft + ":0.75", "--lora", gguf + ":0.25");
    merge("merged.gguf", peft + ":1.5", gguf + ":0.5", "--scale", "0.5", "--type", "f32");
    assertEquals(changed, generate("-m", folder.resolve("merged.gguf").toString()));
    merge("merged", peft, "--type", "f32");
    assertEquals(changed, generate("-m", folder.resolve("merged").toString()));
    merge("small.gguf", peft, "--type", "q8_0");
    try (ModelFile small = ModelFiles.open(folder.resolve("small.gguf"))) {
      assertEquals(DType.Q8_0, small.weights().dtype("blk.0.ffn_up.weight"));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Test
  void anAdapterOfAnotherModelWarns() {
    Run run =
        Run.of("generate", "-n", "1", "--lora", folder.resolve("foreign").toString(), "ROMEO:");
    assertEquals(ExitCode.OK, run.code(), run.err());
    assertTrue(run.err().contains("was trained on another model"), run.err());
    Run own = Run.of("generate", "-n", "1", "--lora", peft, "ROMEO:");
    assertFalse(own.err().contains("another model"), own.err());
  }

  private static String[] talk(String input, String... more) {
    List<String> args =
        new ArrayList<>(List.of("chat", "-n", "12", "--temp", "0", "-t", "1", "--chat-template"));
    args.add("plain");
    args.addAll(List.of(more));
    Run run = Run.withInput(input, args.toArray(new String[0]));
    assertEquals(ExitCode.OK, run.code(), run.err());
    return new String[] {run.out(), run.err()};
  }

  /** In a talk they come, change and go, and the talk stays. */
  @Test
  void aTalkCanChangeItsAdapters() {
    String question = "Who comes here?\n";
    String plain = talk(question)[0];
    String some = talk(question, "--lora", peft + ":2")[0];
    String more = talk(question, "--lora", peft + ":4")[0];
    assertNotEquals(plain, some);
    assertNotEquals(some, more);
    String[] changing =
        talk(
            """
            Who comes here?
            /lora PEFT:2
            /regen
            /lora PEFT:4
            /regen
            /lora PEFT:1
            /lora GGUF
            /regen
            /lora
            /lora PEFT:0
            /lora -
            /regen
            /model
            """
                .replace("PEFT", peft)
                .replace("GGUF", gguf));
    assertEquals(plain + some + more + some + plain, changing[0]);
    assertTrue(changing[1].contains(peft + "\n" + gguf + "\n"), changing[1]);
    assertTrue(changing[1].contains("no adapters"), changing[1]);
    assertTrue(changing[1].contains("the bundled model (GGUF"), changing[1]);
    assertCode(ExitCode.FILE, "chat", "--lora", folder.resolve("none").toString(), "-p", "x");
    Run none = Run.withInput("/lora " + peft + ":0\n", "chat", "-q");
    assertEquals(ExitCode.USAGE, none.code());
    assertTrue(none.err().contains("to take away"), none.err());
  }

  @Test
  void wrongInputIsRefused() {
    assertCode(ExitCode.FILE, "generate", "--lora", folder.resolve("none").toString(), "x");
    assertCode(ExitCode.FILE, "generate", "--lora", folder.toString(), "x");
    assertCode(ExitCode.FORMAT, "generate", "--lora", model, "x");
    assertCode(ExitCode.USAGE, "generate", "--lora", peft + ":much", "x");
    assertCode(ExitCode.USAGE, "generate", "--lora", peft, "--prompt-cache", "c", "x");
    assertCode(ExitCode.USAGE, "merge-lora", model, peft, "-o", "x.gguf", "--type", "q9");
    assertCode(ExitCode.USAGE, "merge-lora", model, peft, "-o", "x", "--type", "q8_0");
    assertCode(ExitCode.FILE, "merge-lora", model, peft, "-o", gguf);
    assertCode(ExitCode.USAGE, "merge-lora", model, "-o", "x.gguf");
  }

  private static void assertCode(int expected, String... args) {
    Run run = Run.of(args);
    assertEquals(expected, run.code(), String.join(" ", args) + ": " + run.err());
    assertFalse(run.err().isEmpty());
  }
}
