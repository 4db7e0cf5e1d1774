package jllm.generate;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import jllm.format.ModelFile;
import jllm.format.model.ModelFiles;
import jllm.tokenize.Tokenizer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class BundledModelTest {
  @TempDir Path folder;

  private static List<Path> files(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.toList();
    }
  }

  @Test
  void itIsAWholeModelOfAtMostSixMegabytes() throws IOException {
    Path path = BundledModel.path();
    assertTrue(Files.size(path) <= 6_000_000, path + " has " + Files.size(path) + " bytes");
    try (ModelFile model = ModelFiles.open(path)) {
      Tokenizer tokenizer = ModelTokenizer.of(model, null);
      assertEquals(model.config().vocabularySize(), tokenizer.vocabulary().size());
    }
  }

  @Test
  void itIsCopiedOnceAndAgainIfItIsDamaged() throws IOException {
    byte[] contents = {1, 2, 3};
    Path target = folder.resolve("new");
    Path file = BundledModel.in(target, contents);
    assertArrayEquals(contents, Files.readAllBytes(file));
    Files.write(file, new byte[2]);
    assertEquals(file, BundledModel.in(target, contents));
    assertArrayEquals(contents, Files.readAllBytes(file));
    assertEquals(List.of(file), files(target));
  }

  @Test
  void anotherModelHasAnotherName() throws IOException {
    Path first = BundledModel.in(folder, new byte[] {1});
    Path second = BundledModel.in(folder, new byte[] {2});
    assertEquals(2, files(folder).size());
    assertArrayEquals(new byte[] {1}, Files.readAllBytes(first));
    assertArrayEquals(new byte[] {2}, Files.readAllBytes(second));
  }
}
