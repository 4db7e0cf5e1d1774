package jllm.e2e;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.stream.Stream;
import jllm.cuda.TestDevice;
import jllm.format.ModelFile;
import jllm.format.model.ModelFiles;
import jllm.model.CacheTypes;
import jllm.model.DeviceDemand;
import jllm.tensor.DType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** {@code --gpu-layers}: models of which a device holds a part. */
class GpuLayersTest {
  private static final CacheTypes FLOATS = CacheTypes.of(DType.F32);

  @TempDir Path folder;

  @ParameterizedTest
  @ValueSource(strings = {"aidreams260K.bin", "llama-Q4_K_M.gguf", "gpt2-f32.gguf", "../hf"})
  void demandGrowsWithEachBlock(String name) throws IOException {
    for (Path path : models(name)) {
      try (ModelFile file = ModelFiles.open(path)) {
        DeviceDemand demand = DeviceDemand.of(file, 100, 1, FLOATS, 512);
        for (int count = 1; count <= demand.blocks() + 1; count++) {
          long bytes = demand.bytes(count);
          assertTrue(bytes > demand.bytes(count - 1), path + ", " + count + " blocks");
          assertEquals(count, demand.fitting(bytes));
          assertEquals(count - 1, demand.fitting(bytes - 1));
        }
        DeviceDemand more = DeviceDemand.of(file, 100, 3, FLOATS, 512);
        assertTrue(more.bytes(1) > demand.bytes(1), "caches of three sequences");
      }
    }
  }

  private static Iterable<Path> models(String name) throws IOException {
    Path path = Fixtures.model(name);
    if (!name.endsWith("hf")) {
      return java.util.List.of(path);
    }
    try (Stream<Path> folders = Files.list(path)) {
      return folders.filter(each -> Files.exists(each.resolve("config.json"))).toList();
    }
  }

  @Test
  void textsDoNotDependOnWhereBlocksAre() throws Exception {
    String expected = Program.run(dream("--device", "cpu")).out();
    assertEquals(expected, text(Map.of(), 0, "--device", "cuda", "-ngl", "2"));
    String[] all = {"--device", "cuda", "--dtype", "f32", "-n", "12"};
    String longer = Program.run(dream("--device", "cpu", "-n", "12")).out();
    assertEquals(longer, text(Map.of(), 0, all));
    assertEquals(longer, text(Map.of("JLLM_CUDA_GRAPHS", "off"), 0, all));
  }

  @Test
  void whatDoesNotFitIsSaid() throws Exception {
    DeviceDemand demand;
    try (ModelFile file = ModelFiles.open(Fixtures.model("aidreams260K.bin"))) {
      demand = DeviceDemand.of(file, 20, 1, FLOATS, 512);
    }
    Map<String, String> little = memory(demand.bytes(1) - (64 << 20));
    text(little, 5, "--device", "cuda", "-ngl", "3");
    assertTrue(said().contains("3 of " + demand.blocks() + " blocks"), said());
    assertTrue(said().contains("not even one block fits"), said());
    text(little, 0, "--device", "auto");
    assertTrue(said().contains("room for 0 of " + demand.blocks() + " blocks"), said());
  }

  private static Map<String, String> memory(long bytes) {
    return Map.of("JLLM_FAKE_CUDA_MEMORY", Long.toString(bytes));
  }

  /** Runs the program on a device that is emulated, and returns what it wrote. */
  private String text(Map<String, String> more, int status, String... options) throws Exception {
    assumeFalse(TestDevice.isReal(), "the memory of a real device is not to be chosen");
    Map<String, String> environment = new HashMap<>();
    for (String name : new String[] {"JLLM_CUDA_LIBS", "XDG_CACHE_HOME"}) {
      environment.put(name, TestDevice.environment().get(name));
    }
    environment.putAll(more);
    Process process = Program.start(folder.resolve("err"), environment, dream(options));
    process.getOutputStream().close();
    String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(status, process.waitFor(), said());
    return out;
  }

  private String said() throws IOException {
    return Files.readString(folder.resolve("err"));
  }

  private static String[] dream(String... options) {
    String[] usual = {"-p", "Once upon a time", "-n", "6", "--temp", "0"};
    return Program.dream(
        Stream.concat(Stream.of(usual), Stream.of(options)).toArray(String[]::new));
  }
}
