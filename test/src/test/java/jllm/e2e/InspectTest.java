package jllm.e2e;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import org.junit.jupiter.api.Test;

class InspectTest {

  @Test
  void showsMetadataTensorsParametersAndSizes() {
    Program.Result result = Program.run("inspect", Fixtures.model("llama-Q4_K_M.gguf").toString());
    assertEquals(0, result.code(), result.err());
    assertTrue(result.out().matches("(?s).*architecture +llama\n.*"), result.out());
    assertTrue(
        result.out().matches("(?s).*parameters +1\\.44 M \\(1,443,072\\)\n.*"), result.out());
    assertTrue(result.out().matches("(?s).*llama\\.block_count +2 *\n.*"), result.out());
    assertTrue(
        result.out().matches("(?s).*blk\\.0\\.attn_q\\.weight +Q4_K +\\[256, 256\\].*"),
        result.out());
    assertTrue(result.out().contains("\"length\":512"), "long lists are shortened");
    assertTrue(result.out().lines().allMatch(line -> line.length() < 400));
  }

  @Test
  void jsonIsComplete() throws IOException {
    String model = Fixtures.model("mixtral-f32.gguf").toString();
    JsonNode json = new ObjectMapper().readTree(Program.run("inspect", model, "--json").out());
    assertEquals("llama", json.get("config").get("architecture").asText());
    assertEquals(4, json.get("config").get("experts").asInt());
    long parameters = 0;
    for (JsonNode tensor : json.get("tensors")) {
      long elements = 1;
      for (JsonNode dimension : tensor.get("shape")) {
        elements *= dimension.asLong();
      }
      assertEquals(4 * elements, tensor.get("bytes").asLong());
      parameters += elements;
    }
    assertEquals(parameters, json.get("parameters").asLong());
    assertEquals(512, json.get("metadata").get("tokenizer.ggml.tokens").get("length").asInt());
    JsonNode full =
        new ObjectMapper().readTree(Program.run("inspect", model, "--json", "--full").out());
    assertEquals(512, full.get("metadata").get("tokenizer.ggml.tokens").size());
  }

  @Test
  void readsOtherFormats() {
    Program.Result result = Program.run("inspect", Fixtures.model("aidreams260K.bin").toString());
    assertTrue(result.out().contains("llama2.c"), result.out());
  }
}
