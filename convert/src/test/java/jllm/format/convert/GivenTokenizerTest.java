package jllm.format.convert;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import jllm.format.ModelFile;
import jllm.format.ModelFormatException;
import jllm.format.WriteListener;
import jllm.format.llama2c.RawLlama2c;
import jllm.format.model.ModelFiles;
import jllm.tokenize.VocabularySpec;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The tokenizer that is asked for travels, not the model's own. */
final class GivenTokenizerTest {
  private static final int ROWS = 270;
  private static final int TOKENS = 262;

  @TempDir private Path folder = Path.of("");
  private Path model = Path.of("");
  private Path tokenizer = Path.of("");

  @BeforeEach
  void model() throws IOException {
    Path alone = Files.createDirectory(folder.resolve("alone"));
    model = RawLlama2c.write(alone.resolve("model.bin"), RawLlama2c.checkpoint(ROWS));
    tokenizer = RawLlama2c.write(folder.resolve("own.bin"), RawLlama2c.tokenizer(TOKENS));
  }

  @Test
  void givesAFileWithoutAnyATokenizer() throws IOException {
    Path without = folder.resolve("without.gguf");
    convert(model, without, null);
    assertNull(vocabulary(without));
    Path with = folder.resolve("with.gguf");
    convert(model, with, tokenizer);
    VocabularySpec vocabulary = Objects.requireNonNull(vocabulary(with));
    assertEquals(ROWS, vocabulary.tokens().size(), "as many as the embedding has rows");
    assertEquals("t" + (TOKENS - 1), vocabulary.tokens().get(TOKENS - 1).replace('▁', ' ').strip());
  }

  @Test
  void takesThePlaceOfAGgufFilesOwn() throws IOException {
    Path first = folder.resolve("first.gguf");
    convert(model, first, tokenizer);
    Path json = folder.resolve("tokenizer.json");
    Files.writeString(
        json,
        """
        {"version": "1.0", "added_tokens": [], "normalizer": null,
         "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "use_regex": true},
         "decoder": {"type": "ByteLevel"},
         "model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": [["a", "b"]]}}
        """);
    Path second = folder.resolve("second.gguf");
    convert(first, second, json);
    VocabularySpec vocabulary = Objects.requireNonNull(vocabulary(second));
    assertEquals(List.of("a", "b", "ab"), vocabulary.tokens().subList(0, 3));
    try (ModelFile file = ModelFiles.open(second)) {
      assertEquals("gpt2", file.metadata().get("tokenizer.ggml.model"));
      assertTrue(file.metadata().containsKey("tokenizer.huggingface.json"));
      assertFalse(file.metadata().containsKey("tokenizer.ggml.scores"), "left from the former one");
    }
    Path third = folder.resolve("third");
    convert(second, third, null, TargetFormat.HF);
    assertTrue(Files.readString(third.resolve("tokenizer.json")).contains("\"ab\""));
  }

  @Test
  void refusesOneThatIsTooLarge() throws IOException {
    Path large = RawLlama2c.write(folder.resolve("large.bin"), RawLlama2c.tokenizer(ROWS + 1));
    for (TargetFormat format : TargetFormat.values()) {
      Path target = folder.resolve("large-" + format);
      ModelFormatException refused =
          assertThrows(ModelFormatException.class, () -> convert(model, target, large, format));
      assertTrue(
          String.valueOf(refused.getMessage()).contains("271 tokens, but the token embedding 270"),
          refused.getMessage());
      assertFalse(Files.exists(target));
    }
  }

  @Test
  void refusesAFolderWithoutAny() throws IOException {
    Path empty = Files.createDirectory(folder.resolve("empty"));
    assertThrows(NoSuchFileException.class, () -> convert(model, folder.resolve("x.gguf"), empty));
  }

  private static void convert(Path from, Path to, @Nullable Path tokenizer) throws IOException {
    convert(from, to, tokenizer, TargetFormat.GGUF);
  }

  private static void convert(Path from, Path to, @Nullable Path tokenizer, TargetFormat format)
      throws IOException {
    ConversionOptions options =
        new ConversionOptions(
            format, null, false, Map.of(), tokenizer, ConversionOptions.DEFAULT_SHARD);
    try (Conversion conversion = Conversion.open(from, to, options)) {
      conversion.write(WriteListener.NONE);
    }
  }

  private static @Nullable VocabularySpec vocabulary(Path file) throws IOException {
    assertNotNull(file);
    try (ModelFile model = ModelFiles.open(file)) {
      return model.vocabulary();
    }
  }
}
