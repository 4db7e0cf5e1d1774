package jllm.ffi.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class NativeLibraryTest {
  private static final String NAME = "libjllm-is-nowhere.so.1";

  @TempDir Path folder;

  private static String messageOf(boolean toolkit, Map<String, String> environment) {
    MissingLibraryException error =
        assertThrows(
            MissingLibraryException.class,
            () -> NativeLibrary.load("library of tests", List.of(NAME), toolkit, environment));
    return String.valueOf(error.getMessage());
  }

  @Test
  void librariesOfTheDriversVersionComeFirst() {
    assertEquals(List.of("lib.so.12", "lib.so.13"), NativeLibrary.versions("lib.so", 12080));
    assertEquals(List.of("lib.so.13", "lib.so.12"), NativeLibrary.versions("lib.so", 13000));
  }

  @Test
  void theMessageSaysWhatIsMissingAndWhereItWasSought() {
    assertEquals(
        "no library of tests ("
            + NAME
            + "): looked into JLLM_CUDA_LIBS (not set) and the loader's path",
        messageOf(false, Map.of()));
    String message = messageOf(true, Map.of("JLLM_CUDA_LIBS", "/no/such/folder"));
    assertTrue(message.contains("JLLM_CUDA_LIBS=/no/such/folder"), message);
    assertTrue(message.contains("/usr/local/cuda*/lib64"), message);
  }

  @Test
  void foldersOfPythonEnvironmentsAreLookedInto() throws IOException {
    Path lib = folder.resolve("lib/python3.12/site-packages/nvidia/cublas/lib");
    Files.createDirectories(lib);
    String message = messageOf(true, Map.of("VIRTUAL_ENV", folder.toString()));
    assertTrue(message.contains(lib.toString()), message);
  }

  @Test
  void aFileThatIsNoLibraryIsNamed() throws IOException {
    Files.writeString(folder.resolve(NAME), "text");
    String message = messageOf(false, Map.of("JLLM_CUDA_LIBS", folder.toString()));
    assertTrue(message.contains("cannot be loaded"), message);
  }
}
