package jllm.quantize;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import jllm.format.gguf.GgmlType;
import jllm.tensor.DType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Types as llama.cpp's tool gives them to the same models (February 2025). */
class RecipeTest {
  @TempDir private Path folder = Path.of("");

  private Map<String, GgmlType> types(SmallModel model, QuantizationOptions options)
      throws IOException {
    Path file = model.write(folder.resolve("model.gguf"));
    try (Quantizer quantizer = Quantizer.open(file, folder, options)) {
      return quantizer.plans().stream()
          .collect(Collectors.toMap(plan -> plan.tensor().name(), TensorPlan::type));
    }
  }

  private Map<String, GgmlType> types(SmallModel model, String type) throws IOException {
    return types(model, QuantizationOptions.of(QuantizationType.named(type)));
  }

  /** Numbers of the layers in which a tensor has a type. */
  private static List<Integer> layers(Map<String, GgmlType> types, String name, GgmlType type) {
    return types.entrySet().stream()
        .filter(e -> e.getKey().endsWith(name + ".weight") && e.getValue() == type)
        .map(e -> Recipe.layer(e.getKey()))
        .sorted()
        .toList();
  }

  @Test
  void sensitiveLayersOfQ4KM() throws IOException {
    var types = types(new SmallModel("llama", 22, 1, 0, 256, true), "q4_k_m");
    List<Integer> sensitive = List.of(0, 1, 4, 7, 10, 13, 16, 19, 20, 21);
    assertEquals(sensitive, layers(types, "attn_v", GgmlType.Q6_K));
    assertEquals(sensitive, layers(types, "ffn_down", GgmlType.Q6_K));
    assertEquals(GgmlType.Q6_K, types.get("output.weight"));
    assertEquals(GgmlType.Q4_K, types.get("token_embd.weight"));
    assertEquals(GgmlType.Q4_K, types.get("blk.0.attn_output.weight"));
    assertEquals(GgmlType.F32, types.get("blk.0.attn_norm.weight"));
  }

  @ParameterizedTest
  @CsvSource({
    "Q2_K, Q3_K, Q3_K, Q3_K, Q6_K",
    "Q3_K_S, Q3_K, Q3_K, Q3_K, Q6_K",
    "Q3_K_M, Q5_K, Q5_K, Q4_K, Q6_K",
    "Q3_K_L, Q5_K, Q5_K, Q5_K, Q6_K",
    "Q4_K_S, Q5_K, Q5_K, Q4_K, Q6_K",
    "Q5_K_S, Q5_K, Q5_K, Q5_K, Q6_K",
    "Q5_K_M, Q6_K, Q6_K, Q5_K, Q6_K",
    "Q6_K, Q6_K, Q6_K, Q6_K, Q6_K",
    "Q8_0, Q8_0, Q8_0, Q8_0, Q8_0",
    "Q5_1, Q5_1, Q5_1, Q5_1, Q6_K",
    "IQ4_NL, IQ4_NL, Q5_K, IQ4_NL, Q6_K",
    "IQ4_XS, IQ4_XS, Q5_K, IQ4_XS, Q6_K",
    "BF16, BF16, BF16, BF16, BF16"
  })
  void firstLayers(String type, GgmlType value, GgmlType down, GgmlType attention, GgmlType output)
      throws IOException {
    var types = types(new SmallModel("llama", 16, 1, 0, 256, true), type);
    assertEquals(value, types.get("blk.0.attn_v.weight"));
    assertEquals(down, types.get("blk.0.ffn_down.weight"));
    assertEquals(attention, types.get("blk.0.attn_output.weight"));
    assertEquals(output, types.get("output.weight"));
  }

  @Test
  void sharedKeysAndExperts() throws IOException {
    var shared = types(new SmallModel("llama", 16, 4, 0, 256, true), "q2_k");
    assertEquals(GgmlType.Q4_K, shared.get("blk.9.attn_v.weight"));
    var large = types(new SmallModel("llama", 80, 8, 0, 256, true), "q3_k_m");
    assertEquals(GgmlType.Q5_K, large.get("blk.40.attn_v.weight"));
    var eight = types(new SmallModel("llama", 16, 4, 8, 256, true), "q4_k_m");
    assertEquals(GgmlType.Q8_0, eight.get("blk.7.attn_v.weight"));
    assertEquals(GgmlType.Q8_0, eight.get("blk.7.attn_k.weight"));
    assertEquals(GgmlType.Q5_K, eight.get("blk.7.attn_output.weight"));
    assertEquals(GgmlType.F32, eight.get("blk.7.ffn_gate_inp.weight"));
    assertEquals(
        List.of(0, 1, 4, 7, 10, 13, 14, 15), layers(eight, "ffn_down_exps", GgmlType.Q6_K));
  }

  @Test
  void rowsThatAreNoWholeNumberOfBlocks() throws IOException {
    var types = types(new SmallModel("llama", 16, 1, 0, 96, false), "q4_k_m");
    assertEquals(GgmlType.Q8_0, types.get("token_embd.weight")); // it is the output, too
    assertEquals(GgmlType.Q8_0, types.get("blk.0.attn_v.weight"));
    assertEquals(GgmlType.Q5_0, types.get("blk.0.attn_q.weight"));
    assertEquals(
        GgmlType.IQ4_NL,
        types(new SmallModel("llama", 2, 1, 0, 96, true), "q2_k").get("blk.0.attn_q.weight"));
    assertEquals(
        GgmlType.F16,
        types(new SmallModel("llama", 2, 1, 0, 40, true), "q5_k_m").get("blk.0.attn_q.weight"));
  }

  @Test
  void wishesComeFirst() throws IOException {
    SmallModel model = new SmallModel("llama", 4, 1, 0, 256, true);
    QuantizationOptions pure =
        new QuantizationOptions(
            QuantizationType.Q4_K_M,
            true,
            DType.Q8_0,
            DType.Q5_1,
            List.of(
                new QuantizationOptions.Override(Pattern.compile("blk\\.[12]\\.ffn"), DType.F16),
                new QuantizationOptions.Override(Pattern.compile("ffn"), DType.Q2_K)),
            false);
    var types = types(model, pure);
    assertEquals(GgmlType.Q8_0, types.get("output.weight"));
    assertEquals(GgmlType.Q5_1, types.get("token_embd.weight"));
    assertEquals(GgmlType.F16, types.get("blk.2.ffn_down.weight"));
    assertEquals(GgmlType.Q2_K, types.get("blk.3.ffn_down.weight"));
    assertEquals(GgmlType.Q4_K, types.get("blk.3.attn_v.weight"));
  }

  @Test
  void unknownTypesAreNamedWithTheKnown() {
    var thrown = assertThrows(IllegalArgumentException.class, () -> QuantizationType.named("q7_k"));
    assertEquals(true, String.valueOf(thrown.getMessage()).contains("Q4_K_M"));
    assertEquals(QuantizationType.Q5_K_M, QuantizationType.named("q5_k"));
  }
}
