package jllm.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import jllm.format.ModelFile;
import jllm.format.StoredTensor;
import jllm.format.model.ModelFiles;
import jllm.model.Transformer;
import jllm.quantize.QuantizationType;
import jllm.tensor.Backend;
import jllm.tensor.cpu.CpuKernels;
import jllm.tensor.cpu.MachineLimits;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RandomModelTest {
  /** Rows of 256 columns: whole blocks of every type. */
  private static final ModelShape SMALL = new ModelShape(8, 256, 512, 4, 2, 300, 64, false);

  @TempDir Path folder;

  @Test
  void isAModelOfTheShapeAndMixtureAskedFor() throws IOException {
    Path file = folder.resolve("m.gguf");
    RandomModel.write(file, "small", SMALL, QuantizationType.Q4_K_M);
    try (ModelFile model = ModelFiles.open(file)) {
      assertEquals(SMALL.config(), model.config());
      Map<String, String> types =
          model.tensors().stream()
              .collect(Collectors.toMap(StoredTensor::name, StoredTensor::type));
      assertEquals("Q6_K", types.get("output.weight"));
      assertEquals("Q4_K", types.get("token_embd.weight"));
      assertEquals("Q4_K", types.get("blk.0.attn_q.weight"));
      assertEquals("F32", types.get("blk.0.attn_norm.weight"));
      // Of 8 blocks: the first, the last, and every third between.
      assertEquals(
          List.of("Q6_K", "Q4_K", "Q4_K", "Q6_K", "Q4_K", "Q4_K", "Q6_K", "Q6_K"),
          IntStream.range(0, 8)
              .mapToObj(layer -> types.get("blk." + layer + ".ffn_down.weight"))
              .toList());
    }
  }

  @Test
  void isMeasuredWithFiguresThatFitTogether() throws IOException {
    Path file = folder.resolve("m.gguf");
    RandomModel.write(file, "small", SMALL, QuantizationType.Q8_0);
    try (ModelFile model = ModelFiles.open(file);
        Backend backend = CpuKernels.AUTO.open(2);
        Transformer transformer = Transformer.of(model.weights(), backend)) {
      GenerationBenchmark benchmark = new GenerationBenchmark(transformer, backend, 5);
      List<Measurement> measured =
          List.of(
              benchmark.run(new Workload.Prefill(12), 2, 0),
              benchmark.run(new Workload.Decode(3), 2, 0));
      for (Measurement measurement : measured) {
        assertEquals(2, measurement.nanos().length);
        assertTrue(measurement.tokensPerSecond() > 0);
      }
      Report report =
          new Report(
              "llama Q8_0",
              model.bytes(),
              model.parameters(),
              backend.describe(),
              2,
              ModelWork.of(model),
              new MachineLimits(1e10, 1e11),
              "float32",
              measured);
      List<String> lines = report.markdown().lines().toList();
      assertEquals(4, lines.size());
      assertTrue(lines.get(2).contains("pp12"), lines.get(2));
      assertTrue(lines.get(3).contains("tg3"), lines.get(3));
      assertEquals(1, lines.stream().map(String::length).distinct().count(), "columns align");
      assertEquals(3, report.csv().lines().count());
      Map<String, Object> decode = report.records().get(1);
      assertEquals(
          number(decode, "bytes_per_second") / 1e10, number(decode, "share_of_limit"), 1e-9);
    }
  }

  @Test
  void workIsWhatATokenMustReadAndCompute() throws IOException {
    Path file = folder.resolve("m.gguf");
    RandomModel.write(file, "small", SMALL, QuantizationType.F32);
    try (ModelFile model = ModelFiles.open(file)) {
      long layer = 256L * 256 * 2 + 2L * 128 * 256 + 3L * 512 * 256;
      long output = 300L * 256;
      ModelWork work = ModelWork.of(model);
      assertEquals(4.0 * (8 * layer + output), work.bytesPerToken());
      double attention = 4.0 * 8 * 256;
      assertEquals(
          10 * 2.0 * 8 * layer + 2.0 * output + 55 * attention,
          work.flops(new Workload.Prefill(10)));
      assertEquals(
          10 * 2.0 * (8 * layer + output) + 55 * attention, work.flops(new Workload.Decode(10)));
    }
  }

  @Test
  void unknownNamesAreRefusedWithTheKnownOnes() {
    Exception shape = assertThrows(IllegalArgumentException.class, () -> ModelShape.named("7z"));
    assertTrue(String.valueOf(shape.getMessage()).contains("1.1b"), shape.toString());
    Exception type =
        assertThrows(IllegalArgumentException.class, () -> QuantizationType.named("q9"));
    assertTrue(String.valueOf(type.getMessage()).contains("Q4_K_M"), type.toString());
  }

  private static double number(Map<String, Object> record, String field) {
    return ((Number) Objects.requireNonNull(record.get(field), field)).doubleValue();
  }
}
