package jllm.ffi.kernels;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.abort;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * The matrix products in C against plain loops in C, both with AddressSanitizer and
 * UndefinedBehaviorSanitizer. AMX runs on tiles in plain C as well, so that its packing, blocking
 * and edges are tested on processors without; its instructions are looked at in the compiled file.
 */
class ProductKernelSanitizerTest {
  private static final Path SOURCES = Path.of("src/main/c").toAbsolutePath();
  private static final Path TESTS = Path.of("src/test/c/kernels").toAbsolutePath();
  private static final long SEED = 20251121;

  private static final String QUANTIZED = "19 20 21 22 23 24 25 26 27 28 29 30";

  /** All types of {@code enum gemm_type}. */
  private static final String ALL = "0 1 16 17 18 " + QUANTIZED;

  @TempDir Path folder;

  @ParameterizedTest
  @CsvSource({
    "gemm_f32_avx2, jllm_gemm_f32, avx2, AVX2, 1e-5, 0 1",
    "gemm_f32_avx512, jllm_gemm_f32, avx512, AVX512, 1e-5, " + ALL,
    "gemm_bf16_avx512, jllm_gemm_bf16, avx512_bf16, AVX512_BF16, 5e-3, " + ALL,
    "gemm_bf16_amx, jllm_gemm_bf16, amx, AVX512_BF16, 5e-3, " + ALL,
    "gemm_bf16_amx, jllm_gemm_bf16, amx, AMX, 5e-3, " + ALL,
    "gemm_int8_avx512, jllm_gemm_int8, avx512, AVX512, 2e-2, " + QUANTIZED,
  })
  void agreesWithLoopsAndStaysInItsMemory(
      String file, String family, String set, InstructionSet needed, String tolerance, String types)
      throws Exception {
    List<String> more = new ArrayList<>(List.of("-DFAMILY=" + family, "-DSET=" + set));
    if (needed == InstructionSet.AMX) {
      more.addAll(List.of("-DTILES", SOURCES.resolve("processor.c").toString()));
    } else if (set.equals("amx")) {
      more.add("-DJLLM_AMX_TILES=\"" + TESTS.resolve("amx_emulation.h") + "\"");
    }
    List<String> arguments = new ArrayList<>(List.of(tolerance));
    arguments.addAll(Arrays.asList(types.split(" ")));
    check("gemm_test", file, needed, more, arguments);
  }

  @ParameterizedTest
  @CsvSource({"slim_avx2, jllm_slim_avx2, AVX2", "slim_avx512, jllm_slim_avx512, AVX512"})
  void slimProductsAgreeWithLoopsAndStayInTheirMemory(
      String file, String kernel, InstructionSet needed) throws Exception {
    check("slim_test", file, needed, List.of("-DKERNEL=" + kernel), List.of());
  }

  /** Compiles a test with the kernels of a file, and runs it. */
  private void check(
      String test, String file, InstructionSet needed, List<String> options, List<String> arguments)
      throws Exception {
    assumeTrue(
        TestLibrary.open(Map.of()).instructionSets().contains(needed),
        "this processor has no " + needed.title());
    Path program = folder.resolve(file);
    List<String> compile = new ArrayList<>(List.of(compiler()));
    boolean tiles = options.contains("-DTILES");
    compile.addAll(options(file).filter(option -> tiles || !option.startsWith("-mamx")).toList());
    compile.addAll(List.of("-std=c11", "-O1", "-g", "-Wall", "-Wextra", "-Werror"));
    compile.addAll(List.of("-fsanitize=address,undefined", "-fno-sanitize-recover=all"));
    compile.addAll(List.of("-I", SOURCES.toString()));
    compile.addAll(options);
    compile.add(TESTS.resolve(test + ".c").toString());
    compile.add(SOURCES.resolve(file + ".c").toString());
    compile.addAll(List.of("-lm", "-o", program.toString()));
    Result compiled = run(compile);
    if (compiled.text().contains("libasan") || compiled.text().contains("cannot find -l")) {
      abort("the compiler has no sanitizers: " + compiled.text());
    }
    assertEquals(0, compiled.code(), compiled.text());
    List<String> command = new ArrayList<>(List.of(program.toString(), Long.toString(SEED)));
    command.addAll(arguments);
    Result result = run(command);
    assertEquals(0, result.code(), () -> "seed " + SEED + ": " + result.text());
  }

  /** What few processors can run: the tiles' set-up, the products, and the release. */
  @Test
  void amxIsCompiledToTileInstructions() throws Exception {
    Path assembly = folder.resolve("amx.s");
    List<String> compile = new ArrayList<>(List.of(compiler(), "-std=c11", "-O3", "-S"));
    compile.addAll(options("gemm_bf16_amx").toList());
    compile.addAll(
        List.of(SOURCES.resolve("gemm_bf16_amx.c").toString(), "-o", assembly.toString()));
    Result compiled = run(compile);
    assumeTrue(compiled.code() == 0, "the compiler does not know AMX: " + compiled.text());
    List<String> lines = Files.readAllLines(assembly).stream().map(String::strip).toList();
    for (String instruction : List.of("ldtilecfg", "tileloadd", "tilestored", "tilerelease")) {
      assertTrue(lines.stream().anyMatch(line -> line.startsWith(instruction)), instruction);
    }
    List<String> products = lines.stream().filter(line -> line.startsWith("tdpbf16ps")).toList();
    // Sums in tiles 0 to 3 of rows in 4 and 5 and columns in 6 and 7.
    List<String> expected =
        List.of(
            "tdpbf16ps %tmm6, %tmm4, %tmm0",
            "tdpbf16ps %tmm7, %tmm4, %tmm1",
            "tdpbf16ps %tmm6, %tmm5, %tmm2",
            "tdpbf16ps %tmm7, %tmm5, %tmm3");
    assertEquals(Set.copyOf(expected), Set.copyOf(products));
  }

  /** The first line of a file says with which options it is compiled. */
  private static Stream<String> options(String file) throws IOException {
    String first = Files.readAllLines(SOURCES.resolve(file + ".c")).getFirst();
    return Arrays.stream(first.substring("// options: ".length()).split(" "));
  }

  private String compiler() throws Exception {
    for (String name : List.of("cc", "gcc", "clang")) {
      try {
        if (run(List.of(name, "--version")).code() == 0) {
          return name;
        }
      } catch (IOException absent) {
        continue;
      }
    }
    return abort("no C compiler (cc, gcc, clang)");
  }

  private record Result(int code, String text) {}

  private Result run(List<String> command) throws Exception {
    Path log = Files.createTempFile(folder, "run", ".log");
    Process process =
        new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(log.toFile()).start();
    if (!process.waitFor(5, TimeUnit.MINUTES)) {
      process.destroyForcibly();
      throw new AssertionError("no end after five minutes: " + command);
    }
    return new Result(process.exitValue(), Files.readString(log));
  }
}
