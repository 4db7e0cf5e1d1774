package jllm.ffi.kernels;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Finding and loading the library of kernels, and what is said where that fails. */
class KernelLibraryTest {
  @TempDir Path folder;

  @Test
  void offIsOff() {
    assertRefused(Map.of("JLLM_NATIVE", "off"), "off");
  }

  @Test
  void saysWhichFileIsMissing() {
    Path absent = folder.resolve("absent.so");
    assertRefused(Map.of("JLLM_NATIVE", absent.toString()), absent.toString());
  }

  @Test
  void refusesAFileThatIsNoLibrary() throws Exception {
    Path text = Files.writeString(folder.resolve("text.so"), "no library");
    assertRefused(Map.of("JLLM_NATIVE", text.toString()), "cannot be loaded");
  }

  @Test
  void refusesALibraryOfOtherThings() {
    Path other = Path.of("/lib/x86_64-linux-gnu/libm.so.6");
    Assumptions.assumeTrue(Files.exists(other), "no " + other);
    assertRefused(Map.of("JLLM_NATIVE", other.toString()), "no library of jllm's kernels");
  }

  @Test
  void refusesAnUnknownInstructionSet() {
    assertRefused(Map.of("JLLM_NATIVE_ISA", "mmx"), "avx2, avx512, avx512_bf16, amx");
  }

  @Test
  void usesNothingBeyondTheNamedInstructionSet() {
    KernelLibrary all = TestLibrary.open(Map.of());
    KernelLibrary few = TestLibrary.open(Map.of("JLLM_NATIVE_ISA", "avx2"));
    assertEquals(Set.of(InstructionSet.AVX2), few.instructionSets());
    assertTrue(all.instructionSets().containsAll(few.instructionSets()));
  }

  @Test
  void aProcessorHasAllOfASetOrNone() {
    // AVX2, AVX-512 without VNNI, and BF16: the last two sets take VNNI as well.
    int processor = 1 | 2 | 8;
    List<InstructionSet> found =
        EnumSet.allOf(InstructionSet.class).stream().filter(set -> set.in(processor)).toList();
    assertEquals(List.of(InstructionSet.AVX2), found);
  }

  /** Compilers differ in what their headers have: a library may build and then miss a function. */
  @ParameterizedTest
  @ValueSource(strings = {"gcc", "clang"})
  void everyCompilerBuildsALibraryThatLoads(String compiler) throws Exception {
    Set<InstructionSet> ofThisProcessor = TestLibrary.open(Map.of()).instructionSets();
    Assumptions.assumeTrue(
        Stream.of(System.getenv("PATH").split(File.pathSeparator, -1))
            .anyMatch(bin -> Files.isExecutable(Path.of(bin, compiler))),
        "no " + compiler);
    Path out = folder.resolve("out");
    ProcessBuilder build = new ProcessBuilder("sh", "src/main/c/build", out.toString());
    build.environment().putAll(Map.of("CC", compiler, "JLLM_NATIVE_BUILD", "required"));
    Process process = build.redirectErrorStream(true).start();
    process.getOutputStream().close();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(0, process.waitFor(), output);
    try (var files = Files.walk(out)) {
      Path library = files.filter(Files::isRegularFile).findAny().orElseThrow();
      KernelLibrary built = KernelLibrary.open(Map.of("JLLM_NATIVE", library.toString()));
      assertEquals(ofThisProcessor, built.instructionSets());
    }
  }

  @Test
  void aCopyIsMadeOnceAndRepaired() throws Exception {
    Path source = Files.writeString(folder.resolve("library"), "the library");
    Path copy = BundledLibrary.copy(source.toUri().toURL(), folder.resolve("cache"), "name.so");
    assertEquals("the library", Files.readString(copy));
    assertEquals(
        copy, BundledLibrary.copy(source.toUri().toURL(), folder.resolve("cache"), "name.so"));
    Files.writeString(copy, "cut");
    BundledLibrary.copy(source.toUri().toURL(), folder.resolve("cache"), "name.so");
    assertEquals("the library", Files.readString(copy));
    try (var files = Files.list(copy.getParent())) {
      assertEquals(1, files.count(), "no rests of copies");
    }
  }

  private static void assertRefused(Map<String, String> environment, String part) {
    MissingKernelsException e =
        assertThrows(MissingKernelsException.class, () -> KernelLibrary.open(environment));
    assertTrue(String.valueOf(e.getMessage()).contains(part), e.getMessage());
  }
}
