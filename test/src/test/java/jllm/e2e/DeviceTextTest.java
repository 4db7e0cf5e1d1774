package jllm.e2e;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import jllm.cuda.TestDevice;
import jllm.format.ModelFile;
import jllm.format.model.ModelFiles;
import jllm.generate.BatchGenerator;
import jllm.generate.Generation;
import jllm.generate.GenerationOptions;
import jllm.generate.Generator;
import jllm.generate.ModelTokenizer;
import jllm.generate.Penalties;
import jllm.generate.SamplingSettings;
import jllm.model.CacheTypes;
import jllm.model.Transformer;
import jllm.tensor.Backend;
import jllm.tensor.cuda.CudaBackend;
import jllm.tensor.cuda.MatrixMath;
import jllm.tokenize.Tokenizer;
import org.junit.jupiter.api.Test;

/**
 * Texts whose tokens the device chooses in recorded steps are those that the host chooses after
 * steps done one operation after the other.
 */
class DeviceTextTest {
  private static final String MODEL = "llama-Q4_K_M.gguf";
  private static final int CONTEXT = 32;
  private static final int[] PROMPT = {1, 15, 7, 3, 200, 42, 42, 9, 11, 100, 30};
  private static final SamplingSettings USUAL = settings(0.8, 40, 0.95, 0.05);
  private static final SamplingSettings FLAT = settings(2, 0, 1, 0);

  private static SamplingSettings settings(double temperature, int topK, double topP, double minP) {
    return new SamplingSettings(temperature, topK, topP, minP, Penalties.NONE, Map.of(), 9);
  }

  private static GenerationOptions options(int tokens, SamplingSettings sampling, int keep) {
    return new GenerationOptions(
        tokens, List.of(), Set.of(), true, sampling, GenerationOptions.NO_CHOICES, keep);
  }

  @Test
  void textsAreThoseOfTheHost() throws IOException {
    Map<String, String> environment = new HashMap<>(TestDevice.environment());
    environment.put("JLLM_CUDA_GRAPHS", "off");
    List<String> expected;
    try (CudaBackend plain = CudaBackend.open(0, MatrixMath.F32, environment)) {
      expected = texts(plain);
    }
    List<String> found = texts(TestDevice.backend());
    for (int i = 0; i < expected.size(); i++) {
      assertEquals(expected.get(i), found.get(i), "text " + i);
    }
  }

  /** One session writes all, so each text finds what those before left behind. */
  private static List<String> texts(Backend backend) throws IOException {
    List<String> texts = new ArrayList<>();
    try (ModelFile file = ModelFiles.open(Fixtures.model(MODEL));
        Transformer model = Transformer.of(file.weights(), backend);
        Generator generator = new Generator(model, backend, CONTEXT)) {
      Tokenizer tokenizer = ModelTokenizer.of(file, null);
      Generation first = run(generator, tokenizer, PROMPT, options(12, USUAL, -1), texts);
      int third = first.tokens()[2];
      int[] all = Arrays.copyOf(PROMPT, PROMPT.length + 5);
      System.arraycopy(first.tokens(), 0, all, PROMPT.length, 5);
      run(generator, tokenizer, all, options(9, FLAT, -1), texts);
      run(generator, tokenizer, PROMPT, options(-1, SamplingSettings.greedy(), -1), texts);
      run(generator, tokenizer, PROMPT, options(45, FLAT, 4), texts);
      GenerationOptions stopping =
          new GenerationOptions(12, List.of(), Set.of(third), false, USUAL, -1, -1);
      run(generator, tokenizer, PROMPT, stopping, texts);
      SamplingSettings penalized =
          new SamplingSettings(1, 0, 0.9, 0, new Penalties(1.3, 0, 0, 16), Map.of(third, -9f), 4);
      run(generator, tokenizer, PROMPT, options(10, penalized, -1), texts);
      SamplingSettings biased =
          new SamplingSettings(1, 50, 1, 0, Penalties.NONE, Map.of(third, -9f, 8, 4f), 4);
      run(generator, tokenizer, PROMPT, options(10, biased, -1), texts);
      run(generator, tokenizer, PROMPT, options(3, USUAL, -1), texts);
      run(generator, tokenizer, PROMPT, options(1, FLAT, -1), texts);
      String word = tokenizer.decode(Arrays.copyOf(first.tokens(), 6));
      String end = word.substring(word.length() / 2);
      GenerationOptions stopString =
          new GenerationOptions(12, List.of(end), Set.of(), true, USUAL, -1, -1);
      run(generator, tokenizer, PROMPT, stopString, texts);
      run(generator, tokenizer, all, options(-1, FLAT, -1), texts);
    }
    return texts;
  }

  /** Texts side by side, of which some the host chooses, and some end before others. */
  @Test
  void textsSideBySideAreThoseOfTheHost() throws IOException {
    Map<String, String> environment = new HashMap<>(TestDevice.environment());
    environment.put("JLLM_CUDA_GRAPHS", "off");
    List<String> expected;
    try (CudaBackend plain = CudaBackend.open(0, MatrixMath.F32, environment)) {
      expected = sideBySide(plain);
    }
    assertEquals(expected, sideBySide(TestDevice.backend()));
  }

  private static List<String> sideBySide(Backend backend) throws IOException {
    String[] texts = new String[9];
    SamplingSettings biased =
        new SamplingSettings(1, 50, 1, 0, Penalties.NONE, Map.of(8, 30f, 9, 29f), 4);
    SamplingSettings penalized =
        new SamplingSettings(1, 0, 0.9, 0, new Penalties(1.3, 0, 0, 16), Map.of(), 4);
    List<BatchGenerator.Request> requests = new ArrayList<>();
    for (int i = 0; i < texts.length; i++) {
      int[] prompt = Arrays.copyOfRange(PROMPT, i % 3, 5 + i % 6);
      SamplingSettings settings =
          switch (i) {
            case 2, 6 -> biased;
            case 4 -> SamplingSettings.greedy();
            case 5 -> penalized;
            default -> FLAT.with(1 + i, i);
          };
      requests.add(new BatchGenerator.Request(prompt, options(5 + 2 * i % 9, settings, -1)));
    }
    requests.add(new BatchGenerator.Request(PROMPT, options(-1, USUAL, -1)));
    String[] all = Arrays.copyOf(texts, requests.size());
    try (ModelFile file = ModelFiles.open(Fixtures.model(MODEL));
        Transformer model = Transformer.of(file.weights(), backend);
        BatchGenerator generator =
            new BatchGenerator(model, backend, 3, 24, CacheTypes.of(backend.activationType()))) {
      generator.generate(
          requests,
          ModelTokenizer.of(file, null),
          (number, generation, text) ->
              all[number] =
                  Arrays.toString(generation.tokens()) + generation.reason() + " " + text);
    }
    return List.of(all);
  }

  private static Generation run(
      Generator generator,
      Tokenizer tokenizer,
      int[] prompt,
      GenerationOptions options,
      List<String> texts)
      throws IOException {
    StringBuilder text = new StringBuilder();
    Generation generation = generator.generate(prompt, options, tokenizer, text::append);
    texts.add(
        Arrays.toString(generation.tokens())
            + generation.reason()
            + generation.reusedTokens()
            + " "
            + generation.decodeTokens()
            + " "
            + generation.shifts()
            + Arrays.toString(generator.session().tokens())
            + text);
    return generation;
  }
}
