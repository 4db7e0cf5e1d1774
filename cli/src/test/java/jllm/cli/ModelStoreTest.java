package jllm.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ModelStoreTest {
  @TempDir Path folder;
  private ModelStore store;
  private Path model;

  @BeforeEach
  void prepare() throws IOException {
    store = new ModelStore(folder.resolve("home/models"));
    model = Files.writeString(folder.resolve("some model.gguf"), "weights").toRealPath();
  }

  @Test
  void aNameLeadsToTheModel() throws IOException {
    assertEquals(List.of(), store.names());
    store.add("tiny", model, false);
    assertEquals(List.of("tiny"), store.names());
    assertEquals(model, store.path("tiny"));
    assertEquals(model, store.resolve(Path.of("tiny")));
  }

  @Test
  void aPathThatIsThereComesFirst() throws IOException {
    store.add("tiny", model, false);
    Path here = Files.writeString(folder.resolve("tiny"), "other");
    assertEquals(here, store.resolve(here));
    assertEquals(Path.of("unknown"), store.resolve(Path.of("unknown")));
    assertEquals(Path.of("../tiny"), store.resolve(Path.of("../tiny")));
  }

  @Test
  void aModelLyingThereHasItsOwnName() throws IOException {
    Files.createDirectories(store.folder());
    Files.writeString(store.folder().resolve("own.gguf"), "weights");
    Files.writeString(store.folder().resolve(".hidden"), "");
    assertEquals(List.of("own.gguf"), store.names());
    assertThrows(UsageException.class, () -> store.remove("own.gguf"));
    assertTrue(Files.exists(store.folder().resolve("own.gguf")));
    assertThrows(FileAlreadyExistsException.class, () -> store.add("own.gguf", model, true));
  }

  @Test
  void namesAreReplacedWhenToldToAndForgotten() throws IOException {
    store.add("tiny", model, false);
    Path other = Files.writeString(folder.resolve("other.gguf"), "weights").toRealPath();
    assertThrows(FileAlreadyExistsException.class, () -> store.add("tiny", other, false));
    store.add("tiny", other, true);
    assertEquals(other, store.path("tiny"));
    store.remove("tiny");
    assertTrue(Files.exists(other));
    var error = assertThrows(NoSuchFileException.class, () -> store.path("tiny"));
    assertTrue(String.valueOf(error.getReason()).contains("none was added"), error.getMessage());
  }

  @Test
  void whatIsGoneIsSaid() throws IOException {
    store.add("tiny", model, false);
    Files.delete(model);
    var error = assertThrows(NoSuchFileException.class, () -> store.path("tiny"));
    assertTrue(String.valueOf(error.getReason()).contains(model.toString()), error.getMessage());
    assertThrows(NoSuchFileException.class, () -> store.add("gone", model, false));
    store.remove("tiny");
    assertEquals(List.of(), store.names());
  }

  @ParameterizedTest
  @ValueSource(strings = {"", ".", "..", "a/b", "../a", "-a", "a b", "ä"})
  void aNameThatCouldBeAPathIsRefused(String name) {
    assertThrows(UsageException.class, () -> store.add(name, model, false));
    assertThrows(UsageException.class, () -> store.path(name));
  }
}
