package jllm.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** {@code jllm inspect} on a model that the test trains, and on numbers. */
class InspectTest {
  @TempDir static Path folder;
  private static String run = "";
  private static String model = "";
  private static String small = "";

  @BeforeAll
  static void train() throws IOException {
    Path data = Files.writeString(folder.resolve("data.txt"), "to be, or not to be. ".repeat(400));
    run = folder.resolve("run").toString();
    String shape =
        "--tokenizer byte --n-layer 1 --n-head 2 --d-model 64 --context 64 --position rope"
            + " --norm rms --activation silu --bias none --iters 2 -t 1 --batch-size 2 --gguf f32";
    List<String> args = new ArrayList<>(List.of("pretrain", "--data", data.toString(), "-q"));
    args.addAll(List.of("-o", run));
    args.addAll(Arrays.asList(shape.split(" +")));
    ok(Run.of(args.toArray(new String[0])));
    model = folder.resolve("run/model-f32.gguf").toString();
    small = folder.resolve("small.gguf").toString();
    ok(Run.of("quantize", model, small, "q8_0", "-q"));
  }

  private static String ok(Run run) {
    assertEquals(0, run.code(), run.err());
    return run.out();
  }

  private static Run inspect(String arguments) {
    List<String> args = new ArrayList<>(List.of("inspect"));
    for (String argument : arguments.split(" +")) {
      args.add(argument.replace("RUN", run).replace("MODEL", model).replace("SMALL", small));
    }
    return Run.of(args.toArray(new String[0]));
  }

  private static void contains(String text, String part) {
    assertTrue(text.contains(part), part + " is not in\n" + text);
  }

  @Test
  void theTableOfTrainingCostIsTheCourses() {
    String table = ok(inspect("--training-cost"));
    List<String> times =
        List.of("13 years", "1,600 years", "99,900 years", "801,000 years", "266,000 years");
    List<String> lines = table.lines().skip(1).limit(5).toList();
    for (int i = 0; i < times.size(); i++) {
      assertTrue(lines.get(i).endsWith("  " + times.get(i)), table);
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "--params 175e9 --tokens 300e9 --epochs 1 --flops 100e9 | 99,900 years",
        "--params 117M --tokens 600M --epochs 100 | 13 years",
        "--preset gpt-2 | 1,600 years",
        "--preset Llama-2 --flops 1e12 | 26,600 years",
        "--params 1M --tokens 1M | 60.0 seconds",
        "--preset gopher-44m --vocab-size 32000 --tokens 1B | 29.6 days",
        "MODEL --tokens 100e12 | 69.8 K",
        "--layers 1000,300,1000 | 601,300"
      })
  void numbersAreWorkedOut(String arguments, String result) {
    contains(ok(inspect(arguments)), result);
  }

  @Test
  void aPresetShowsItsShape() {
    String shape = ok(inspect("--preset gopher-417m --vocab-size 32000 --json"));
    contains(shape, "\"layers\" : 12");
    contains(shape, "\"width\" : 1536");
    // 12 blocks of 12 C^2 + 13 C, tokens and positions, the last norm.
    long width = 1536;
    long expected = 12 * (12 * width * width + 13 * width) + (32_000 + 2048) * width + 2 * width;
    contains(shape, "\"parameters\" : " + expected);
  }

  @Test
  void aModelIsDescribed() {
    String text = ok(inspect("MODEL --stats"));
    contains(text, "tokenizer       BPE, 25");
    contains(text, "feed forward");
    contains(text, "not finite");
    contains(text, "cache of 64 positions");
    String json = ok(inspect("MODEL --stats --json --context 32"));
    for (String field : List.of("std", "zeros", "tokenizer", "cache_bytes", "metadata", "config")) {
      contains(json, "\"" + field + "\" : ");
    }
    // Two of keys and values, 1 layer, 64 floats, 32 positions.
    contains(json, "\"cache_bytes\" : " + 2 * 64 * 4 * 32);
    contains(ok(inspect("RUN")), "checkpoint      step 2");
  }

  @Test
  void aFileIsEqualToItself() {
    contains(ok(inspect("--diff MODEL MODEL")), "equal: ");
    contains(ok(inspect("--diff MODEL RUN/checkpoints/step-2")), "equal: ");
  }

  @Test
  void quantizedWeightsDiffer() {
    Run different = inspect("--diff MODEL SMALL");
    assertEquals(6, different.code(), different.err());
    contains(different.out(), "F32 and Q8_0");
    assertEquals(0, inspect("--diff MODEL SMALL --tolerance 0.02").code());
    assertEquals(0, inspect("--diff RUN/checkpoints/step-2 SMALL --tolerance 0.02").code());
    Run strict = inspect("--diff MODEL SMALL --tolerance 1e-4 --json");
    assertEquals(6, strict.code(), strict.err());
    contains(strict.out(), "\"equal\" : false");
  }

  @ParameterizedTest
  @CsvSource({
    "sentencepiece/llama2-bpe.model, 'SentencePiece BPE, 32,000 tokens'",
    "sentencepiece/unigram-1000.model, 'SentencePiece unigram, 1,000 tokens'",
    "models/aidreams-tok512.bin, 'SentencePiece BPE, 512 tokens'",
    "hf/pythia/tokenizer.json, 'BPE, 50,278 tokens'",
    "vocab/bert-bge.gguf, WordPiece",
    "training/gpt2-bytes/train.bin, 'tokens      1,003,854'",
    "models/aidreams260K.bin, 'llama2.c version 0'",
    "models/mixtral-f32.gguf, 'experts'"
  })
  void filesOfOthersAreDescribed(String file, String what) {
    contains(ok(Run.of("inspect", CliFixtures.path(file).toString())), what);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "--params 1x --tokens 1 | 2 | '1x' is no number above 0",
        "--params 7B | 2 | give --tokens",
        "--params 7B --preset palm --tokens 1 | 2 | choose one",
        "--preset nix | 2 | there is no preset nix; known are gpt-1",
        "--layers 5 | 2 | --layers has one width",
        "--layers 5,0 | 2 | --layers has a width of 0",
        "MODEL --training-cost | 2 | leave",
        "--diff MODEL | 2 | --diff compares two models, but 1 were named",
        "MODEL SMALL | 2 | compare them with --diff",
        "MODEL --tolerance 1 | 2 | --tolerance belongs to --diff",
        "missing.gguf | 3 | missing.gguf: there is no such file",
        "missing.bin | 3 | missing.bin: there is no such file"
      })
  void wrongUseIsRefused(String arguments, int code, String message) {
    Run wrong = inspect(arguments);
    assertEquals(code, wrong.code(), wrong.err());
    contains(wrong.err(), message);
    assertFalse(wrong.err().contains("\tat "), wrong.err());
  }

  @Test
  void otherFilesAreRefused() throws IOException {
    Path empty = Files.createFile(folder.resolve("empty.bin"));
    assertEquals(4, Run.of("inspect", empty.toString()).code());
    Path text = Files.writeString(folder.resolve("text.txt"), "to be");
    assertEquals(4, Run.of("inspect", text.toString()).code());
  }
}
