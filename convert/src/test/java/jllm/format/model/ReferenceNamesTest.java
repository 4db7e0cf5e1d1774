package jllm.format.model;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import jllm.format.Fixtures;
import jllm.format.Json;
import org.junit.jupiter.api.Test;

/** Names on both sides, as the reference converter maps them. */
final class ReferenceNamesTest {
  @Test
  void namesAreThoseOfTheReference() throws IOException {
    Path file = Fixtures.get("gguf-names.json");
    for (Map.Entry<String, ?> row : Json.read(file).entrySet()) {
      HubNames names = new HubNames(Families.require(row.getKey(), "the list").hub());
      Map<String, Object> expected = new HashMap<>();
      Map<String, Object> found = new HashMap<>();
      for (Map.Entry<?, ?> pair : ((Map<?, ?>) row.getValue()).entrySet()) {
        // GGUF files of Gemma have no output layer of their own; this is what it would be called.
        String ours = pair.getValue() == null ? "output" : String.valueOf(pair.getValue());
        String hub = String.valueOf(pair.getKey());
        for (String suffix : List.of(".weight", ".bias")) {
          expected.put(ours + suffix, hub + suffix);
          found.put(ours + suffix, names.of(ours + suffix));
        }
      }
      assertEquals(expected, found, row.getKey());
    }
  }
}
